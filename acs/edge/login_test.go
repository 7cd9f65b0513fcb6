package edge

import (
	"bytes"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func (p *peer) login(m *cxxpb.Login) *cxxpb.LoginReply {
	p.t.Helper()
	p.send(cxxpb.FrameType_FRAME_LOGIN, m)
	var r cxxpb.LoginReply
	p.want(cxxpb.FrameType_FRAME_LOGIN_REPLY, &r)
	return &r
}

// SCRAM takes two steps, and is bound to the channel that the client sees.
func TestLoginSCRAM(t *testing.T) {
	r := newRig(t, func(_ *Config, d *Deps) { d.ServerEndPoint = func() []byte { return []byte("hash") } })
	p := r.overTLS()
	if h := p.hello(); h.Mechanisms[0] != "SCRAM-SHA-256-PLUS" || h.Domain != "localhost" || h.Features != 1 {
		t.Errorf("hello %v", h)
	}
	first := p.login(&cxxpb.Login{
		Id: 1, Mechanism: "SCRAM-SHA-256-PLUS", Data: []byte("alice"),
		Device: &cxxpb.DeviceInfo{Name: "phone", DeviceClass: 1},
	})
	if first.Done || string(first.Data) != "challenge" {
		t.Errorf("first step %v", first)
	}
	last := p.login(&cxxpb.Login{Id: 2, Data: []byte("proof")})
	if !last.Done || last.Id != 2 || string(last.Data) != "signature" || last.Addr != "alice@localhost/dev" || string(last.Token) != "good" {
		t.Errorf("last step %v", last)
	}
	state := p.conn.(*tls.Conn).ConnectionState()
	mine, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	if err != nil {
		t.Fatal(err)
	}
	r.logins.mu.Lock()
	defer r.logins.mu.Unlock()
	if !bytes.Equal(r.logins.cb.Exporter, mine) || string(r.logins.cb.ServerEnd) != "hash" {
		t.Errorf("channel binding %x, want %x", r.logins.cb, mine)
	}
	if d := r.core.of(r.core.user("alice"))[0].opening.Device; d.Name != "phone" || d.ClientName != "test" {
		t.Errorf("device %+v", d)
	}
}

// Registration answers with the account, and the login follows.
func TestRegister(t *testing.T) {
	r := newRig(t, nil)
	p := r.plain()
	p.hello()
	p.send(cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1, Register: &cxxpb.Register{Addr: "carol", Password: "short"}})
	p.wantError(1, im.CodePasswordWeak)
	p.send(cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 2, Register: &cxxpb.Register{Addr: "carol@example.org", Password: "long enough"}})
	p.wantError(2, im.CodeInvalid) // Hello chose localhost
	m := p.login(&cxxpb.Login{Id: 3, Register: &cxxpb.Register{Addr: "Carol", Password: "long enough"}})
	if !m.Registered || m.User != uint64(r.core.user("carol")) || m.Addr != "carol@localhost" {
		t.Errorf("register %v", m)
	}
	if m := p.login(&cxxpb.Login{Id: 4, Mechanism: mechJWT, Data: []byte("carol")}); !m.Done {
		t.Errorf("login %v", m)
	}
}

// A failed login may be repeated a few times; then the connection ends. The
// frames that were sent behind it find no session.
func TestLoginFailures(t *testing.T) {
	r := newRig(t, nil)
	bad := &cxxpb.Login{Id: 1, Mechanism: mechToken, User: 1, Data: []byte("bad")}
	p := r.plain()
	p.hello()
	for range 2 {
		p.send(cxxpb.FrameType_FRAME_LOGIN, bad)
		p.wantError(1, im.CodeTokenInvalid)
	}
	p.send(cxxpb.FrameType_FRAME_LOGIN, bad)
	p.wantError(0, im.CodeTokenInvalid)
	p.wantClose()

	p = r.plain()
	p.hello()
	p.write(append(frame(cxxpb.FrameType_FRAME_LOGIN, bad), frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 2})...))
	p.wantError(1, im.CodeTokenInvalid)
	p.wantError(0, im.CodeBadState)
	p.wantClose()

	p = r.plain()
	p.hello()
	p.send(cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1, Mechanism: "PLAIN", Data: []byte("x")})
	p.wantError(1, im.CodeMechanism)
}

type fakeTickets struct{}

func (fakeTickets) Check(ticket []byte, _ time.Time) error {
	if string(ticket) == "ok" {
		return nil
	}
	return im.Errorf(im.CodeTicketExpired, "ask a NAS for a new ticket")
}

// A ticket is checked once per connection.
func TestTicket(t *testing.T) {
	r := newRig(t, func(_ *Config, d *Deps) { d.Tickets = fakeTickets{} })
	p := r.plain()
	p.hello()
	m := tokenLogin(r.core.user("alice"))
	p.send(cxxpb.FrameType_FRAME_LOGIN, m)
	p.wantError(1, im.CodeTicketExpired)
	m.Ticket, m.Data = []byte("ok"), []byte("bad")
	p.send(cxxpb.FrameType_FRAME_LOGIN, m)
	p.wantError(1, im.CodeTokenInvalid)
	m.Ticket, m.Data = nil, []byte("good")
	if m := p.login(m); !m.Done {
		t.Errorf("login %v", m)
	}
}

// Over the server's rate a login is asked to come later, and may on the same
// connection.
func TestLoginRate(t *testing.T) {
	r := newRig(t, func(c *Config, _ *Deps) { c.TestMode, c.LoginRate, c.LoginBurst = false, 1, 1 })
	r.plain().enter(r.core, "alice")
	p := r.plain()
	p.hello()
	p.send(cxxpb.FrameType_FRAME_LOGIN, tokenLogin(r.core.user("bob")))
	if e := p.wantError(1, im.CodeRetryLater); e.RetryAfterMs == 0 || e.RetryAfterMs > 1000 {
		t.Errorf("retry after %d ms", e.RetryAfterMs)
	}
}

// Unknown errors leave as INTERNAL with an id; a slow request as one whose
// outcome is not known.
func TestPublicErrors(t *testing.T) {
	r := newRig(t, nil)
	c := &conn{srv: r.srv}
	if e := r.srv.public(c, errors.New("secret cause")); e.Code != im.CodeInternal || bytes.Contains([]byte(e.Detail), []byte("secret")) {
		t.Errorf("%+v", e)
	}
	for _, trait := range im.Traits() {
		if trait.Code == im.CodeInternal {
			continue
		}
		in := &im.Error{Code: trait.Code, Detail: "d", RetryAfter: time.Second, Err: errors.New("cause")}
		if e := r.srv.public(c, in); e.Code != trait.Code || e.Err != nil || e.RetryAfter != time.Second {
			t.Errorf("%s: %+v", trait.Name, e)
		}
	}
}
