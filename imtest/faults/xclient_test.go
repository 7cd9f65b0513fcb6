package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const nsSM = "urn:xmpp:sm:3"

// xdevice is an XMPP client of a user. What it knows of stream management
// outlives its connections. One goroutine uses it.
type xdevice struct {
	cell     *cell
	name     string // of the user
	resource string
	via      string // address in place of the ACS's own, if not empty
	stays    bool   // comes back to the ACS of its session, and nowhere else
	sm       sm
	scram    map[string]*scram.Client // remembers derived keys, as clients do

	binds, resumes, lost atomic.Int64 // sessions, resumptions, resumptions that were refused

	mu      sync.Mutex
	refused map[string]int // guarded by mu: logins and resumptions, by condition
}

// sm is the client's side of XEP-0198 for one session.
type sm struct {
	id    string
	at    *server // where the session is
	in    uint32  // stanzas received
	acked uint32  // of those sent, what the server has
	out   []outgoing
}

// outgoing is a stanza without an acknowledgement; x is nil for what is no text.
type outgoing struct {
	xml string
	x   *text
}

func password(user string) string { return "the secret of " + user }

func (c *cell) xdevice(user, resource string) *xdevice {
	return &xdevice{cell: c, name: user, resource: resource, scram: make(map[string]*scram.Client), refused: make(map[string]int)}
}

func (d *xdevice) bare() string { return d.name + "@" + domain }

// account makes the user, with a password.
func (c *cell) account(user string) (im.UserID, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	u, err := c.acs[0].api().CreateUser(ctx, user+"@"+domain, password(user))
	return u.ID, err
}

// xlink is a logged-in stream.
type xlink struct {
	d      *xdevice
	c      *xmpptest.Client
	acs    *server
	fresh  bool // a new session, not a resumed one
	doubt  []*text
	events chan xevent
	heard  atomic.Int64 // when something came last

	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // nothing is read any more
	why    error         // read it after ended is closed
}

// xevent is an element from the server.
type xevent struct {
	at time.Time
	e  *xmlstream.Element
}

// open connects, secures the stream and logs in.
func (d *xdevice) open(ctx context.Context, s *server) (*xmpptest.Client, error) {
	addr := d.via
	if addr == "" {
		addr = s.xmpp.Addr()
	}
	c, err := xmpptest.Dial(ctx, xmpptest.Options{
		Addr: addr, Domain: domain, User: d.name, Password: password(d.name), Resource: d.resource, TLS: d.cell.xtls, SCRAM: d.keys,
	})
	if err != nil {
		return nil, err
	}
	if err := c.Authenticate(ctx); err != nil {
		c.Abort()
		return nil, err
	}
	return c, nil
}

func (d *xdevice) keys(mechanism string) *scram.Client {
	if d.scram[mechanism] == nil {
		// It fails for names that SCRAM does not know, and the server's are known.
		d.scram[mechanism], _ = xmpptest.NewSCRAM(mechanism, d.name, password(d.name))
	}
	return d.scram[mechanism]
}

// login goes on with the session that there was, if it can, else begins one.
func (d *xdevice) login(ctx context.Context, s *server) (*xlink, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*dialTimeout)
	defer cancel()
	c, err := d.open(ctx, s)
	if err != nil {
		d.note(err)
		return nil, err
	}
	k, err := d.begin(ctx, c, s)
	if err != nil {
		d.note(err)
		c.Abort()
		return nil, err
	}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	go k.read()
	return k, nil
}

func (d *xdevice) begin(ctx context.Context, c *xmpptest.Client, s *server) (*xlink, error) {
	k := &xlink{d: d, c: c, acs: s, events: make(chan xevent, 256), ended: make(chan struct{})}
	k.heard.Store(time.Now().UnixNano())
	if d.sm.id != "" {
		ok, err := k.resume(ctx)
		if ok || err != nil {
			return k, err
		}
	}
	if err := c.Bind(ctx); err != nil {
		return nil, err
	}
	d.binds.Add(1)
	if err := c.Send("<enable xmlns='" + nsSM + "' resume='true'/>"); err != nil {
		return nil, err
	}
	e, err := c.Take(ctx, func(e *xmlstream.Element) bool { return e.Space == nsSM })
	if err != nil {
		return nil, err
	}
	if e.Local != "enabled" {
		return nil, &xmpptest.Unexpected{Element: e}
	}
	d.sm = sm{id: e.Attr("id"), at: s}
	k.fresh = true
	return k, nil
}

// resume asks for the old session; false: it cannot be had, and a new one may be
// begun on the same stream.
func (k *xlink) resume(ctx context.Context) (bool, error) {
	d := k.d
	if err := k.c.Send("<resume xmlns='%s' h='%d' previd='%s'/>", nsSM, d.sm.in, d.sm.id); err != nil {
		return false, err
	}
	e, err := k.c.Next(ctx)
	if err != nil {
		return false, err
	}
	if !e.Is(nsSM, "resumed") {
		d.lost.Add(1)
		d.note(&xmpptest.Unexpected{Element: e})
		if e.Is(nsSM, "failed") && e.Child(stanza.NSStanzas, string(stanza.ItemNotFound)) != nil {
			d.sm = sm{}
			return false, nil
		}
		return false, &xmpptest.Unexpected{Element: e}
	}
	d.resumes.Add(1)
	d.sm.at = k.acs
	// What h covers is dealt with, but a refusal may still be on its way again.
	if k.doubt, err = d.sm.ack(e); err != nil {
		return false, err
	}
	for _, o := range d.sm.out {
		if err := k.c.Send(o.xml); err != nil {
			return false, err
		}
	}
	return true, nil
}

