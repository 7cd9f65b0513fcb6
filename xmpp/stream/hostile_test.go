package stream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// bad is what no stream may hold, within its header, and the condition it ends
// with (RFC 6120 sections 4.9.3 and 11): what other servers took for harmless,
// or parsed otherwise than their clients, or spent their memory on.
var bad = []struct{ name, xml, condition string }{
	{"comment", "<!-- x -->", "restricted-xml"},
	{"processing instruction", "<?x y?>", "restricted-xml"},
	{"DOCTYPE", "<!DOCTYPE x [<!ENTITY a 'b'>]>", "restricted-xml"},
	{"comment in a stanza", "<iq xmlns='jabber:client'><!-- x --></iq>", "restricted-xml"},
	{"entity", "<iq xmlns='jabber:client'>&lol;</iq>", "restricted-xml"},
	{"undeclared prefix", "<iq xmlns='jabber:client'><x:y/></iq>", "not-well-formed"},
	{"attribute twice", "<iq xmlns='jabber:client' a='' a=''/>", "not-well-formed"},
	{"overlong UTF-8", "<iq xmlns='jabber:client'>\xc0\xaf</iq>", "unsupported-encoding"},
	{"surrogate", "<iq xmlns='jabber:client'>\xed\xa0\x80</iq>", "unsupported-encoding"},
	{"0xff", "<iq xmlns='jabber:client'>\xff</iq>", "unsupported-encoding"},
	{"NUL", "<iq xmlns='jabber:client'>\x00</iq>", "not-well-formed"},
	{"U+FFFE", "<iq xmlns='jabber:client'>\uFFFE</iq>", "not-well-formed"},
	{"nested too deep", "<iq xmlns='jabber:client'>" + strings.Repeat("<a>", 100_000), "policy-violation"},
	{"too many attributes", "<iq xmlns='jabber:client'" + attributes(100_000) + "/>", "policy-violation"},
	{"too many namespaces", "<iq xmlns='jabber:client'" + strings.ReplaceAll(attributes(1000), " a", " xmlns:a") + "/>", "policy-violation"},
	{"huge attribute", "<iq xmlns='jabber:client' a='" + strings.Repeat("x", 1<<20) + "'/>", "policy-violation"},
	{"huge name", "<" + strings.Repeat("x", 1<<20) + "/>", "policy-violation"},
	{"huge stanza", "<iq xmlns='jabber:client'>" + strings.Repeat("x", 1<<20) + "</iq>", "policy-violation"},
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d='x'", i)
	}
	return b.String()
}

// offer sends as far as the server reads.
func offer(c io.Writer, text string) { _, _ = io.WriteString(c, text) }

func TestHostileTCP(t *testing.T) {
	w := start(t, testConfig(), nil)
	for _, b := range bad {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, authenticated %t", b.name, late), func(t *testing.T) {
				c := w.dial(0)
				c.t = t
				if late {
					c.login()
				} else {
					c.send(header).until("</stream:features>")
				}
				var offering sync.WaitGroup
				offering.Go(func() { offer(c, b.xml) })
				if got := c.until("</stream:stream>"); !strings.Contains(got, "<"+b.condition+" ") {
					t.Errorf("got %q, want %s", got, b.condition)
				}
				offering.Wait()
				_ = c.Close()
			})
		}
	}
}

// Bytes one by one are judged as those that come at once.
func TestHostileDrip(t *testing.T) {
	w := start(t, testConfig(), nil)
	for _, b := range bad {
		if len(b.xml) > 200 {
			continue
		}
		c := w.dial(0).login()
		for i := range len(b.xml) {
			offer(c, b.xml[i:i+1])
		}
		if got := c.until("</stream:stream>"); !strings.Contains(got, "<"+b.condition+" ") {
			t.Errorf("%s: got %q, want %s", b.name, got, b.condition)
		}
		_ = c.Close()
	}
}

func TestHostileWebSocket(t *testing.T) {
	w := start(t, testConfig(), nil)
	srv := w.web()
	for _, b := range bad {
		c := w.dialWS(srv).login()
		var offering sync.WaitGroup
		offering.Go(func() { _ = ws.WriteFrame(c.Conn, ws.MaskFrame(ws.NewTextFrame([]byte(b.xml)))) })
		got := c.next()
		if want := "<" + b.condition + " "; !strings.Contains(got, want) && !(len(b.xml) < 1000 && strings.Contains(got, "<not-well-formed ")) {
			t.Errorf("%s: got %q, want %s", b.name, got, want)
		}
		c.expect("<close ")
		_ = c.Close()
		offering.Wait()
	}
}

func TestHostileBOSH(t *testing.T) {
	for _, b := range bad {
		bubble(t, nil, func(w *boshWorld) {
			w.login(usual)
			e := parsed(t, w.say("", b.xml).body())
			want := boshBadRequest
			if b.condition == "policy-violation" {
				want = boshPolicyViolation
			}
			if b.name == "nested too deep" && e.Attr("condition") == boshBadRequest {
				want = boshBadRequest // it is also not closed
			}
			if e.Attr("type") != "terminate" || e.Attr("condition") != want {
				t.Errorf("%s: %s, want %s", b.name, e, want)
			}
		})
	}
}

