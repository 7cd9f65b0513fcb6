package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// Signal implements im.Messenger. A stanza may wait for a block list to be read;
// a typing signal does not, it goes when the list is known.
func (s *session) Signal(sig im.Signal) bool {
	sig.From = s.user
	if sig.Group != 0 {
		return !s.closed.Load() && s.signalGroup(sig)
	}
	if s.closed.Load() || !sig.To.Valid() {
		return false
	}
	to, ok := s.srv.route(&sig)
	if !ok {
		return false
	}
	own, theirs, known := s.shutOutNow(s.addr, sig.To, to)
	if known {
		return !own && !theirs && s.srv.signal(&sig)
	}
	if sig.Kind == im.SignalStanza {
		return s.signalAfter(s.srv.tasks.ctx, &sig, to)
	}
	return s.srv.tasks.do(func(ctx context.Context) { s.signalAfter(ctx, &sig, to) })
}

// signalAfter is Signal when the block lists have been read.
func (s *session) signalAfter(ctx context.Context, sig *im.Signal, to im.Addr) bool {
	ctx, cancel := context.WithTimeout(ctx, blocksPatience)
	defer cancel()
	own, theirs, err := s.shutOut(ctx, s.addr, sig.To, to)
	return err == nil && !own && !theirs && s.srv.signal(sig)
}

// route finds the session that a signal is for, and its resource. A signal to
// every session has none.
func (s *Server) route(sig *im.Signal) (to im.Addr, ok bool) {
	if sig.Session == 0 {
		sig.Node = 0
		return to, true
	}
	for _, e := range s.table.of(sig.To) {
		if e.Session == sig.Session && (sig.Node == 0 || e.Node == sig.Node) {
			sig.Node = e.Node
			return im.Addr{Resource: e.Resource}, true
		}
	}
	return to, false
}

// signal passes a signal on to the sessions it is for: those here, and once to
// each other node that has any.
func (s *Server) signal(sig *im.Signal) (passed bool) {
	if sig.Session == 0 || sig.Node == s.node.ID {
		passed = s.signalLocal(sig)
	}
	var few [4]im.NodeID
	for _, n := range nodesOf(s.audience(sig), s.node.ID, few[:0]) {
		if s.mesh.Forward(n, im.Envelope{Signal: sig}) {
			passed = true
			continue
		}
		s.metrics.dropped.WithLabelValues(reasonLinkDown).Inc()
	}
	return passed
}

// audience lists the sessions in the cell that a signal is for.
func (s *Server) audience(sig *im.Signal) []*tableEntry {
	all := s.table.of(sig.To)
	if sig.Session == 0 && sig.Kind != im.SignalStanza {
		return all
	}
	var out []*tableEntry
	for _, e := range all {
		if hears(sig, e.Protocol, e.Session, e.Node) {
			out = append(out, e)
		}
	}
	return out
}

// hears says whether a session is one of those that a signal is for.
func hears(sig *im.Signal, p im.Protocol, id im.SessionID, node im.NodeID) bool {
	if sig.Session != 0 && (sig.Session != id || sig.Node != node) {
		return false
	}
	return sig.Kind != im.SignalStanza || p == im.ProtocolXMPP
}

func (s *Server) signalLocal(sig *im.Signal) (passed bool) {
	for _, ss := range s.hub.of(sig.To) {
		if hears(sig, ss.proto, ss.id, s.node.ID) {
			ss.sink.PushSignal(*sig)
			passed = true
		}
	}
	return passed
}
