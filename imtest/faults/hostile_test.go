package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cxx-im/cxx/imtest/proc"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// memory watches the resident memory of a server.
type memory struct {
	pid   int
	start int64
	most  atomic.Int64
	stop  chan struct{}
	done  chan struct{}
}

func watchMemory(t *testing.T, s *server) *memory {
	t.Helper()
	u, err := proc.UsageOf(s.p.Pid())
	must(t, err)
	m := &memory{pid: s.p.Pid(), start: u.RSS, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if u, err := proc.UsageOf(m.pid); err == nil {
				m.most.Store(max(m.most.Load(), u.RSS))
			}
			select {
			case <-tick.C:
			case <-m.stop:
				return
			}
		}
	}()
	return m
}

// grown is how many MiB more than at the start the server had at most.
func (m *memory) grown() int64 {
	close(m.stop)
	<-m.done
	return (m.most.Load() - m.start) >> 20
}

// bombs are stanzas that nobody should have to hold.
var bombs = []struct {
	name  string
	write func(w io.Writer) error
}{
	{"a stanza nested 100,000 deep", func(w io.Writer) error {
		_, err := io.WriteString(w, "<message><body>"+strings.Repeat("<a>", 100_000))
		return err
	}},
	{"100,000 attributes", func(w io.Writer) error {
		var b strings.Builder
		b.WriteString("<message")
		for i := range 100_000 {
			fmt.Fprintf(&b, " a%d='1'", i)
		}
		_, err := io.WriteString(w, b.String()+"/>")
		return err
	}},
	{"an attribute of 10 MiB", func(w io.Writer) error {
		_, err := io.WriteString(w, "<message id='")
		part := strings.Repeat("x", 64<<10)
		for i := 0; i < 160 && err == nil; i++ {
			_, err = io.WriteString(w, part)
		}
		return err
	}},
	{"a body of 10 MiB", func(w io.Writer) error {
		_, err := io.WriteString(w, "<message><body>")
		part := strings.Repeat("x", 64<<10)
		for i := 0; i < 160 && err == nil; i++ {
			_, err = io.WriteString(w, part)
		}
		return err
	}},
}

const streamHead = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

// beforeLogin throws a bomb at a stream that has not even TLS, and returns what
// the stream ended with.
func (s *server) beforeLogin(write func(io.Writer) error) (string, error) {
	conn, err := net.Dial("tcp", s.direct)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, streamHead); err != nil {
		return "", err
	}
	go func() { _ = write(conn) }()
	return lastWords(conn)
}

// lastWords reads to the end of a stream and returns the condition of its error.
func lastWords(r io.Reader) (string, error) {
	text, err := io.ReadAll(r)
	_, last, ok := strings.Cut(string(text), "<stream:error")
	if !ok {
		return "", errors.Join(err, fmt.Errorf("the stream ended without an error: %q", text))
	}
	_, last, _ = strings.Cut(last, "<")
	condition, _, _ := strings.Cut(last, " ")
	return condition, nil
}

// afterLogin does the same with a session.
func (c *cell) afterLogin(ctx context.Context, s *server, user string, write func(io.Writer) error) (string, error) {
	x, err := c.xdevice(user, "hostile").open(ctx, s)
	if err != nil {
		return "", err
	}
	defer x.Abort()
	if err := x.Bind(ctx); err != nil {
		return "", err
	}
	go func() { _ = write(rawWriter{x}) }()
	for {
		e, err := x.Next(ctx)
		if err != nil {
			return "", err
		}
		if why := goodbye(e); why != "" {
			return why, nil
		}
	}
}

// rawWriter writes raw XML to a client's stream.
type rawWriter struct{ c *xmpptest.Client }

func (w rawWriter) Write(p []byte) (int, error) { return len(p), w.c.Send(string(p)) }

// drip sends the header of a stream byte by byte, faster than anything is late,
// and returns how long the server let it, and what it said.
func (s *server) drip() (took time.Duration, why string, err error) {
	conn, err := net.Dial("tcp", s.direct)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	start := time.Now()
	_ = conn.SetReadDeadline(start.Add(patience))
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			if _, err := conn.Write([]byte{(streamHead + strings.Repeat(" ", 1000))[i%1000]}); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	why, err = lastWords(conn)
	close(done)
	return time.Since(start), why, err
}

// deaf are clients of a few users that do not read what is sent to them.
type deaf struct {
	valve *valve
	users []string
	links []*xlink
	plain []*xmpptest.Client
}

// deafen logs in n users with m clients each, half of them with stream
// management, and shuts the valve.
func (c *cell) deafen(t *testing.T, at *server, n, m int) *deaf {
	t.Helper()
	d := &deaf{valve: newValve(t, at.direct)}
	run := loads.Add(1)
	for i := range n {
		name := nameOf("deaf", i, run)
		_, err := c.account(name)
		must(t, err)
		d.users = append(d.users, name)
		keys := c.xdevice(name, "").scram // all clients of one user
		for j := range m {
			x := c.xdevice(name, fmt.Sprint("deaf", j))
			x.via, x.scram = d.valve.ln.Addr().String(), keys
			if j%2 == 0 {
				k := x.at(t, at)
				must(t, k.send("<presence/>", nil))
				k.wait(t, 5*time.Second, "the own presence", func(e *xmlstream.Element) bool { return e.Local == "presence" })
				d.links = append(d.links, k)
				continue
			}
			p, err := x.open(t.Context(), at)
			must(t, err)
			t.Cleanup(p.Abort)
			must(t, p.Bind(t.Context()))
			must(t, p.Send("<presence/>"))
			_, err = p.Expect(t.Context(), "<presence/>")
			must(t, err)
			d.plain = append(d.plain, p)
		}
	}
	d.valve.stop()
	return d
}

