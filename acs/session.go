package acs

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
)

// session is one authenticated connection. Package doc of im.Session says who
// may call what; the fields say what guards them.
type session struct {
	feed // of the inbox

	srv    *Server
	id     im.SessionID
	user   im.UserID
	addr   im.Addr
	opened time.Time
	device im.DeviceID
	epoch  uint64 // of the device, raised at every login
	proto  im.Protocol
	sink   im.Sink
	order  sendOrder

	presence atomic.Pointer[im.Presence]
	watching atomic.Bool   // the client has asked for the presence of its contacts
	follows  atomic.Bool   // the client, of C-XX, has asked for its groups
	changes  pacer         // of what others have to be told
	cursor   atomic.Uint64 // acknowledged by the client
	closed   atomic.Bool
}

// ID, User and Addr are fixed for the life of the session.
func (s *session) ID() im.SessionID { return s.id }
func (s *session) User() im.UserID  { return s.user }
func (s *session) Addr() im.Addr    { return s.addr }

// Close ends the session. The user stays online for the grace period, so that
// a phone that changes networks does not flicker.
func (s *session) Close() { s.srv.closeSession(s, s.srv.cfg.Grace.D()) }

// kick ends session and connection.
func (s *session) kick(reason *im.Error) {
	s.srv.closeSession(s, 0)
	s.sink.Close(reason)
}

func (s *session) info() im.SessionInfo {
	return im.SessionInfo{
		SessionKey:  im.SessionKey{User: s.user, Node: s.srv.node.ID, NodeEpoch: s.srv.node.Epoch, Session: s.id},
		Device:      s.device,
		DeviceEpoch: s.epoch,
		Resource:    s.addr.Resource,
		Protocol:    s.proto,
		Presence:    *s.presence.Load(),
	}
}

// compared is heard for a head that was read from the log just now; calls must
// not overlap. A log that ends below what the session had at the time of the
// call before has lost entries: it was restored from an older backup, and the
// client has to start over.
func (s *session) compared(head uint64) {
	f := &s.feed
	f.mu.Lock()
	regressed := f.state != feedClosed && head < f.ahead
	f.ahead = 0
	if head < f.last {
		f.ahead = f.last
	}
	f.mu.Unlock()
	if regressed {
		s.kick(im.Errorf(im.CodeRegressed, "the inbox ends at %d, before what this device has: the server was restored from an older backup; connect and sync again", head))
		return
	}
	s.heard(head)
}

// synced tells that the client itself has read up to seq, of head.
func (s *session) synced(seq, head uint64) {
	f := &s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != feedBehind || seq < head {
		return
	}
	f.state, f.last = feedLive, max(f.last, seq)
	f.drainEarly()
	f.armIfBehind()
	if s.watching.Load() {
		// Contact changes were not noticed meanwhile, and presence was dropped.
		s.srv.after(0, func(ctx context.Context) { s.srv.presence.rewatch(ctx, s) })
	}
	if s.follows.Load() { // nor groups that he has come into
		s.srv.after(0, s.followAgain)
	}
}

// push implements feedOut for the session's inbox.
func (s *session) push(e *im.Entry, own bool) bool {
	if own {
		return true
	}
	if !s.sink.Push(e) {
		s.srv.metrics.behind.Inc()
		return false
	}
	s.srv.metrics.pushed.Inc()
	s.noticed(e)
	return true
}

// noticed looks at an entry on its way to the client for what concerns the
// session itself. It runs with feed.mu held, so it only starts things.
func (s *session) noticed(e *im.Entry) {
	switch {
	case e.Kind == im.KindDevice && e.Device != nil && e.Device.Revoked && e.Device.ID == s.device:
		s.srv.after(0, func(context.Context) { s.kick(im.Errorf(im.CodeRevoked, "this device was logged out")) })
	case e.Kind == im.KindContact && e.Contact != nil && s.watching.Load():
		s.srv.presence.contactChanged(s, e.Contact)
	case e.Kind == im.KindGroup && e.Group != nil && e.Group.Membership != nil && e.Group.Membership.Role.In() && s.follows.Load():
		s.srv.after(0, func(ctx context.Context) { s.follow(ctx, e.Group.ID, e.Group.Membership.Version) })
	case e.Kind == im.KindBlock:
		s.srv.blocksChanged(s.user)
	}
}
