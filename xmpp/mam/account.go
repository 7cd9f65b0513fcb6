package mam

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// account is the archive of the asker.
type account struct {
	core  im.Session
	own   im.Addr // bare
	addrs Addresses
}

func newAccount(r *iq.Request) *account {
	own := r.From.Bare()
	core := r.Session.Core()
	return &account{core, own, Addresses{core, map[im.UserID]im.Addr{core.User(): own}}}
}

// Archive implements Source.
func (a *account) Archive(ctx context.Context, q im.ArchiveQuery) (im.ArchivePage, error) {
	return a.core.Archive(ctx, q)
}

// With implements Source. The account's own address is for notes to self.
func (a *account) With(ctx context.Context, with im.Addr, q *im.ArchiveQuery) (Filter, bool, error) {
	peer, err := a.core.Resolve(ctx, with.Bare())
	switch {
	case im.CodeOf(err) == im.CodeNotFound:
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	q.Peer = peer
	if with.Resource == "" {
		return nil, true, nil
	}
	me := a.core.User()
	return func(e *im.Entry) (bool, error) {
		from, to := message.Resources(e)
		theirs, addressed := e.From != me || peer == me, e.From == me
		return theirs && from == with.Resource || addressed && to == with.Resource, nil
	}, true, nil
}

// Keep implements Source: the preferences say what is in the archive.
func (a *account) Keep(ctx context.Context) (Filter, error) {
	h, err := load(ctx, a.core)
	if err != nil || h.all() {
		return nil, err
	}
	contacts := map[im.UserID]bool{}
	if h.roster() {
		list, err := a.core.ContactList(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			contacts[c.User] = c.Listed
		}
	}
	return func(e *im.Entry) (bool, error) {
		peer, err := a.addrs.Of(ctx, e.Peer)
		if err != nil && im.CodeOf(err) != im.CodeNotFound {
			return false, err
		}
		from, to := message.Resources(e)
		peer.Resource = from
		if e.From == a.core.User() {
			peer.Resource = to
		}
		return h.at(e.MsgID).archived(peer, contacts[e.Peer]), nil
	}, nil
}

// Message implements Source.
func (a *account) Message(ctx context.Context, e *im.Entry) (*xmlstream.Element, error) {
	peer, err := a.addrs.Of(ctx, e.Peer)
	switch {
	case im.CodeOf(err) == im.CodeNotFound: // nobody knows any more who that was
		return nil, nil
	case err != nil:
		return nil, err
	case e.From == a.core.User():
		return message.Unpack(e, a.own, peer), nil
	}
	return message.Unpack(e, peer, a.own), nil
}

// Addresses asks the core for addresses, for each once. Make one for an answer.
type Addresses struct {
	core  im.Session
	known map[im.UserID]im.Addr
}

// NewAddresses returns Addresses that know none yet.
func NewAddresses(core im.Session) Addresses {
	return Addresses{core, make(map[im.UserID]im.Addr)}
}

// Of returns the address of a user.
func (a Addresses) Of(ctx context.Context, u im.UserID) (im.Addr, error) {
	if addr, ok := a.known[u]; ok {
		return addr, nil
	}
	addr, err := a.core.Address(ctx, u)
	if err == nil {
		a.known[u] = addr
	}
	return addr, err
}
