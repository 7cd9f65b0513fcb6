package xmpptest

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// BlockList implements im.Blocking.
func (s *Core) BlockList(context.Context) ([]im.Addr, error) {
	if err := s.cell.enter("BlockList", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	return slices.Clone(s.me.blocks), nil
}

// Block implements im.Blocking.
func (s *Core) Block(_ context.Context, addrs []im.Addr) error {
	if err := s.cell.enter("Block", true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	b := &im.Block{}
	for _, a := range addrs {
		if !slices.Contains(s.me.blocks, a) {
			s.me.blocks = append(s.me.blocks, a)
			b.Blocked = append(b.Blocked, a)
		}
	}
	if len(b.Blocked) > 0 {
		s.cell.append(s.me, im.Entry{Kind: im.KindBlock, From: s.User(), Peer: s.User(), Block: b})
	}
	return nil
}

// Unblock implements im.Blocking.
func (s *Core) Unblock(_ context.Context, addrs []im.Addr) error {
	if err := s.cell.enter("Unblock", true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	b := &im.Block{Cleared: len(addrs) == 0}
	s.me.blocks = slices.DeleteFunc(s.me.blocks, func(a im.Addr) bool {
		gone := b.Cleared || slices.Contains(addrs, a)
		if gone {
			b.Unblocked = append(b.Unblocked, a)
		}
		return gone
	})
	if len(b.Unblocked) > 0 {
		s.cell.append(s.me, im.Entry{Kind: im.KindBlock, From: s.User(), Peer: s.User(), Block: b})
	}
	return nil
}

// Blocked implements im.Blocking.
func (s *Core) Blocked(_ context.Context, a im.Addr) (own, theirs bool, err error) {
	if err := s.cell.enter("Blocked", false); err != nil {
		return false, false, err
	}
	defer s.cell.mu.Unlock()
	if id, ok := s.cell.byAddr[a.Bare()]; ok {
		theirs = matchesAny(s.cell.users[id].blocks, s.addr)
	}
	return matchesAny(s.me.blocks, a), theirs, nil
}

// matchesAny is the order of XEP-0191 section 3.1.
func matchesAny(list []im.Addr, a im.Addr) bool {
	for _, x := range []im.Addr{a, a.Bare(), {Domain: a.Domain, Resource: a.Resource}, {Domain: a.Domain}} {
		if slices.Contains(list, x) {
			return true
		}
	}
	return false
}
