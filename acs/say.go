package acs

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// speech is what a user says to a contact about presence.
type speech struct {
	to     im.Contact        // User; Note and Ext go with im.Subscribe
	edit   func(*im.Contact) // of the user's own entry besides; may be nil
	events []im.SubEvent
	theirs bool // the contact has blocked the user
}

// word is one event on its way to the contact.
type word struct {
	event im.SubEvent
	mend  bool // only if the contact has missed it
}

// say carries a speech out: the user's own entry changes once, then the peer's
// once for all that is passed on. All of it can be said again after a failure in
// between.
func (s *session) say(ctx context.Context, sp speech) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	var words []word
	own := im.SubNone
	err := s.change(ctx, s.user, sp.to.User, s.user, func(c *im.Contact, n im.ContactCount) error {
		was := c.Listed
		if sp.edit != nil {
			sp.edit(c)
		}
		words = words[:0]
		for _, e := range sp.events {
			next, route := outbound(c.Sub, e)
			c.Sub = next
			words = append(words, word{e, !route})
		}
		own = c.Sub
		forgetRequest(c)
		return s.srv.room(was, c, n)
	})
	if err != nil || sp.to.User.Foreign() {
		return err
	}
	agreed, err := s.pass(ctx, sp, own, words)
	if err != nil || !agreed {
		return halfDone(err)
	}
	return halfDone(s.change(ctx, s.user, sp.to.User, sp.to.User, func(c *im.Contact, _ im.ContactCount) error {
		hear(c, im.Subscribed, false)
		return nil
	}))
}

// room refuses an entry that a full list has no place for.
func (s *Server) room(was bool, c *im.Contact, n im.ContactCount) error {
	if c.Listed && !was && n.Listed >= s.cfg.MaxContacts {
		return im.Errorf(im.CodeTooMany, "the contact list is full: it has %d entries", n.Listed)
	}
	return nil
}

// halfDone is an error that came after the user's own side was changed: one
// that says "nothing has happened, try again" would be wrong.
func halfDone(err error) error {
	if c := im.CodeOf(err); c == im.CodeTimeout || c/1000 == 5 && c.Trait().Definite {
		return &im.Error{Code: im.CodeUnknownOutcome, Detail: "the other side has not been told yet; do it again", Err: err}
	}
	return err
}

// pass tells the peer's side. agreed: his server has said yes for him.
func (s *session) pass(ctx context.Context, sp speech, own im.Subscription, words []word) (agreed bool, err error) {
	if sp.theirs {
		words = slices.DeleteFunc(words, func(w word) bool { return !withdraws(w.event) })
	}
	if len(words) == 0 {
		return false, nil
	}
	err = s.change(ctx, sp.to.User, s.user, s.user, func(c *im.Contact, n im.ContactCount) error {
		agreed = false
		for _, w := range words {
			if w.mend && !mends(own, c.Sub, w.event) {
				continue
			}
			was := c.Sub
			agreed = hear(c, w.event, sp.theirs) || agreed
			if w.event != im.Subscribe || !c.Sub.Has(im.SubPendingIn) {
				continue
			}
			if !was.Has(im.SubPendingIn) && n.PendingIn >= s.srv.cfg.MaxPending {
				return im.Errorf(im.CodeTooMany, "that user has too many unanswered requests; try again later")
			}
			c.Note, c.Ext = sp.to.Note, sp.to.Ext // of the newest request
		}
		c.Addr = s.addr.Bare()
		forgetRequest(c)
		return nil
	})
	if im.CodeOf(err) == im.CodeNotFound {
		return false, nil // an account that was removed hears nothing
	}
	return agreed, err
}

// hear is inbound for an entry. silent: its owner is not told of the event.
func hear(c *im.Contact, e im.SubEvent, silent bool) (agreed bool) {
	next, deliver, agreed := inbound(c.Sub, e)
	c.Sub = next
	if deliver && !silent {
		c.Said = append(c.Said, e)
	}
	return agreed
}

// forgetRequest drops what came with a request that has been answered.
func forgetRequest(c *im.Contact) {
	if !c.Sub.Has(im.SubPendingIn) {
		c.Note, c.Ext = "", nil
	}
}

// change edits owner's entry for peer, logs it in owner's inbox as caused by from
// when something changed, and delivers that.
func (s *session) change(ctx context.Context, owner, peer, from im.UserID, edit func(*im.Contact, im.ContactCount) error) error {
	logged, err := s.srv.store.UpdateContact(ctx, owner, peer, func(c *im.Contact, n im.ContactCount) ([]im.Entry, error) {
		before := *c
		c.Said = nil
		if err := edit(c, n); err != nil {
			return nil, err
		}
		after := *c
		c.Said = nil // of the log entry alone
		if same(&before, &after) {
			return nil, nil
		}
		return []im.Entry{{MsgID: s.srv.clock.Next(), Kind: im.KindContact, From: from, Peer: peer, Contact: &after}}, nil
	})
	if err != nil {
		return s.srv.public("contact", err)
	}
	s.srv.Deliver(owner, logged)
	return nil
}

func same(a, b *im.Contact) bool {
	return a.Sub == b.Sub && a.Listed == b.Listed && a.Name == b.Name && a.Note == b.Note &&
		slices.Equal(a.Groups, b.Groups) && slices.Equal(a.Ext, b.Ext)
}