// A client that speaks another protocol gets a short answer in it.
func TestForeignProtocols(t *testing.T) {
	w := start(t, testConfig(), nil)
	for _, c := range []struct {
		name     string
		listener int
		first    string
		want     string
	}{
		{"HTTP on the plain port", 0, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n"},
		{"HTTP on the TLS port", 1, "POST / HTTP/1.1\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n"},
		{"TLS on the plain port", 0, "\x16\x03\x01\x00\x05", string(tlsAlert)},
		{"XMPP on the TLS port", 1, header, "<policy-violation "},
		{"something on the TLS port", 1, "\x00\x01\x02", string(tlsAlert)},
		{"something on the plain port", 0, "nonsense", "<not-well-formed "},
	} {
		cl := w.dial(c.listener).send(c.first)
		if got := cl.rest(); !strings.Contains(got, c.want) || len(got) > 600 {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
	_, err := tls.Dial("tcp", w.Addrs()[0].String(), clientTLS())
	if err == nil || !strings.Contains(err.Error(), "unexpected message") {
		t.Errorf("a TLS client on the plain port sees %v", err)
	}
}

// One place for handshakes, taken by nobody who only waits.
func TestSlowHandshakesKeepNobodyOut(t *testing.T) {
	cfg := testConfig()
	cfg.MaxHandshakes = 1
	w := start(t, cfg, nil)
	for range 20 {
		w.dial(1).send("\x16\x03\x01\x02\x00\x01\x00")
	}
	w.dialTLS(clientTLS()).login()
}

func TestPanicEndsOneStream(t *testing.T) {
	w := start(t, testConfig(), nil)
	other := w.dial(0).login()
	c := w.dial(0).login()
	c.send("<panic xmlns='x'/>")
	if got := c.rest(); !strings.Contains(got, "<internal-server-error ") {
		t.Errorf("got %q", got)
	}
	other.send("<iq/>").until("<iq/>")
}

// Connections that come and go leave nothing behind.
func TestChurn(t *testing.T) {
	w := start(t, testConfig(), nil)
	srv := w.web()
	churn := func(n int) {
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				switch c := w.dial(i % 2); i % 4 {
				case 0:
					c.send(header)
					_ = c.Close()
				case 1:
					c.send("\x16\x03\x01\x02")
					_ = c.Close()
				case 2:
					_ = c.Close()
				case 3:
					_ = c.Close()
					_ = w.dialWS(srv).send(wsOpen).Conn.Close()
				}
			})
		}
		all.Wait()
		http.DefaultClient.CloseIdleConnections()
		settle(t, func() bool { return w.Connections() == 0 })
	}
	churn(40)
	before := runtime.NumGoroutine()
	for range 10 {
		churn(100)
	}
	settle(t, func() bool { return runtime.NumGoroutine() <= before+5 })
}

// settle waits for a condition that other goroutines bring about.
func settle(t *testing.T, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ok() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("did not settle: %d goroutines", runtime.NumGoroutine())
		}
	}
}

// When the server goes down, clients are told, and Run waits for them.
func TestShutdown(t *testing.T) {
	w := start(t, testConfig(), nil)
	fresh, plain, secure, web := w.dial(0), w.dial(0).login(), w.dialTLS(clientTLS()).login(), w.dialWS(w.web()).login()
	settle(t, func() bool { return w.Connections() == 4 })
	down := make(chan struct{})
	go func() {
		w.stop()
		close(down)
	}()
	for name, c := range map[string]*client{"fresh": fresh, "plain": plain, "TLS": secure} {
		if got := c.rest(); !strings.Contains(got, "<system-shutdown ") || !strings.HasSuffix(got, closed) {
			t.Errorf("%s: %q", name, got)
		}
		_ = c.Close()
	}
	web.expect("<system-shutdown ", "<close ")
	web.send(wsClose).expect("close 1000")
	_ = web.Close()
	<-down
	if _, err := net.Dial("tcp", w.Addrs()[0].String()); err == nil {
		t.Error("still listening")
	}
}

// At the limit of connections accepting pauses; HTTP is told.
func TestMaxConnections(t *testing.T) {
	cfg := testConfig()
	cfg.MaxConnections = 16
	w := start(t, cfg, nil)
	var all []*client
	for range w.Capacity() - 1 { // the other listener waits with a slot in its hand
		all = append(all, w.dial(0).login())
	}
	settle(t, func() bool { return w.Connections() == 15 })
	waiting := w.dial(0).send(header)
	resp, err := http.Post(w.web().URL+BOSHPath, "text/xml", strings.NewReader("<body xmlns='"+nsBind+"' rid='1' to='localhost'/>"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !strings.Contains(string(b), boshPolicyViolation) {
		t.Errorf("%s", b)
	}
	all[0].send(closed).rest()
	_ = all[0].Close()
	waiting.until("</stream:features>")
}
