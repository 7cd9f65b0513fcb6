package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

func errOwnBlock() *im.Error {
	return im.Errorf(im.CodeOwnBlock, "you have blocked that user; unblock him first")
}

func errBlocked() *im.Error {
	return im.Errorf(im.CodeBlocked, "that user takes nothing from you")
}

// BlockList implements im.Blocking.
func (s *session) BlockList(ctx context.Context) ([]im.Addr, error) {
	list, err := s.srv.store.Blocks(ctx, s.user)
	return list, s.srv.public("block list", err)
}

// Block implements im.Blocking.
func (s *session) Block(ctx context.Context, addrs []im.Addr) error {
	if len(addrs) == 0 {
		return im.Errorf(im.CodeInvalid, "there is no address to block")
	}
	for _, a := range addrs {
		switch {
		case a.Domain == "":
			return im.Errorf(im.CodeInvalid, "an address to block has at least a domain")
		case a.Bare() == s.addr.Bare():
			return im.Errorf(im.CodeInvalid, "you cannot block yourself")
		}
	}
	return s.editBlocks(ctx, func(list []im.Addr) (add, remove []im.Addr, what im.Block) {
		return without(addrs, list), nil, im.Block{Blocked: without(addrs, nil)}
	})
}

// Unblock implements im.Blocking.
func (s *session) Unblock(ctx context.Context, addrs []im.Addr) error {
	return s.editBlocks(ctx, func(list []im.Addr) (add, remove []im.Addr, what im.Block) {
		if len(addrs) == 0 {
			return nil, list, im.Block{Unblocked: list, Cleared: true}
		}
		asked := without(addrs, nil)
		return nil, asked, im.Block{Unblocked: asked}
	})
}

// without returns what of want is not in list, each once.
func without(want, list []im.Addr) []im.Addr {
	known := addrSet(list)
	var out []im.Addr
	for _, a := range want {
		if _, ok := known[a]; !ok {
			known[a] = struct{}{}
			out = append(out, a)
		}
	}
	return out
}

// editBlocks changes the user's list, logs what was asked, also of what was so
// already (XEP-0191 sections 3.3 to 3.5: every client is told), and makes every
// node keep to the list from now on.
func (s *session) editBlocks(ctx context.Context, edit func(list []im.Addr) (add, remove []im.Addr, what im.Block)) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	logged, err := s.srv.store.UpdateBlocks(ctx, s.user, func(list []im.Addr) (add, remove []im.Addr, log []im.Entry, err error) {
		add, remove, what := edit(list)
		for _, part := range pieces(what) {
			log = append(log, im.Entry{MsgID: s.srv.clock.Next(), Kind: im.KindBlock, From: s.user, Peer: s.user, Block: &part})
		}
		return add, remove, log, nil
	})
	if err != nil {
		return s.srv.public("block", err)
	}
	s.srv.blocksChanged(s.user)
	s.srv.mesh.Broadcast(im.Envelope{Blocks: &im.Blocks{User: s.user}})
	s.srv.Deliver(s.user, logged)
	return nil
}

// What one entry of the log says at most: it has to fit in every frame.
const (
	pieceAddrs = 200
	pieceBytes = 64 << 10
)

// pieces cuts a change in parts that are not too large for an entry. Of a list
// that was cleared the first says so.
func pieces(b im.Block) []im.Block {
	out := []im.Block{{Cleared: b.Cleared}}
	addrs, bytes := 0, 0
	room := func(a im.Addr) *im.Block {
		n := len(a.Local) + len(a.Domain) + len(a.Resource)
		if addrs == pieceAddrs || addrs > 0 && bytes+n > pieceBytes {
			out = append(out, im.Block{})
			addrs, bytes = 0, 0
		}
		addrs, bytes = addrs+1, bytes+n
		return &out[len(out)-1]
	}
	for _, a := range b.Unblocked {
		p := room(a)
		p.Unblocked = append(p.Unblocked, a)
	}
	for _, a := range b.Blocked {
		p := room(a)
		p.Blocked = append(p.Blocked, a)
	}
	return out
}

// blocksChanged makes this node keep to a changed block list. It does not wait.
func (s *Server) blocksChanged(u im.UserID) {
	s.blocks.drop(u)
	s.presence.reconsider(u)
}

// Blocked implements im.Blocking.
func (s *session) Blocked(ctx context.Context, a im.Addr) (own, theirs bool, err error) {
	if a.Bare() == s.addr.Bare() {
		return false, false, nil
	}
	peer := im.UserID(0)
	if a.Local != "" {
		peer, err = s.Resolve(ctx, a.Bare())
		if err != nil && im.CodeOf(err) != im.CodeNotFound {
			return false, false, err
		}
	}
	return s.shutOut(ctx, s.addr, peer, a)
}

// shutOut reports whether the user, as from, and a peer have nothing to do with
// each other: own, he has blocked the peer's address, which may be zero and is
// then looked up; theirs, the peer has blocked from.
func (s *session) shutOut(ctx context.Context, from im.Addr, peer im.UserID, addr im.Addr) (own, theirs bool, err error) {
	if peer == s.user {
		return false, false, nil
	}
	mine, err := s.srv.blocks.get(ctx, s.user)
	if err != nil {
		return false, false, s.srv.public("block list", err)
	}
	if mine.size() > 0 {
		if addr.Domain == "" {
			known, err := s.srv.addrs.get(ctx, peer)
			if err != nil {
				return false, false, s.srv.public("block list", err)
			}
			addr.Local, addr.Domain = known.Local, known.Domain
		}
		own = mine.covers(addr)
	}
	theirs, err = s.srv.blocks.blocked(ctx, peer, from)
	return own, theirs, s.srv.public("block list", err)
}

// shutOutNow is shutOut without waiting: known is false when it would have to
// read.
func (s *session) shutOutNow(from im.Addr, peer im.UserID, addr im.Addr) (own, theirs, known bool) {
	if peer == s.user {
		return false, false, true
	}
	mine, ok := s.srv.blocks.peek(s.user)
	others, ok2 := s.srv.blocks.peek(peer)
	if !ok || !ok2 {
		return false, false, false
	}
	if mine.size() > 0 {
		if addr.Domain == "" {
			a, ok := s.srv.addrs.peek(peer)
			if !ok {
				return false, false, false
			}
			addr.Local, addr.Domain = a.Local, a.Domain
		}
		own = mine.covers(addr)
	}
	return own, others.covers(from), true
}
