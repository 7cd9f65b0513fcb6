package edge

import (
	"context"
	"errors"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// The mechanisms beside those of SASL.
const (
	mechToken = "CXX-TOKEN"
	mechJWT   = "CXX-JWT"
)

// login is what a connection remembers until it is logged in.
type login struct {
	client, version string
	scram           im.SCRAM // between the two steps
	device          im.LoginDevice
	presence        im.Presence // from the first moment of the session on
	admitted        bool        // a ticket was accepted on this connection
	failures        int
}

func (c *conn) mechanisms() []string {
	return append(c.srv.deps.Logins.Mechanisms(c.tr.binding()), mechToken, mechJWT)
}

// loginStep is the handler of Login.
func loginStep(ctx context.Context, c *conn, body []byte) (reply, error) {
	var m cxxpb.Login
	if err := proto.Unmarshal(body, &m); err != nil {
		return reply{}, err
	}
	if m.Id == 0 {
		return reply{}, proto.NoID()
	}
	r, err := c.step(ctx, &m)
	if err == nil {
		return r, nil
	}
	c.srv.metrics.login(im.CodeOf(err).String())
	if im.CodeOf(err)/1000 == 2 && !errors.Is(err, &im.Error{Code: im.CodeAuthBusy}) {
		c.login.failures++
	}
	if c.login.failures >= c.srv.cfg.LoginTries {
		return reply{}, err
	}
	return reply{}, failed(m.Id, err)
}

func (c *conn) step(ctx context.Context, m *cxxpb.Login) (reply, error) {
	l := c.login
	if l.scram != nil && m.Mechanism == "" && m.Register == nil {
		return c.scramStep(ctx, m)
	}
	l.scram = nil
	if err := c.admit(m); err != nil {
		return reply{}, err
	}
	if m.Register != nil {
		return c.register(ctx, m)
	}
	l.device, l.presence = c.loginDevice(m.Device), firstPresence(m.Device)
	switch m.Mechanism {
	case mechToken:
		acct, dev, next, err := c.srv.deps.Logins.Token(ctx, im.UserID(m.User), string(m.Data), l.device)
		if err != nil {
			return reply{}, err
		}
		return c.open(ctx, m.Id, nil, acct, dev, next)
	case mechJWT:
		acct, dev, token, err := c.srv.deps.Logins.JWT(ctx, string(m.Data), l.device)
		if err != nil {
			return reply{}, err
		}
		return c.open(ctx, m.Id, nil, acct, dev, token)
	}
	scram, err := c.srv.deps.Logins.StartSCRAM(m.Mechanism, c.domain, c.tr.binding(), c.remote.Addr())
	if err != nil {
		return reply{}, err
	}
	l.scram = scram
	return c.scramStep(ctx, m)
}

// admit holds logins to the server's rate and checks what NAS handed out.
func (c *conn) admit(m *cxxpb.Login) error {
	if wait := c.srv.loginWait(); wait > 0 {
		return &im.Error{Code: im.CodeRetryLater, Detail: "too many logins at once", RetryAfter: wait}
	}
	if c.srv.deps.Tickets == nil || c.login.admitted {
		return nil
	}
	if err := c.srv.deps.Tickets.Check(m.Ticket, c.srv.wall()); err != nil {
		return err
	}
	c.login.admitted = true
	return nil
}

func (c *conn) register(ctx context.Context, m *cxxpb.Login) (reply, error) {
	text := m.Register.Addr
	if !strings.Contains(text, "@") {
		text += "@" + c.domain
	}
	addr, err := im.ParseAddr(text)
	if err != nil {
		return reply{}, err
	}
	if addr.Domain != c.domain || addr.Local == "" || addr.Resource != "" {
		return reply{}, im.Errorf(im.CodeInvalid, "an account here has the form name@%s", c.domain)
	}
	id, err := c.srv.deps.Logins.Register(ctx, addr, m.Register.Password, m.Register.Invite, c.remote.Addr())
	if err != nil {
		return reply{}, err
	}
	return reply{cxxpb.FrameType_FRAME_LOGIN_REPLY, &cxxpb.LoginReply{
		Id: m.Id, Registered: true, User: uint64(id), Addr: addr.String(), TimeMs: proto.Millis(c.srv.wall()),
	}}, nil
}

func (c *conn) scramStep(ctx context.Context, m *cxxpb.Login) (reply, error) {
	l := c.login
	out, done, err := l.scram.Step(ctx, m.Data)
	if err != nil {
		l.scram = nil
		return reply{}, err
	}
	if !done {
		return reply{cxxpb.FrameType_FRAME_LOGIN_REPLY, &cxxpb.LoginReply{Id: m.Id, Data: out}}, nil
	}
	acct := l.scram.Account()
	l.scram = nil
	dev, token, err := c.srv.deps.Logins.Enroll(ctx, acct, l.device)
	if err != nil {
		return reply{}, err
	}
	return c.open(ctx, m.Id, out, acct, dev, token)
}

// firstPresence is how the user is shown before the client says more: online,
// unless the login says otherwise. What is no presence is online too.
func firstPresence(d *cxxpb.DeviceInfo) im.Presence {
	p := im.Presence{Show: im.Show(d.GetShow()), Status: clip(d.GetStatus(), maxStatus)}
	if p.Show == im.ShowOffline || p.Show > im.ShowChat {
		p.Show = im.ShowOnline
	}
	return p
}

// maxStatus is the bytes of status text that a login may bring.
const maxStatus = 1024

// open makes the session. What the core pushes from the first moment on is held
// until the answer is out.
func (c *conn) open(ctx context.Context, id uint32, data []byte, acct im.Account, dev im.Device, token string) (reply, error) {
	c.out.hold()
	session, head, err := c.srv.deps.Sessions.Open(ctx, im.Opening{
		Account: acct, Device: dev, Protocol: im.ProtocolCXX, Remote: c.remote,
		Presence: c.login.presence, Sink: &sink{c, acct.ID},
	})
	if err != nil {
		c.out.release(func(b []byte) []byte { return b })
		return reply{}, err
	}
	c.session, c.device, c.login = session, dev.ID, nil
	c.srv.sessions.Add(1)
	c.srv.metrics.login("ok")
	c.state.CompareAndSwap(uint32(greeted), uint32(loggedIn))
	done := &cxxpb.LoginReply{
		Id: id, Data: data, Done: true, User: uint64(acct.ID), Device: uint64(dev.ID), Addr: session.Addr().String(),
		Token: []byte(token), Head: head.Seq, Relaxed: c.srv.relaxed(), TimeMs: proto.Millis(c.srv.wall()),
	}
	c.srv.metrics.frameOut(cxxpb.FrameType_FRAME_LOGIN_REPLY)
	if c.out.release(func(b []byte) []byte {
		return proto.AppendFrame(b, cxxpb.FrameType_FRAME_LOGIN_REPLY, 0, done)
	}) {
		c.tr.wake()
	}
	return reply{}, nil
}

func (c *conn) loginDevice(p *cxxpb.DeviceInfo) im.LoginDevice {
	d := im.LoginDevice{
		Protocol: im.ProtocolCXX, ClientName: c.login.client, ClientVersion: c.login.version, Remote: c.remote,
	}
	if p == nil {
		return d
	}
	d.ID, d.Resource, d.Name = im.DeviceID(p.Id), p.Resource, clip(p.Name, 128)
	d.Class = im.Class(min(p.DeviceClass, uint32(im.ClassBot)))
	if p.DeviceClass > uint32(im.ClassBot) {
		d.Class = im.ClassOther
	}
	d.UDPPort, d.TCPPort = port(p.UdpPort), port(p.TcpPort)
	return d
}

// port drops what is no port.
func port(n uint32) uint16 {
	if n > 1<<16-1 {
		return 0
	}
	return uint16(n)
}
