package edge

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func callPresenceSet(ctx context.Context, c *conn, op *cxxpb.PresenceSetCall) (*cxxpb.Reply, error) {
	if op.Show > uint32(im.ShowChat) {
		return nil, im.Errorf(im.CodeInvalid, "show %d is not one of 0 to %d", op.Show, im.ShowChat)
	}
	return done(c.session.SetPresence(ctx, im.Presence{Show: im.Show(op.Show), Status: op.Status}))
}

func callPresenceGet(ctx context.Context, c *conn, _ *cxxpb.PresenceGetCall) (*cxxpb.Reply, error) {
	list, err := c.session.ContactPresence(ctx)
	if err != nil {
		return nil, err
	}
	users := proto.Convert(list, func(p *im.UserPresence) *cxxpb.UserPresence { return proto.UserPresenceToPB(*p) })
	return &cxxpb.Reply{Result: &cxxpb.Reply_Presence{Presence: &cxxpb.Presence{Users: users}}}, nil
}

// admitSignal drops what comes faster than people type.
func admitSignal(c *conn, _ []byte) (taken, done bool) {
	step := perSecond(c.srv.cfg.SignalRate)
	if step == 0 || c.signals.take(c.srv.now(), step, c.srv.cfg.SignalRate) == 0 {
		return false, false
	}
	c.srv.metrics.dropped.Inc()
	return true, true
}

func signal(_ context.Context, c *conn, body []byte) (reply, error) {
	var m cxxpb.Signal
	if err := proto.Unmarshal(body, &m); err != nil {
		return reply{}, err
	}
	if k := im.SignalKind(m.Kind); uint32(k) == m.Kind && (k == im.SignalTyping || k == im.SignalStopped) {
		c.session.Signal(im.Signal{To: im.UserID(m.User), Group: im.GroupID(m.Group), Kind: k})
	}
	return reply{}, nil
}
