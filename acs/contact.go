package acs

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
)

// Limits of what a user may write about a contact, in bytes.
const (
	maxRemark = 256
	maxNote   = 1024
	maxGroups = 50
	maxExt    = 8 << 10 // what an XMPP client says beside: in a request, presence or read mark
)

// ContactList implements im.Contacts.
func (s *session) ContactList(ctx context.Context) ([]im.Contact, error) {
	list, err := s.srv.store.Contacts(ctx, s.user)
	return list, s.srv.public("contacts", err)
}

// Contact implements im.Contacts.
func (s *session) Contact(ctx context.Context, peer im.UserID) (im.Contact, error) {
	c, err := s.srv.store.Contact(ctx, s.user, peer)
	return c, s.srv.public("contact", err)
}

// ContactOf implements im.Contacts.
func (s *session) ContactOf(ctx context.Context, owner im.UserID) (im.Contact, error) {
	if !owner.Valid() {
		return im.Contact{}, nil
	}
	c, err := s.srv.store.Contact(ctx, owner, s.user)
	return c, s.srv.public("contact of", err)
}

// ContactsOf implements im.Contacts. A block list that cannot be read counts as
// one with a block.
func (s *session) ContactsOf(ctx context.Context, contacts []im.Contact) (map[im.UserID]im.Contact, error) {
	mine, err := s.srv.blocks.get(ctx, s.user)
	if err != nil {
		return nil, s.srv.public("contacts of", err)
	}
	var owners []im.UserID
	for i := range contacts {
		if k := &contacts[i]; k.User.Valid() && !mine.covers(k.Addr) {
			owners = append(owners, k.User)
		}
	}
	lists := s.srv.blocks.many(ctx, owners)
	var unread error
	open := make([]im.UserID, 0, len(owners))
	for _, u := range owners {
		l, ok := lists[u]
		switch {
		case !ok:
			unread = errNoList
		case !l.covers(s.addr):
			open = append(open, u)
		}
	}
	if len(open) == 0 {
		return nil, s.srv.public("contacts of", unread)
	}
	found, err := s.srv.store.ContactsOf(ctx, open, s.user)
	return found, s.srv.public("contacts of", errors.Join(err, unread))
}

// ContactAdd implements im.Contacts: a friendship request is "let me see you"
// together with "you may see me", the latter kept until asked.
func (s *session) ContactAdd(ctx context.Context, peer im.UserID, name string, groups []string, note string) error {
	if err := checkRemark(name, groups, note); err != nil {
		return err
	}
	c, err := s.contactOf(ctx, im.Contact{User: peer, Note: note})
	if err != nil {
		return err
	}
	edit := func(k *im.Contact) { k.Addr, k.Listed, k.Name, k.Groups = c.Addr, true, name, groups }
	return s.befriend(ctx, c, edit)
}

// ContactAnswer implements im.Contacts.
func (s *session) ContactAnswer(ctx context.Context, peer im.UserID, accept bool) error {
	if !accept {
		return s.tellQuietly(ctx, peer, nil, im.Unsubscribed)
	}
	c, err := s.srv.store.Contact(ctx, s.user, peer)
	if err != nil {
		return s.srv.public("contact answer", err)
	}
	if !c.Sub.Has(im.SubPendingIn) && !c.Sub.Has(im.SubFrom) {
		return im.Errorf(im.CodeNotFound, "there is no request of that user to answer")
	}
	return s.befriend(ctx, im.Contact{User: peer, Addr: c.Addr}, func(k *im.Contact) { k.Listed = true })
}

// befriend says yes first: whoever accepts a request, or asks somebody who has
// asked, is a friend afterwards without a second answer.
func (s *session) befriend(ctx context.Context, c im.Contact, edit func(*im.Contact)) error {
	return s.tell(ctx, c, edit, im.Subscribed, im.Subscribe)
}

// ContactRemove implements im.Contacts.
func (s *session) ContactRemove(ctx context.Context, peer im.UserID) error {
	remove := func(c *im.Contact) { c.Listed, c.Name, c.Groups = false, "", nil }
	return s.tellQuietly(ctx, peer, remove, im.Unsubscribe, im.Unsubscribed)
}

