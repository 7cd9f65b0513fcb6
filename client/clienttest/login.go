package clienttest

import (
	"errors"
	"time"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func (c *Conn) login(m *cxxpb.Login) {
	x := c.x
	switch {
	case m.Register != nil:
		c.register(m)
	case m.Mechanism == "CXX-TOKEN":
		c.token(m)
	case m.Mechanism == "CXX-JWT":
		for _, u := range x.users {
			if string(m.Data) == "jwt of "+u.addr.Local {
				c.enroll(m.Id, u, m.Device, nil)
				return
			}
		}
		c.Refuse(m.Id, im.Errorf(im.CodeBadCredentials, "the JWT is not valid"))
	default:
		c.password(m)
	}
}

func (c *Conn) register(m *cxxpb.Login) {
	a, err := im.ParseAddr(m.Register.Addr)
	if err != nil || c.byName(a.Local) != nil {
		c.Refuse(m.Id, im.Errorf(im.CodeNameTaken, "the name is taken"))
		return
	}
	x := c.x
	x.mu.Unlock()
	x.AddUser(a.Local, m.Register.Password)
	x.mu.Lock()
	c.write(cxxpb.FrameType_FRAME_LOGIN_REPLY, &cxxpb.LoginReply{Id: m.Id, Registered: true})
}

func (c *Conn) byName(name string) *user {
	for _, u := range c.x.users {
		if u.addr.Local == name {
			return u
		}
	}
	return nil
}

func (c *Conn) token(m *cxxpb.Login) {
	u := c.x.users[im.UserID(m.User)]
	if u == nil || u.devices[im.DeviceID(m.Device.GetId())] == nil {
		c.Refuse(m.Id, im.Errorf(im.CodeTokenInvalid, "the token is not valid"))
		return
	}
	d, given := u.devices[im.DeviceID(m.Device.Id)], string(m.Data)
	switch {
	case d.Revoked:
		c.Refuse(m.Id, im.Errorf(im.CodeRevoked, "this device was logged out"))
		return
	case given == d.token:
		d.before, d.replaced = d.token, time.Now()
	case given == d.before && time.Since(d.replaced) <= c.x.Fresh:
		d.before = ""
	case given == d.before:
		d.Revoked = true
		c.Refuse(m.Id, im.Errorf(im.CodeRevoked, "an old token was used"))
		return
	default:
		c.Refuse(m.Id, im.Errorf(im.CodeTokenInvalid, "the token is not valid"))
		return
	}
	d.token = c.x.newToken()
	c.open(m.Id, u, d, nil)
}

func (c *Conn) password(m *cxxpb.Login) {
	if m.Device != nil {
		c.info = m.Device
	}
	if m.Mechanism != "" {
		server, err := scram.SHA256.NewServer(func(name string) (scram.StoredCredentials, error) {
			if u := c.byName(name); u != nil {
				return u.creds, nil
			}
			return scram.StoredCredentials{}, errors.New("unknown")
		})
		if err != nil {
			panic(err)
		}
		c.scram = server.NewConversation()
		if m.Mechanism == "SCRAM-SHA-256-PLUS" {
			cs := c.tls.ConnectionState()
			key, err := cs.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
			if err != nil {
				panic(err)
			}
			c.scram = server.NewConversationWithChannelBindingRequired(scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: key})
		}
	}
	out, err := c.scram.Step(string(m.Data))
	if err != nil {
		c.Refuse(m.Id, im.Errorf(im.CodeBadCredentials, "name or password is wrong"))
		return
	}
	if !c.scram.Done() {
		c.write(cxxpb.FrameType_FRAME_LOGIN_REPLY, &cxxpb.LoginReply{Id: m.Id, Data: []byte(out)})
		return
	}
	c.enroll(m.Id, c.byName(c.scram.Username()), c.info, []byte(out))
}

func (c *Conn) enroll(id uint32, u *user, info *cxxpb.DeviceInfo, data []byte) {
	d := u.devices[im.DeviceID(info.GetId())]
	if d == nil || d.Revoked {
		d = &device{Device: im.Device{ID: im.DeviceID(len(u.devices) + 1), Resource: info.GetResource(), Name: info.GetName()}}
		if d.Resource == "" {
			d.Resource = "dev" + d.ID.String()
		}
		u.devices[d.ID] = d
	}
	d.token, d.before = c.x.newToken(), ""
	c.open(id, u, d, data)
}

func (c *Conn) open(id uint32, u *user, d *device, data []byte) {
	for _, o := range c.x.sessions(u.id) {
		if o.device == d {
			o.End(im.Errorf(im.CodeReplaced, "the same device has connected again"))
			o.user = nil
		}
	}
	c.user, c.device = u, d
	addr := u.addr
	addr.Resource = d.Resource
	c.write(cxxpb.FrameType_FRAME_LOGIN_REPLY, &cxxpb.LoginReply{
		Id: id, Data: data, Done: true, User: uint64(u.id), Device: uint64(d.ID), Addr: addr.String(),
		Token: []byte(d.token), Head: uint64(len(u.inbox)),
	})
}
