package acs

import (
	"context"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
)

// Limits of what a user may write about a contact, in bytes.
const (
	maxRemark = 256
	maxNote   = 1024
	maxGroups = 50
)

// ContactList implements im.Contacts.
func (s *session) ContactList(ctx context.Context) ([]im.Contact, error) {
	list, err := s.srv.store.Contacts(ctx, s.user)
	return list, s.srv.public("contacts", err)
}

// ContactAdd implements im.Contacts: a friendship request is "let me see you"
// together with "you may see me", the latter kept until asked.
func (s *session) ContactAdd(ctx context.Context, peer im.UserID, name string, groups []string, note string) error {
	if err := checkRemark(name, groups, note); err != nil {
		return err
	}
	if peer == s.user {
		return im.Errorf(im.CodeInvalid, "you cannot be a contact of yourself")
	}
	addr, err := s.srv.addrs.get(ctx, peer)
	if err != nil {
		return s.srv.public("contact add", err)
	}
	edit := func(c *im.Contact) { c.Addr, c.Listed, c.Name, c.Groups = addr, true, name, groups }
	return s.befriend(ctx, peer, edit, note)
}

// ContactAnswer implements im.Contacts.
func (s *session) ContactAnswer(ctx context.Context, peer im.UserID, accept bool) error {
	if !accept {
		return s.say(ctx, peer, nil, "", unsubscribed)
	}
	asked := false
	err := s.change(ctx, s.user, peer, func(c *im.Contact, _ im.ContactCount) error {
		asked = c.Sub.Has(im.SubPendingIn) || c.Sub.Has(im.SubFrom)
		return nil
	})
	if err != nil {
		return err
	}
	if !asked {
		return im.Errorf(im.CodeNotFound, "there is no request of that user to answer")
	}
	return s.befriend(ctx, peer, func(c *im.Contact) { c.Listed = true }, "")
}

// befriend says yes first: whoever accepts a request, or asks somebody who has
// asked, is a friend afterwards without a second answer.
func (s *session) befriend(ctx context.Context, peer im.UserID, edit func(*im.Contact), note string) error {
	return s.say(ctx, peer, edit, note, subscribed, subscribe)
}

// ContactRemove implements im.Contacts.
func (s *session) ContactRemove(ctx context.Context, peer im.UserID) error {
	remove := func(c *im.Contact) { c.Listed, c.Name, c.Groups = false, "", nil }
	return s.say(ctx, peer, remove, "", unsubscribe, unsubscribed)
}

// ContactUpdate implements im.Contacts.
func (s *session) ContactUpdate(ctx context.Context, peer im.UserID, name string, groups []string) error {
	if err := checkRemark(name, groups, ""); err != nil {
		return err
	}
	if err := s.pace(ctx); err != nil {
		return err
	}
	return s.change(ctx, s.user, peer, func(c *im.Contact, _ im.ContactCount) error {
		if !c.Listed {
			return im.Errorf(im.CodeNotFound, "that user is not on the contact list; add him first")
		}
		c.Name, c.Groups = name, groups
		return nil
	})
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

// say carries out what the user says to peer about presence: the user's own
// entry changes once, then the peer's once for each thing that is passed on.
// All of it can be said again after a failure in between.
func (s *session) say(ctx context.Context, peer im.UserID, edit func(*im.Contact), note string, events ...subEvent) error {
	own, err := s.srv.addrs.get(ctx, s.user)
	if err != nil {
		return s.srv.public("contact", err)
	}
	if err := s.pace(ctx); err != nil {
		return err
	}
	var route []subEvent
	err = s.change(ctx, s.user, peer, func(c *im.Contact, n im.ContactCount) error {
		if edit != nil {
			if edit(c); c.Listed && n.Listed >= s.srv.cfg.MaxContacts {
				return im.Errorf(im.CodeTooMany, "the contact list is full: it has %d entries", n.Listed)
			}
		}
		route = route[:0]
		for _, e := range events {
			next, pass := outbound(c.Sub, e)
			c.Sub = next
			if pass || sayAgain(next, e) {
				route = append(route, e)
			}
		}
		forgetNote(c)
		return nil
	})
	if err != nil {
		return err
	}
	agreed, err := s.pass(ctx, own, peer, note, route)
	if err != nil || !agreed {
		return halfDone(err)
	}
	return halfDone(s.change(ctx, s.user, peer, func(c *im.Contact, _ im.ContactCount) error {
		c.Sub, _ = inbound(c.Sub, subscribed)
		return nil
	}))
}

// halfDone is an error that came after the user's own side was changed: one
// that says "nothing has happened, try again" would be wrong.
func halfDone(err error) error {
	if c := im.CodeOf(err); c == im.CodeTimeout || c/1000 == 5 && c.Trait().Definite {
		return &im.Error{Code: im.CodeUnknownOutcome, Detail: "the other side has not been told yet; do it again", Err: err}
	}
	return err
}

// sayAgain reports whether e is passed on although it changed nothing here: the
// first time the peer's zone may not have answered. To a peer who knows it
// already it changes nothing either.
func sayAgain(own im.Subscription, e subEvent) bool {
	return e == unsubscribed || e == subscribed && own.Has(im.SubFrom)
}

// pass tells the peer's side. agreed: his server has said yes for him.
func (s *session) pass(ctx context.Context, own im.Addr, peer im.UserID, note string, events []subEvent) (agreed bool, err error) {
	if len(events) == 0 {
		return false, nil
	}
	err = s.change(ctx, peer, s.user, func(c *im.Contact, n im.ContactCount) error {
		agreed = false
		for _, e := range events {
			next, yes := inbound(c.Sub, e)
			if next.Has(im.SubPendingIn) && !c.Sub.Has(im.SubPendingIn) {
				if n.PendingIn >= s.srv.cfg.MaxPending {
					return im.Errorf(im.CodeTooMany, "that user has too many unanswered requests; try again later")
				}
				c.Note = note
			}
			c.Sub, agreed = next, agreed || yes
		}
		c.Addr = own
		forgetNote(c)
		return nil
	})
	return agreed, err
}

// forgetNote drops the words of a request that has been answered.
func forgetNote(c *im.Contact) {
	if !c.Sub.Has(im.SubPendingIn) {
		c.Note = ""
	}
}

// change edits owner's entry for peer, logs it in owner's inbox when something
// changed, and delivers that.
func (s *session) change(ctx context.Context, owner, peer im.UserID, edit func(*im.Contact, im.ContactCount) error) error {
	logged, err := s.srv.store.UpdateContact(ctx, owner, peer, func(c *im.Contact, n im.ContactCount) ([]im.Entry, error) {
		before := *c
		if err := edit(c, n); err != nil {
			return nil, err
		}
		if same(&before, c) {
			return nil, nil
		}
		after := *c
		return []im.Entry{{MsgID: s.srv.clock.Next(), Kind: im.KindContact, From: s.user, Peer: peer, Contact: &after}}, nil
	})
	if err != nil {
		return s.srv.public("contact", err)
	}
	s.srv.Deliver(owner, logged)
	return nil
}

func same(a, b *im.Contact) bool {
	if len(a.Groups) != len(b.Groups) {
		return false
	}
	for i := range a.Groups {
		if a.Groups[i] != b.Groups[i] {
			return false
		}
	}
	return a.Sub == b.Sub && a.Listed == b.Listed && a.Name == b.Name && a.Note == b.Note
}
