package acs

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Open implements im.Sessions.
func (s *Server) Open(ctx context.Context, o im.Opening) (im.Session, im.Head, error) {
	if s.draining.Load() {
		return nil, im.Head{}, im.Errorf(im.CodeGoAway, "this server takes no new sessions; ask NAS for another")
	}
	if err := checkPresence(&o.Presence); err != nil {
		return nil, im.Head{}, err
	}
	ss := &session{
		srv: s, id: im.SessionID(s.lastSession.Add(1)), user: o.Account.ID, device: o.Device.ID,
		epoch: o.Device.Epoch, proto: o.Protocol, sink: o.Sink, opened: s.now(), addr: o.Account.Addr.Bare(),
	}
	ss.lead(s, ss.user, ss)
	ss.addr.Resource = o.Device.Resource
	initial := o.Presence
	ss.presence.Store(&initial)
	// Registered before the head is read: what commits in between is kept.
	s.hub.add(ss)
	s.sessions.Add(1)
	s.metrics.sessions.Inc()
	head, err := s.headOf(ctx, ss.user)
	if err == nil && s.overtaken(ss) {
		err = im.Errorf(im.CodeReplaced, "the same device has connected again")
	}
	if err != nil {
		s.closeSession(ss, 0)
		return nil, im.Head{}, s.public("open session", err)
	}
	s.clock.Observe(head.MsgID)
	ss.start(head.Seq)
	s.fence(im.Kick{User: ss.user, Device: ss.device, Below: ss.epoch, Code: im.CodeReplaced})
	s.announce.announceUp(ss)
	s.addrs.put(ss.user, ss.addr.Bare())
	// A peer that had not heard of this session yet may have committed a message
	// without a push, or revoked the device without a kick; look once more when
	// the announcement has spread.
	s.announce.young(ss)
	s.log.Debug("session opened", "session", ss.id, "user", ss.user, "device", ss.device, "epoch", ss.epoch)
	return ss, head, nil
}

// overtaken reports whether a later login of the same device has come before
// this one. It looks after ss has entered the hub, so that of two racing logins
// at least one sees the other.
func (s *Server) overtaken(ss *session) bool {
	for _, o := range s.hub.of(ss.user) {
		if o.device == ss.device && o.epoch > ss.epoch {
			return true
		}
	}
	for _, e := range s.table.of(ss.user) {
		if e.Device == ss.device && e.DeviceEpoch > ss.epoch {
			return true
		}
	}
	return false
}

func (s *Server) headOf(ctx context.Context, u im.UserID) (im.Head, error) {
	heads, err := s.store.Heads(ctx, []im.UserID{u})
	if err != nil {
		return im.Head{}, err
	}
	if len(heads) == 0 {
		return im.Head{}, im.Errorf(im.CodeNotFound, "the account does not exist any more")
	}
	return heads[0], nil
}

// closeSession ends a session once. linger is how long its user stays online
// without it.
func (s *Server) closeSession(ss *session, linger time.Duration) {
	if !ss.closed.CompareAndSwap(false, true) {
		return
	}
	ss.closeFeed()
	s.rooms.closed(ss)
	s.hub.remove(ss)
	s.sessions.Add(-1)
	s.metrics.sessions.Dec()
	s.presence.unwatch(ss)
	if c := ss.cursor.Load(); c > 0 {
		s.cursors.final(im.DeviceCursor{User: ss.user, Device: ss.device, Seq: c})
	}
	if ss.presence.Load().Show <= im.ShowInvisible {
		linger = 0
	}
	s.announce.announceDown(ss.info(), linger)
	s.log.Debug("session closed", "session", ss.id, "user", ss.user)
}

// fence ends what k means here, and asks the peers to do the same.
func (s *Server) fence(k im.Kick) {
	s.kickLocal(k)
	for _, n := range nodesOf(s.table.of(k.User), s.node.ID, nil) {
		if !s.mesh.Forward(n, im.Envelope{Kick: &k}) {
			s.bells.ring(n, im.Bell{User: k.User}, reasonLinkDown)
		}
	}
	if s.peers.someUnlinked() {
		s.bells.seek(im.Bell{User: k.User})
	}
}

func (s *Server) kickLocal(k im.Kick) {
	reason := &im.Error{Code: k.Code, Detail: kickDetail(k.Code)}
	for _, ss := range s.hub.of(k.User) {
		if kicks(k, ss.device, ss.epoch) {
			ss.kick(reason)
		}
	}
	s.announce.endLingering(k)
}

// kicks says whether k means a session of device with epoch.
func kicks(k im.Kick, device im.DeviceID, epoch uint64) bool {
	if k.Device != 0 {
		return device == k.Device && (k.Below == 0 || epoch < k.Below)
	}
	return k.Except == 0 || device != k.Except
}

func kickDetail(c im.ErrorCode) string {
	switch c {
	case im.CodeReplaced:
		return "the same device has connected again"
	case im.CodeRevoked:
		return "this device was logged out"
	case im.CodeDisabled:
		return "the account was disabled"
	}
	return "the session was ended"
}

// Kick ends the sessions in the cell that k means. It does not wait.
func (s *Server) Kick(k im.Kick) { s.fence(k) }