// flood writes count messages of a size to each user, and wants each acknowledged.
func (c *cell) flood(t *testing.T, at *server, users []string, count, size, window int) {
	t.Helper()
	run := loads.Add(1)
	from := c.join(t, c.xdevice(nameOf("flood", 0, run), "main"), at)
	body := strings.Repeat("x", size)
	for range count {
		for _, u := range users {
			must(t, from.send(fmt.Sprintf("<message to='%s@%s' type='chat'><body>%s</body></message>", u, domain, body), nil))
			must(t, from.request())
			for len(from.d.sm.out) >= window {
				from.settle(t)
			}
		}
	}
	for len(from.d.sm.out) > 0 {
		from.settle(t)
	}
}

// settle takes the next acknowledgement.
func (k *xlink) settle(t *testing.T) {
	t.Helper()
	ev := k.wait(t, 10*time.Second, "an acknowledgement", func(e *xmlstream.Element) bool {
		if e.Attr("type") == "error" {
			t.Errorf("a message was answered with %v", e)
		}
		return e.Is(nsSM, "a")
	})
	_, err := k.d.sm.ack(ev.e)
	must(t, err)
}

// Clients do what no client does, while others talk. Each of the deaf is sent
// more than a session may hold unacknowledged.
func TestHostileXMPPClients(t *testing.T) { hostile(t, 4, 16) }

// The same with more of them, and more than the kernel takes.
func TestSoakHostileXMPPClients(t *testing.T) {
	if *longFlag == 0 {
		t.Skip("this runs with the soak: go test ./imtest/faults -run Soak -long 5m")
	}
	hostile(t, 10, 120)
}

// hostile has ten deaf clients for each of so many users, who are sent count
// messages.
func hostile(t *testing.T, users, count int) {
	c := theCell(t)
	victim := c.acs[0]
	l := c.startLoad(t, plan{senders: 9})
	l.progress(t, 200)
	began := time.Now()

	var wg sync.WaitGroup
	wg.Go(func() {
		took, why, err := victim.drip()
		if err != nil || why != "connection-timeout" || took > 15*time.Second {
			t.Errorf("a byte at a time ended with %q after %v: %v", why, took, err)
		}
		t.Logf("a byte at a time: %s after %v", why, took.Round(time.Millisecond))
	})

	c.throwBombs(t, victim)
	c.deafCrowd(t, victim, users, 10, count)
	wg.Wait()

	l.progress(t, 100)
	l.finish(t)
	l.check(t)
	l.unrefused(t)
	if n := l.reconnects.Load(); n > 0 {
		t.Errorf("%d sessions of others ended: %s", n, l.report())
	}
	gap, n := l.worst(began, time.Now(), func(*writer) bool { return true })
	t.Logf("others meanwhile: %d acks, longest gap of a writer %v", n, gap.Round(time.Millisecond))
}

func (c *cell) throwBombs(t *testing.T, victim *server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	user := nameOf("hostile", 0, loads.Add(1))
	_, err := c.account(user)
	must(t, err)
	for _, b := range bombs {
		for _, login := range []bool{false, true} {
			m := watchMemory(t, victim)
			start := time.Now()
			why, err := "", error(nil)
			if login {
				why, err = c.afterLogin(ctx, victim, user, b.write)
			} else {
				why, err = victim.beforeLogin(b.write)
			}
			grown := m.grown()
			t.Logf("%s, logged in: %v: %s after %v; %d MiB more memory", b.name, login, why, time.Since(start).Round(time.Millisecond), grown)
			if err != nil || why != string(xmlstream.PolicyViolation) || grown > 32 {
				t.Errorf("%s, logged in: %v: ended with %q (%v), %d MiB more memory", b.name, login, why, err, grown)
			}
		}
	}
}

// deafCrowd is users times clients that do not read, each of which is sent count
// messages of 60,000 bytes.
func (c *cell) deafCrowd(t *testing.T, victim *server, users, clients, count int) {
	t.Helper()
	const size = 60_000
	before := victim.sessions(t)
	m := watchMemory(t, victim)
	d := c.deafen(t, victim, users, clients)
	start := time.Now()
	c.flood(t, c.acs[1], d.users, count, size, 8)
	sent := time.Since(start)
	// Half of them may resume; the next message is one too many for those.
	until(t, time.Minute, func() bool { return victim.sessions(t) <= before+len(d.links) }, "connections of clients that do not read live on")
	broken := time.Since(start)
	c.flood(t, c.acs[1], d.users, 1, size, 8)
	until(t, 5*time.Second, func() bool { return victim.sessions(t) <= before }, "sessions that cannot hold more live on")
	grown := m.grown()
	ended, alive := d.valve.count()
	t.Logf("%d clients that do not read: %d KB sent to each in %v; the last connection ended after %v (ended %d, left %d); %d MiB more memory",
		users*clients, count*size/1000, sent.Round(time.Millisecond), broken.Round(time.Millisecond), ended, alive, grown)
	if alive > 0 || ended != users*clients {
		t.Errorf("%d connections were ended and %d not; want %d", ended, alive, users*clients)
	}
	if limit := int64(users*clients*3/2 + 64); grown > limit {
		t.Errorf("%d MiB more memory for %d clients that do not read; want %d at most", grown, users*clients, limit)
	}
}

// sessions is how many there are on an ACS.
func (s *server) sessions(t *testing.T) int {
	t.Helper()
	st, err := s.api().Status(t.Context())
	must(t, err)
	return st.Sessions
}
