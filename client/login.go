package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xdg-go/scram"
	"golang.org/x/text/secure/precis"

	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Mechanisms of a login.
const (
	mechToken     = "CXX-TOKEN"
	mechJWT       = "CXX-JWT"
	mechScram     = "SCRAM-SHA-256"
	mechScramPlus = "SCRAM-SHA-256-PLUS"
)

// knock is the opening of one connection: hello, then a registration or a
// login. One goroutine uses it; the connection has a deadline.
type knock struct {
	o      *Options
	addr   im.Addr
	l      *link
	id     uint32
	hello  *cxxpb.HelloReply
	ticket []byte
	shown  im.Presence // from the first moment of the session on
}

// knock sets the deadline and starts a watcher that breaks the connection when
// ctx ends; stop ends the watcher.
func (o *Options) knock(ctx context.Context, addr im.Addr, l *link, ticket []byte, limit time.Duration) (k *knock, stop func()) {
	_ = l.nc.SetDeadline(time.Now().Add(limit))
	release := context.AfterFunc(ctx, func() { _ = l.nc.SetDeadline(time.Unix(1, 0)) })
	return &knock{o: o, addr: addr, l: l, ticket: ticket}, func() { release() }
}

func (k *knock) helloFrame() []byte {
	return proto.AppendFrame(nil, cxxpb.FrameType_FRAME_HELLO, 0, &cxxpb.Hello{
		Version: proto.Version, Features: uint64(cxxpb.Feature_FEATURE_ZSTD), Domain: k.addr.Domain,
		ClientName: k.o.Device.ClientName, ClientVersion: k.o.Device.ClientVersion,
	})
}

func (k *knock) loginFrame(m *cxxpb.Login) []byte {
	k.id++
	m.Id = k.id
	return proto.AppendFrame(nil, cxxpb.FrameType_FRAME_LOGIN, 0, m)
}

// await reads up to the next frame of type t into m.
func (k *knock) await(t cxxpb.FrameType, m proto.Message) error {
	for {
		f, err := k.l.read()
		if err != nil {
			return loginHangUp(k.l.addr, err)
		}
		switch f.Type {
		case cxxpb.FrameType_FRAME_NONE:
		case t:
			return decode(f, m)
		case cxxpb.FrameType_FRAME_ERROR:
			var e cxxpb.Error
			if err := decode(f, &e); err != nil {
				return err
			}
			return proto.ErrorFromPB(&e)
		default:
			return im.Errorf(im.CodeMalformed, "%s answered with frame %v where %v belongs; is it a C-XX server?", k.l.addr, f.Type, t)
		}
	}
}

func loginHangUp(addr string, err error) error {
	var e *im.Error
	if errors.As(err, &e) {
		return err
	}
	return &UnreachableError{Addr: addr, Lost: true, Err: fmt.Errorf("no answer to the login: %w", err)}
}

func (k *knock) greet() error {
	if err := k.l.send(k.helloFrame()); err != nil {
		return loginHangUp(k.l.addr, err)
	}
	return k.awaitHello()
}

func (k *knock) awaitHello() error {
	k.hello = &cxxpb.HelloReply{}
	if err := k.await(cxxpb.FrameType_FRAME_HELLO_REPLY, k.hello); err != nil {
		return err
	}
	if k.hello.Version != proto.Version {
		return im.Errorf(im.CodeVersion, "%s speaks protocol version %d, this client %d; update the older one", k.l.addr, k.hello.Version, proto.Version)
	}
	return nil
}

func (k *knock) device(id state.Identity) *cxxpb.DeviceInfo {
	d := k.o.Device
	info := &cxxpb.DeviceInfo{
		Id: uint64(id.Device), Resource: d.Resource, Name: d.Name, DeviceClass: uint32(d.Class),
		UdpPort: uint32(d.UDPPort), TcpPort: uint32(d.TCPPort),
		Show: uint32(k.shown.Show), Status: k.shown.Status,
	}
	if id.Resource != "" {
		info.Resource = id.Resource
	}
	return info
}

// login signs in by the best means there is: the device's token, a JWT, the
// password.
func (k *knock) login(ctx context.Context, id state.Identity) (*cxxpb.LoginReply, error) {
	first := &cxxpb.Login{Device: k.device(id), Ticket: k.ticket}
	switch {
	case id.Token != "":
		first.Mechanism, first.Data, first.User = mechToken, []byte(id.Token), uint64(id.User)
		// A token needs no word of the server, so both frames go at once.
		if err := k.l.send(k.helloFrame(), k.loginFrame(first)); err != nil {
			return nil, loginHangUp(k.l.addr, err)
		}
		if err := k.awaitHello(); err != nil {
			return nil, err
		}
		return k.loggedIn(nil)
	case k.o.JWT != nil:
		jwt, err := k.o.JWT(ctx)
		if err != nil {
			return nil, fmt.Errorf("client: get the JWT: %w: %w", ErrCredentials, err)
		}
		if err := k.greet(); err != nil {
			return nil, err
		}
		first.Mechanism, first.Data = mechJWT, []byte(jwt)
		return k.loggedIn(first)
	}
	password, err := k.o.password(ctx)
	if err != nil {
		return nil, err
	}
	if err := k.greet(); err != nil {
		return nil, err
	}
	return k.scram(first, password)
}

