package xmpptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const (
	nsBOSH  = "http://jabber.org/protocol/httpbind"
	nsXBOSH = "urn:xmpp:xbosh"
)

// bosh is a stream of XEP-0206. Each request runs in a goroutine, since the
// server may hold it; answers are taken in the order of the requests.
type bosh struct {
	url    string
	domain string
	http   *http.Client
	ctx    context.Context // ends with abort
	cancel context.CancelFunc
	slots  chan struct{} // requests that the server lets us have open
	wg     sync.WaitGroup

	sid     string
	rid     int64
	pending []chan answer // in the order of the requests
	events  []xmlstream.Event
}

type answer struct {
	body *xmlstream.Element
	err  error
}

func dialBOSH(o Options) (*bosh, error) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &http.Transport{TLSClientConfig: o.TLS}
	return &bosh{
		url: o.Addr, domain: o.Domain, http: &http.Client{Transport: t}, ctx: ctx, cancel: cancel,
		slots: make(chan struct{}, 2), rid: rand.Int64N(1 << 40),
	}, nil
}

// start opens the session, or restarts the stream in it.
func (b *bosh) start(domain string) error {
	attrs := fmt.Sprintf("to='%s' xml:lang='en' wait='20' hold='1' ver='1.6' content='text/xml; charset=utf-8' xmlns:xmpp='%s' xmpp:version='1.0'", escape(domain), nsXBOSH)
	if b.sid != "" {
		attrs = fmt.Sprintf("to='%s' xmpp:restart='true' xmlns:xmpp='%s'", escape(domain), nsXBOSH)
		b.events = append(b.events, xmlstream.Event{Kind: xmlstream.Open, Element: xmlstream.New(nsBOSH, "body")})
	}
	return b.post(attrs, "")
}

// post sends one body, once the server has a slot for it.
func (b *bosh) post(attrs, content string) error {
	select {
	case b.slots <- struct{}{}:
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
	b.rid++
	if b.sid != "" {
		attrs += " sid='" + b.sid + "'"
	}
	text := fmt.Sprintf("<body xmlns='%s' rid='%d' %s>%s</body>", nsBOSH, b.rid, attrs, content)
	done := make(chan answer, 1)
	b.pending = append(b.pending, done)
	b.wg.Go(func() {
		body, err := b.ask(text)
		<-b.slots
		done <- answer{body, err}
	})
	return nil
}

func (b *bosh) ask(text string) (*xmlstream.Element, error) {
	req, err := http.NewRequestWithContext(b.ctx, http.MethodPost, b.url, bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	res, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("xmpptest: BOSH answered %s: %s", res.Status, data)
	}
	return xmlstream.Parse(data, xmlstream.Standalone, xmlstream.DefaultLimits().WithStanza(1<<20))
}

func (b *bosh) next(ctx context.Context) (xmlstream.Event, error) {
	for len(b.events) == 0 {
		if len(b.pending) == 0 {
			if err := b.post("", ""); err != nil {
				return xmlstream.Event{}, err
			}
		}
		select {
		case a := <-b.pending[0]:
			b.pending = b.pending[1:]
			if a.err != nil {
				return xmlstream.Event{}, a.err
			}
			b.take(a.body)
		case <-ctx.Done():
			return xmlstream.Event{}, context.Cause(ctx)
		}
	}
	ev := b.events[0]
	b.events = b.events[1:]
	return ev, nil
}

// take turns a body into events.
func (b *bosh) take(body *xmlstream.Element) {
	if b.sid == "" && body.Attr("sid") != "" {
		b.sid = body.Attr("sid")
		b.events = append(b.events, xmlstream.Event{Kind: xmlstream.Open, Element: body})
	}
	for e := range body.Children() {
		b.events = append(b.events, xmlstream.Event{Kind: xmlstream.Stanza, Element: e})
	}
	if body.Attr("type") == "terminate" {
		b.events = append(b.events, xmlstream.Event{Kind: xmlstream.Close, Element: body})
	}
}

func (b *bosh) send(xml string) error {
	all, err := xmlstream.ParseAll([]byte(xml), xmlstream.Client, xmlstream.DefaultLimits().WithStanza(1<<20))
	if err != nil {
		return b.post("", xml)
	}
	content := ""
	for _, e := range all {
		content += e.String()
	}
	return b.post("", content)
}

func (b *bosh) end() error { return b.post("type='terminate'", "") }

func (b *bosh) abort() {
	b.cancel()
	b.wg.Wait()
	b.http.CloseIdleConnections()
}

func (b *bosh) state() *tls.ConnectionState { return nil }
