package client

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// handlers has an entry for every frame that a server sends. They run on the
// reader's goroutine and never wait. An error ends the connection.
var handlers map[cxxpb.FrameType]func(*session, proto.Frame) error

func init() {
	handlers = map[cxxpb.FrameType]func(*session, proto.Frame) error{
		cxxpb.FrameType_FRAME_NONE:          func(*session, proto.Frame) error { return nil },
		cxxpb.FrameType_FRAME_SEND_ACK:      (*session).onAck,
		cxxpb.FrameType_FRAME_PUSH:          (*session).onPush,
		cxxpb.FrameType_FRAME_REPLY:         (*session).onReply,
		cxxpb.FrameType_FRAME_ERROR:         (*session).onError,
		cxxpb.FrameType_FRAME_PRESENCE:      (*session).onPresence,
		cxxpb.FrameType_FRAME_SIGNAL:        (*session).onSignal,
		cxxpb.FrameType_FRAME_GO_AWAY:       (*session).onGoAway,
		cxxpb.FrameType_FRAME_SYNC_REQUIRED: (*session).onSyncRequired,
		cxxpb.FrameType_FRAME_POST:          (*session).onPost,
		cxxpb.FrameType_FRAME_MOVED:         (*session).onMoved,
	}
}

// dispatch ignores what a newer server may send and this client does not know.
func (s *session) dispatch(f proto.Frame) error {
	h := handlers[f.Type]
	if h == nil {
		s.c.o.Log.Debug("unknown frame was ignored", "type", f.Type)
		return nil
	}
	return h(s, f)
}

func (s *session) onAck(f proto.Frame) error {
	var a cxxpb.SendAck
	if err := decode(f, &a); err != nil {
		return err
	}
	ack := im.Ack{MsgID: im.MsgID(a.MsgId), Seq: a.Seq, Duplicate: a.Duplicate}
	p := s.c.out.acked(a.Id, ack)
	if p == nil {
		return nil
	}
	s.c.keep.remove(p.ClientID)
	if s.c.o.Quiet || p.Group != 0 {
		return nil // a timeline comes by its own pushes
	}
	// The server pushes no entry for what it acknowledges on the same
	// connection: the acknowledgement and what was sent are the entry.
	s.c.in.offer(true, im.Entry{
		Seq: ack.Seq, MsgID: ack.MsgID, Kind: im.KindMessage, From: s.user, Peer: p.To,
		ClientID: p.ClientID, Text: p.Text, Ext: p.Ext,
	})
	return nil
}

func (s *session) onPush(f proto.Frame) error {
	var p cxxpb.Push
	if err := decode(f, &p); err != nil || s.c.o.Quiet {
		return err
	}
	for _, pb := range p.Entries {
		e := proto.EntryFromPB(pb, s.user)
		s.notice(&e)
		s.c.in.offer(false, e)
	}
	return nil
}

func (s *session) onReply(f proto.Frame) error {
	r := &cxxpb.Reply{}
	if err := decode(f, r); err != nil {
		return err
	}
	s.answer(r.Id, callResult{reply: r})
	return nil
}

func (s *session) onError(f proto.Frame) error {
	var pb cxxpb.Error
	if err := decode(f, &pb); err != nil {
		return err
	}
	e := proto.ErrorFromPB(&pb)
	if pb.Id == 0 {
		if e.Code == im.CodeUnsupported {
			return nil // an optional frame that this server does not know
		}
		return e
	}
	if s.answer(pb.Id, callResult{err: e}) {
		return nil
	}
	again := time.Duration(s.c.o.Rand() * float64(2*time.Second))
	if p, ok := s.c.out.failed(pb.Id, e, again); ok && p != nil {
		s.c.keep.remove(p.ClientID)
		s.c.in.loose(Refused{Message: p.Outgoing, Err: e})
	}
	return nil
}

func (s *session) onPresence(f proto.Frame) error {
	var p cxxpb.Presence
	if err := decode(f, &p); err != nil {
		return err
	}
	s.presences(&p)
	return nil
}

func (s *session) presences(p *cxxpb.Presence) {
	for _, u := range p.Users {
		s.c.in.loose(Presence{proto.UserPresenceFromPB(u)})
	}
}

func (s *session) onSignal(f proto.Frame) error {
	var g cxxpb.Signal
	if err := decode(f, &g); err != nil {
		return err
	}
	group, user := im.GroupID(g.Group), im.UserID(g.User)
	switch kind := im.SignalKind(g.Kind); kind {
	case im.SignalTyping, im.SignalStopped:
		s.c.in.loose(Typing{User: user, Kind: kind, Group: group, Nick: g.Nick})
	case im.SignalRead:
		s.c.in.loose(GroupRead{Group: group, User: user, Nick: g.Nick, UpTo: g.UpTo})
	}
	return nil
}

func (s *session) onGoAway(f proto.Frame) error {
	var g cxxpb.GoAway
	if err := decode(f, &g); err != nil {
		return err
	}
	select {
	case s.leave <- time.Duration(g.DelayMs) * time.Millisecond:
	default:
	}
	return nil
}

func (s *session) onSyncRequired(f proto.Frame) error {
	var r cxxpb.SyncRequired
	if err := decode(f, &r); err != nil || s.c.o.Quiet {
		return err
	}
	s.c.in.heard(r.Head, true)
	return nil
}
