package xmpptest

import (
	"context"
	"reflect"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// ContactList implements im.Contacts.
func (s *Core) ContactList(context.Context) ([]im.Contact, error) {
	if err := s.cell.enter("ContactList", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	out := make([]im.Contact, 0, len(s.me.contacts))
	for _, k := range s.me.contacts {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b im.Contact) int { return int(int64(a.User) - int64(b.User)) })
	return out, nil
}

// Contact implements im.Contacts.
func (s *Core) Contact(_ context.Context, peer im.UserID) (im.Contact, error) {
	if err := s.cell.enter("Contact", false); err != nil {
		return im.Contact{}, err
	}
	defer s.cell.mu.Unlock()
	return s.me.contacts[peer], nil
}

// ContactOf implements im.Contacts.
func (s *Core) ContactOf(_ context.Context, owner im.UserID) (im.Contact, error) {
	if err := s.cell.enter("ContactOf", false); err != nil {
		return im.Contact{}, err
	}
	defer s.cell.mu.Unlock()
	if s.cell.users[owner] == nil {
		return im.Contact{}, nil
	}
	return s.cell.users[owner].contacts[s.User()], nil
}

// ContactsOf implements im.Contacts.
func (s *Core) ContactsOf(_ context.Context, contacts []im.Contact) (map[im.UserID]im.Contact, error) {
	if err := s.cell.enter("ContactsOf", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	out := make(map[im.UserID]im.Contact)
	for _, k := range contacts {
		u := s.cell.users[k.User]
		if u == nil || matchesAny(s.me.blocks, k.Addr) || matchesAny(u.blocks, s.addr) {
			continue
		}
		if theirs, ok := u.contacts[s.User()]; ok {
			out[k.User] = theirs
		}
	}
	return out, nil
}

// ContactAdd implements im.Contacts.
func (s *Core) ContactAdd(_ context.Context, peer im.UserID, name string, groups []string, note string) error {
	return s.edit("ContactAdd", im.Contact{User: peer, Note: note}, func(k *im.Contact) {
		k.Listed, k.Name, k.Groups = true, name, groups
	}, im.Subscribed, im.Subscribe)
}

// ContactAnswer implements im.Contacts.
func (s *Core) ContactAnswer(_ context.Context, peer im.UserID, accept bool) error {
	if !accept {
		return s.edit("ContactAnswer", im.Contact{User: peer}, nil, im.Unsubscribed)
	}
	return s.edit("ContactAnswer", im.Contact{User: peer}, func(k *im.Contact) { k.Listed = true }, im.Subscribed, im.Subscribe)
}

// ContactRemove implements im.Contacts.
func (s *Core) ContactRemove(_ context.Context, peer im.UserID) error {
	return s.edit("ContactRemove", im.Contact{User: peer}, func(k *im.Contact) {
		k.Listed, k.Name, k.Groups = false, "", nil
	}, im.Unsubscribe, im.Unsubscribed)
}

// ContactUpdate implements im.Contacts.
func (s *Core) ContactUpdate(_ context.Context, peer im.UserID, name string, groups []string) error {
	return s.edit("ContactUpdate", im.Contact{User: peer}, func(k *im.Contact) { k.Name, k.Groups = name, groups })
}

// ContactPut implements im.Contacts.
func (s *Core) ContactPut(_ context.Context, c im.Contact) error {
	return s.edit("ContactPut", c, func(k *im.Contact) { k.Listed, k.Name, k.Groups = true, c.Name, c.Groups })
}

// Subscription implements im.Contacts.
func (s *Core) Subscription(_ context.Context, c im.Contact, say im.SubEvent) error {
	return s.edit("Subscription", c, func(k *im.Contact) {
		k.Listed = k.Listed || say == im.Subscribe || say == im.Subscribed
	}, say)
}

// edit changes the user's own entry and tells the peer's side.
func (s *Core) edit(method string, c im.Contact, change func(*im.Contact), say ...im.SubEvent) error {
	if err := s.cell.enter(method, true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	peer := s.cell.users[c.User]
	if peer != nil {
		c.Addr = peer.account.Addr
	}
	s.cell.contact(s.me, s.User(), c, func(k *im.Contact) {
		if change != nil {
			change(k)
		}
		for _, e := range say {
			k.Sub = outbound(k.Sub, e)
		}
	})
	if peer == nil {
		return nil
	}
	mine := im.Contact{User: s.User(), Addr: s.addr.Bare(), Note: c.Note, Ext: c.Ext}
	for _, e := range say {
		agreed := false
		s.cell.contact(peer, s.User(), mine, func(k *im.Contact) { agreed = inbound(k, e, mine) })
		if agreed {
			s.cell.contact(s.me, c.User, c, func(k *im.Contact) { inbound(k, im.Subscribed, c) })
		}
	}
	return nil
}

// contact edits the entry that owner has of c.User; it runs with mu held.
func (c *Cell) contact(owner *user, from im.UserID, x im.Contact, change func(*im.Contact)) {
	before, ok := owner.contacts[x.User]
	if !ok {
		before = im.Contact{User: x.User, Addr: x.Addr}
	}
	after := before
	change(&after)
	if reflect.DeepEqual(before, after) {
		return
	}
	logged := after
	after.Said = nil
	owner.contacts[x.User] = after
	c.append(owner, im.Entry{Kind: im.KindContact, From: from, Peer: x.User, Contact: &logged})
}

// outbound is the state of who says e (RFC 6121 appendix A.2).
func outbound(s im.Subscription, e im.SubEvent) im.Subscription {
	switch {
	case e == im.Subscribe && !s.Has(im.SubTo):
		return s | im.SubPendingOut
	case e == im.Subscribed && s.Has(im.SubPendingIn):
		return s&^im.SubPendingIn | im.SubFrom
	case e == im.Subscribed && !s.Has(im.SubFrom):
		return s | im.SubPreApproved
	case e == im.Unsubscribe:
		return s &^ (im.SubTo | im.SubPendingOut)
	case e == im.Unsubscribed:
		return s &^ (im.SubFrom | im.SubPendingIn | im.SubPreApproved)
	}
	return s
}

// inbound changes the entry of who is told (appendix A.3); true: his server says
// yes for him.
func inbound(k *im.Contact, e im.SubEvent, from im.Contact) bool {
	before := k.Sub
	switch {
	case e == im.Subscribe && k.Sub.Has(im.SubFrom):
		return true
	case e == im.Subscribe && k.Sub.Has(im.SubPreApproved):
		k.Sub = k.Sub&^im.SubPreApproved | im.SubFrom
		return true
	case e == im.Subscribe:
		k.Sub |= im.SubPendingIn
		k.Note, k.Ext = from.Note, from.Ext
	case e == im.Subscribed && k.Sub.Has(im.SubPendingOut):
		k.Sub = k.Sub&^im.SubPendingOut | im.SubTo
	case e == im.Unsubscribe:
		k.Sub &^= im.SubFrom | im.SubPendingIn
	case e == im.Unsubscribed:
		k.Sub &^= im.SubTo | im.SubPendingOut
	}
	if k.Sub != before {
		k.Said = append(k.Said, e)
	}
	return false
}