// ack takes an h, and returns the texts that it covers.
func (m *sm) ack(e *xmlstream.Element) (covered []*text, err error) {
	h, err := strconv.ParseUint(e.Attr("h"), 10, 32)
	n := uint32(h) - m.acked
	if err != nil || n > uint32(len(m.out)) {
		return nil, fmt.Errorf("%v acknowledges more than %d and the %d sent after", e, m.acked, len(m.out))
	}
	for _, o := range m.out[:n] {
		if o.x != nil {
			covered = append(covered, o.x)
		}
	}
	m.out, m.acked = m.out[n:], uint32(h)
	return covered, nil
}

// note counts a refusal.
func (d *xdevice) note(err error) {
	var u *xmpptest.Unexpected
	if !errors.As(err, &u) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused[conditionOf(u.Element)]++
}

// conditionOf is what an error says, by its name.
func conditionOf(e *xmlstream.Element) string {
	if c := xmpptest.ReasonOf(e); c != "" {
		return c
	}
	if c := e.First(); c != nil {
		return c.Local
	}
	return e.Local
}

// resumptions sums up what became of the sessions of XMPP devices.
func (l *load) resumptions() (resumed, refused int64) {
	for _, p := range l.people {
		if p.x != nil {
			resumed, refused = resumed+p.x.resumes.Load(), refused+p.x.lost.Load()
		}
	}
	return resumed, refused
}

// connect tries on until ctx ends: mostly where the session is, so that it can
// be resumed, and then anywhere.
func (d *xdevice) connect(ctx context.Context) (*xlink, error) {
	for try := 0; ; try++ {
		s := d.cell.acs[rand.IntN(numACS)]
		if d.sm.id != "" && (d.stays || try == 0 && rand.IntN(3) > 0) {
			s = d.sm.at
		}
		k, err := d.login(ctx, s)
		if err == nil {
			return k, nil
		}
		t := time.NewTimer(time.Duration(50+rand.IntN(50<<min(try, 3))) * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, fmt.Errorf("%s could not log in by XMPP: %w", d.name, err)
		case <-t.C:
		}
	}
}

func (k *xlink) read() {
	defer close(k.ended)
	for {
		e, err := k.c.Next(k.ctx)
		if err != nil {
			k.why = err
			return
		}
		now := time.Now()
		k.heard.Store(now.UnixNano())
		select {
		case k.events <- xevent{now, e}:
		case <-k.ctx.Done():
			k.why = k.ctx.Err()
			return
		}
	}
}

// close breaks the connection and waits for the reader.
func (k *xlink) close() {
	k.cancel()
	<-k.ended
	k.c.Abort()
}

// send writes a stanza, which counts.
func (k *xlink) send(xml string, x *text) error {
	k.d.sm.out = append(k.d.sm.out, outgoing{xml, x})
	return k.c.Send(xml)
}

// request asks how much the server has.
func (k *xlink) request() error { return k.c.Send("<r xmlns='" + nsSM + "'/>") }

func (k *xlink) quiet() time.Duration { return time.Since(time.Unix(0, k.heard.Load())) }

// manage does what a client does by itself: it counts, acknowledges, and answers
// what the server asks.
func (k *xlink) manage(e *xmlstream.Element) error {
	switch {
	case stanza.IsStanza(e):
		k.d.sm.in++
		if typ := e.Attr("type"); e.Local == "iq" && (typ == "get" || typ == "set") {
			return k.send(string(stanza.Bytes(stanza.Result(e, nil))), nil)
		}
	case e.Is(nsSM, "r"):
		return k.c.Send("<a xmlns='%s' h='%d'/>", nsSM, k.d.sm.in)
	}
	return nil
}

// goodbye is the stream error that the server ends a stream with; empty when it
// gave none.
func goodbye(e *xmlstream.Element) string {
	if e.Is(xmlstream.NSStreams, "error") {
		return xmpptest.ReasonOf(e)
	}
	return ""
}

// end waits for the end of an old connection and says what was told.
func (k *xlink) end(t *testing.T) string {
	t.Helper()
	limit := time.After(15 * time.Second)
	for {
		select {
		case e := <-k.events:
			if why := goodbye(e.e); why != "" {
				return why
			}
		case <-k.ended:
			for len(k.events) > 0 {
				if why := goodbye((<-k.events).e); why != "" {
					return why
				}
			}
			if errors.Is(k.why, io.EOF) {
				return "closed"
			}
			return "broken"
		case <-limit:
			t.Fatal("an XMPP session of a frozen ACS lives on beside its successor")
		}
	}
}

// wait returns the next element that want takes, or fails the test.
func (k *xlink) wait(t *testing.T, limit time.Duration, what string, want func(*xmlstream.Element) bool) xevent {
	t.Helper()
	end := time.After(limit)
	for {
		select {
		case ev := <-k.events:
			must(t, k.manage(ev.e))
			if want(ev.e) {
				return ev
			}
		case <-k.ended:
			select { // what came before the end comes first
			case ev := <-k.events:
				if want(ev.e) {
					return ev
				}
				continue
			default:
			}
			t.Fatalf("the stream ended (%v) before %s", k.why, what)
		case <-end:
			t.Fatalf("%s did not come within %v", what, limit)
		}
	}
}
