package stream

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/internal/pki"
)

// pipes runs test in a bubble with a fake clock, with a server that serves the
// other ends of pipes.
func pipes(t *testing.T, handle func(Conn), test func(t *testing.T, dial func(direct bool) *client)) {
	t.Helper()
	cert, _ := identity()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.Listen, cfg.TLSListen = nil, nil
		s, err := New(cfg, Deps{TLS: pki.ServerConfig(cert, tls.VersionTLS12), Domain: "localhost", Idle: time.Minute}, handle)
		if err != nil {
			t.Fatal(err)
		}
		test(t, func(direct bool) *client {
			ours, theirs := net.Pipe()
			s.slots <- struct{}{}
			s.adopt(theirs, direct)
			return &client{t: t, Conn: ours}
		})
		s.Stop()
		s.running.Wait()
	})
}

func talk(c Conn) { _ = engine(c) }

// within checks how long something took.
func within(t *testing.T, began time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(began); got != want {
		t.Errorf("after %s, want %s", got, want)
	}
}

// Contract section 3: login within 10 s, however little comes, one byte at a
// time for instance.
func TestLoginTimeout(t *testing.T) {
	for name, drip := range map[string]string{"silent": "", "white space": strings.Repeat(" ", 99), "a header byte by byte": header} {
		t.Run(name, func(t *testing.T) {
			pipes(t, talk, func(t *testing.T, dial func(bool) *client) {
				c, began := dial(false), time.Now()
				var dripping sync.WaitGroup
				dripping.Go(func() {
					for i := range len(drip) {
						if _, err := io.WriteString(c.Conn, drip[i:i+1]); err != nil {
							return
						}
						<-time.After(300 * time.Millisecond)
					}
				})
				got := c.until(closed)
				within(t, began, 10*time.Second)
				for _, part := range []string{"<stream:stream ", "from='localhost'", " id='", "<connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"} {
					if !strings.Contains(got, part) {
						t.Errorf("RFC 6120 section 4.9.1.2: %s lacks %s", got, part)
					}
				}
				_ = c.Conn.Close()
				dripping.Wait()
			})
		})
	}
}

func TestLoginEndsTheDeadline(t *testing.T) {
	pipes(t, talk, func(t *testing.T, dial func(bool) *client) {
		c, began := dial(false).login(), time.Now()
		c.until("<r xmlns='urn:xmpp:sm:3'/>") // of ErrIdle
		within(t, began, time.Minute)
		c.until("<r xmlns='urn:xmpp:sm:3'/>") // and again
		within(t, began, 2*time.Minute)
		<-time.After(30 * time.Second)
		c.send(" ") // RFC 6120 section 4.6.1: a sign of life
		c.until("<r xmlns='urn:xmpp:sm:3'/>")
		within(t, began, 3*time.Minute+30*time.Second)
		c.send("<iq/>").until("<iq/>")
		_ = c.Conn.Close()
	})
}

// Contract section 3: a TLS handshake within 5 s.
func TestHandshakeTimeout(t *testing.T) {
	pipes(t, talk, func(t *testing.T, dial func(bool) *client) {
		for _, first := range []string{"", "\x16\x03\x01\x02\x00\x01"} {
			c, began := dial(true), time.Now()
			c.send(first)
			if b, _ := io.ReadAll(c.Conn); len(b) > 0 {
				t.Errorf("got %q", b)
			}
			// The socket is closed when the client does not go by itself.
			within(t, began, 7*time.Second)
		}
	})
	pipes(t, talk, func(t *testing.T, dial func(bool) *client) { // STARTTLS
		c, began := dial(false), time.Now()
		c.send(header).until("</stream:features>")
		c.send(starttls).until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		if b, _ := io.ReadAll(c.Conn); len(b) > 0 {
			t.Errorf("got %q", b)
		}
		within(t, began, 7*time.Second)
	})
}

// Contract section 3: 10 s without progress, whenever something was written before.
func TestUnreadPeer(t *testing.T) {
	for _, pause := range []time.Duration{0, 4 * time.Second, 6 * time.Second, 20 * time.Second} {
		t.Run(pause.String(), func(t *testing.T) { testUnreadPeer(t, pause) })
	}
}

func testUnreadPeer(t *testing.T, pause time.Duration) {
	var ends chan error // of the bubble
	pipes(t, func(c Conn) { ends <- engine(c) }, func(t *testing.T, dial func(bool) *client) {
		ends = make(chan error, 1)
		c := dial(false).login()
		<-time.After(pause)
		began := time.Now()
		c.send("<shout xmlns='x'/>")
		err := <-ends
		var late net.Error
		if !errors.As(err, &late) || !late.Timeout() {
			t.Error(err)
		}
		within(t, began, 10*time.Second)
		_ = c.Conn.Close()
	})
}

// A slow reader is not one that reads nothing.
func TestSlowPeer(t *testing.T) {
	pipes(t, talk, func(t *testing.T, dial func(bool) *client) {
		c := dial(false).login()
		c.send("<shout xmlns='x'/>").until("<shout xmlns='x'/>")
		b := make([]byte, 1<<20)
		for n := 0; n < 8<<20; {
			<-time.After(9 * time.Second)
			m, err := c.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			n += m
		}
		_ = c.Conn.Close()
	})
}

// Close is bounded: by a peer that does not read, by one that does not answer,
// and while a Send waits.
func TestCloseIsBounded(t *testing.T) {
	var conns chan Conn // of the bubble
	handle := func(c Conn) {
		conns <- c
		talk(c)
	}
	for name, act := range map[string]func(c *client, others *sync.WaitGroup){
		"reads nothing":             func(*client, *sync.WaitGroup) {},
		"reads nothing, Send waits": func(c *client, _ *sync.WaitGroup) { c.send("<shout xmlns='x'/>"); synctest.Wait() },
		"does not end its side":     func(c *client, others *sync.WaitGroup) { others.Go(func() { discard(c) }) },
		"says something else": func(c *client, others *sync.WaitGroup) {
			others.Go(func() { discard(c) })
			others.Go(func() { dribble(c) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			pipes(t, handle, func(t *testing.T, dial func(bool) *client) {
				conns = make(chan Conn, 1)
				c := dial(false).login()
				conn := (<-conns).(*tcpConn)
				var others sync.WaitGroup
				act(c, &others)
				began := time.Now()
				conn.Close(Errorf(Conflict, ""))
				conn.srv.running.Wait()
				within(t, began, 2*time.Second)
				_ = c.Conn.Close()
				others.Wait()
			})
		})
	}
}

func discard(c *client) { _, _ = io.Copy(io.Discard, c.Conn) }

func dribble(c *client) {
	for {
		if _, err := io.WriteString(c.Conn, "<iq/>"); err != nil {
			return
		}
		<-time.After(100 * time.Millisecond)
	}
}

// RFC 6120 section 4.4: the stream is ended in both directions, then the
// connection is closed, at once when the client has done its part.
func TestCloseHandshake(t *testing.T) {
	pipes(t, talk, func(t *testing.T, dial func(bool) *client) {
		c := dial(false).login()
		c.send("<kick xmlns='x'/>")
		if got := c.until(closed); !strings.HasPrefix(got, "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><conflict ") {
			t.Errorf("got %q", got)
		}
		began := time.Now()
		c.send("<iq/>").send(closed)
		_ = c.Conn.Close()
		synctest.Wait()
		within(t, began, 0)
	})
}