// loggedIn sends m, when there is one, and reads a reply that must end the login.
func (k *knock) loggedIn(m *cxxpb.Login) (*cxxpb.LoginReply, error) {
	r, err := k.step(m)
	if err == nil && !r.Done {
		err = im.Errorf(im.CodeMalformed, "%s left the login unfinished", k.l.addr)
	}
	return r, err
}

func (k *knock) step(m *cxxpb.Login) (*cxxpb.LoginReply, error) {
	if m != nil {
		if err := k.l.send(k.loginFrame(m)); err != nil {
			return nil, loginHangUp(k.l.addr, err)
		}
	}
	r := &cxxpb.LoginReply{}
	return r, k.await(cxxpb.FrameType_FRAME_LOGIN_REPLY, r)
}

// scram proves the password without telling it, and has the server prove that
// it knows the account. Over TLS the proof is bound to the channel, so that
// nobody in between can pass it on.
func (k *knock) scram(first *cxxpb.Login, password string) (*cxxpb.LoginReply, error) {
	conv, mechanism, err := k.conversation(password)
	if err != nil {
		return nil, err
	}
	msg, err := conv.Step("")
	if err != nil {
		return nil, fmt.Errorf("client: begin SCRAM: %w", err)
	}
	first.Mechanism, first.Data = mechanism, []byte(msg)
	r, err := k.step(first)
	if err != nil {
		return nil, err
	}
	if msg, err = conv.Step(string(r.Data)); err != nil {
		return nil, &im.Error{Code: im.CodeBadCredentials, Detail: "the server's part of the login is wrong", Err: err}
	}
	if r, err = k.loggedIn(&cxxpb.Login{Data: []byte(msg)}); err != nil {
		return nil, err
	}
	if _, err = conv.Step(string(r.Data)); err != nil || !conv.Valid() {
		return nil, &im.Error{Code: im.CodeBadCredentials, Detail: k.l.addr + " could not prove that it knows this account; it is not the server it claims to be", Err: err}
	}
	return r, nil
}

func (k *knock) conversation(password string) (*scram.ClientConversation, string, error) {
	prepared, err := precis.OpaqueString.String(password)
	if err != nil {
		return nil, "", im.Errorf(im.CodeBadCredentials, "the password has characters that a password cannot have")
	}
	sc, err := scram.SHA256.NewClientUnprepped(k.addr.Local, prepared, "")
	if err != nil {
		return nil, "", fmt.Errorf("client: begin SCRAM: %w", err)
	}
	offers := func(m string) bool { return slices.Contains(k.hello.Mechanisms, m) }
	tc, secure := k.l.nc.(*tls.Conn)
	switch {
	case secure && offers(mechScramPlus):
		cs := tc.ConnectionState()
		// RFC 9266: this label, a context that is present and empty, 32 bytes.
		bytes, err := cs.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
		if err != nil {
			return nil, "", fmt.Errorf("client: channel binding: %w", err)
		}
		cb := scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: bytes}
		return sc.NewConversationWithChannelBinding(cb), mechScramPlus, nil
	case !offers(mechScram):
		return nil, "", im.Errorf(im.CodeMechanism, "%s takes no password (it offers %s)", k.l.addr, strings.Join(k.hello.Mechanisms, ", "))
	case secure:
		// Saying that we could have bound the channel unmasks whoever has taken
		// the better mechanism out of the server's list.
		return sc.NewConversationAdvertisingChannelBinding(), mechScram, nil
	}
	return sc.NewConversation(), mechScram, nil
}

func (o *Options) password(ctx context.Context) (string, error) {
	password := o.Password
	if o.PasswordFunc != nil {
		var err error
		if password, err = o.PasswordFunc(ctx); err != nil {
			return "", fmt.Errorf("client: get the password: %w: %w", ErrCredentials, err)
		}
	}
	if password == "" {
		return "", fmt.Errorf("client: this device has no token yet and no password was given: %w", ErrCredentials)
	}
	return password, nil
}

func (o *Options) hasSecret() bool {
	return o.Password != "" || o.PasswordFunc != nil || o.JWT != nil
}

// Register makes an account on the server that o names, with the password o
// names, and leaves again. invite may be empty where registration is open.
func Register(ctx context.Context, o Options, invite string) error {
	addr, err := o.prepare()
	if err != nil {
		return err
	}
	password, err := o.password(ctx)
	if err != nil {
		return err
	}
	r := newRoute(&o, addr, nil)
	t, err := r.pick(ctx)
	if err != nil {
		return err
	}
	l, err := o.dial(ctx, t.addr)
	if err != nil {
		return err
	}
	defer l.nc.Close()
	k, stop := o.knock(ctx, addr, l, t.ticket, loginTimeout)
	defer stop()
	if err := k.greet(); err != nil {
		return err
	}
	reply, err := k.step(&cxxpb.Login{Ticket: t.ticket, Register: &cxxpb.Register{
		Addr: addr.String(), Password: password, Invite: invite,
	}})
	if err == nil && !reply.Registered {
		err = im.Errorf(im.CodeMalformed, "%s did not confirm the registration", l.addr)
	}
	return err
}