// ContactUpdate implements im.Contacts.
func (s *session) ContactUpdate(ctx context.Context, peer im.UserID, name string, groups []string) error {
	if err := checkRemark(name, groups, ""); err != nil {
		return err
	}
	if err := s.pace(ctx); err != nil {
		return err
	}
	return s.change(ctx, s.user, peer, s.user, func(c *im.Contact, _ im.ContactCount) error {
		if !c.Listed {
			return im.Errorf(im.CodeNotFound, "that user is not on the contact list; add him first")
		}
		c.Name, c.Groups = name, groups
		return nil
	})
}

// ContactPut implements im.Contacts.
func (s *session) ContactPut(ctx context.Context, c im.Contact) error {
	if err := checkRemark(c.Name, c.Groups, ""); err != nil {
		return err
	}
	c, err := s.contactOf(ctx, c)
	if err != nil {
		return err
	}
	if err := s.pace(ctx); err != nil {
		return err
	}
	return s.change(ctx, s.user, c.User, s.user, func(k *im.Contact, n im.ContactCount) error {
		was := k.Listed
		k.Addr, k.Listed, k.Name, k.Groups = c.Addr, true, c.Name, c.Groups
		return s.srv.room(was, k, n)
	})
}

// Subscription implements im.Contacts. Who is asked, or let see, is on the list
// from then on (RFC 6121 sections 3.1.2, 3.1.5 and 3.4.2).
func (s *session) Subscription(ctx context.Context, c im.Contact, say im.SubEvent) error {
	if say < im.Subscribe || say > im.Unsubscribed {
		return im.Errorf(im.CodeInvalid, "nobody can say %d about presence", say)
	}
	if err := checkRemark("", nil, c.Note); err != nil {
		return err
	}
	if len(c.Ext) > maxExt {
		return im.Errorf(im.CodeTooLarge, "the request has %d bytes of extensions; at most %d are taken", len(c.Ext), maxExt)
	}
	known, err := s.contactOf(ctx, c)
	if im.CodeOf(err) == im.CodeNotFound && withdraws(say) {
		known, err = c, nil // an account that was removed can still be let go
	}
	if err != nil {
		return err
	}
	return s.tell(ctx, known, func(k *im.Contact) {
		if !withdraws(say) {
			k.Addr, k.Listed = known.Addr, true
		}
	}, say)
}

// contactOf checks whom c means and fills in his address.
func (s *session) contactOf(ctx context.Context, c im.Contact) (im.Contact, error) {
	switch {
	case c.User == s.user:
		return c, im.Errorf(im.CodeInvalid, "you cannot be a contact of yourself")
	case c.User.Foreign():
		if c.Addr.IsZero() || im.ForeignID(c.Addr) != c.User {
			return c, im.Errorf(im.CodeInvalid, "the address and the id of the contact do not belong together")
		}
		c.Addr = c.Addr.Bare()
		return c, nil
	case !c.User.Valid():
		return c, im.Errorf(im.CodeNotFound, "there is no such user")
	}
	addr, err := s.srv.addrs.get(ctx, c.User)
	c.Addr = addr
	return c, s.srv.public("contact", err)
}

// tell is say for what a block of the user's own forbids (XEP-0191 section 3.3).
func (s *session) tell(ctx context.Context, c im.Contact, edit func(*im.Contact), events ...im.SubEvent) error {
	own, theirs, err := s.shutOut(ctx, s.addr.Bare(), c.User, c.Addr)
	if err != nil {
		return err
	}
	if own {
		return errOwnBlock()
	}
	return s.say(ctx, speech{to: c, edit: edit, events: events, theirs: theirs})
}

// tellQuietly is say for what ends something: the user may do that to whom he
// has blocked.
func (s *session) tellQuietly(ctx context.Context, peer im.UserID, edit func(*im.Contact), events ...im.SubEvent) error {
	theirs, err := s.srv.blocks.blocked(ctx, peer, s.addr.Bare())
	if err != nil {
		return s.srv.public("contact", err)
	}
	return s.say(ctx, speech{to: im.Contact{User: peer}, edit: edit, events: events, theirs: theirs})
}

func checkRemark(name string, groups []string, note string) error {
	if len(name) > maxRemark || len(note) > maxNote || len(groups) > maxGroups {
		return im.Errorf(im.CodeTooLarge, "a remark has at most %d bytes, a note %d, and a contact is in at most %d groups", maxRemark, maxNote, maxGroups)
	}
	for _, g := range groups {
		if g == "" || len(g) > maxRemark || !utf8.ValidString(g) {
			return im.Errorf(im.CodeInvalid, "a group name has 1 to %d bytes", maxRemark)
		}
	}
	return nil
}
