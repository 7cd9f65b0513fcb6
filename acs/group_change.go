package acs

import (
	"context"
	"fmt"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// groupChange is a change of a group while it is worked out, under the lock of its
// timeline. It may be made more than once, each time from the beginning.
type groupChange struct {
	*im.GroupEdit
	srv  *Server
	user im.UserID // who makes it; zero: the server does
	addr im.Addr   // his, bare
	me   im.Member
	told []teller
}

// teller makes what a user has to learn when the entry it belongs to has its seq.
type teller struct {
	entry int // index of Log
	user  im.UserID
	how   im.Member // how he stands to the group then
}

// changeGroup carries out f on a group, and tells everybody whom it concerns.
func (s *session) changeGroup(ctx context.Context, op string, g im.GroupID, users []im.UserID, f func(c *groupChange) error) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	if !g.Valid() {
		return im.Errorf(im.CodeNotFound, "there is no group %s", g)
	}
	err := s.srv.changeGroup(ctx, g, append(slices.Clone(users), s.user), func(c *groupChange) error {
		c.user, c.addr, c.me = s.user, s.addr.Bare(), c.Members[s.user]
		return f(c)
	})
	if err != nil {
		return s.srv.public(op, err)
	}
	return nil
}

// changeGroup is what sessions do it with, and what the server does by itself.
func (s *Server) changeGroup(ctx context.Context, g im.GroupID, users []im.UserID, f func(c *groupChange) error) error {
	var due []im.Owed
	logged, err := s.store.EditGroup(ctx, g, users, func(e *im.GroupEdit) error {
		c := &groupChange{GroupEdit: e, srv: s}
		owners := e.Count.Owners
		if err := f(c); err != nil {
			return err
		}
		if owners > 0 && e.Count.Owners == 0 && !e.Dissolve {
			return im.Errorf(im.CodeLastOwner, "a group needs an owner; make somebody else one before")
		}
		e.Owe = func(logged []im.Entry) []im.Owed {
			due = c.owed(logged)
			return due
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.posted(g, logged)
	s.settleSoon(ctx, due)
	return nil
}

// log adds an event to the timeline and says who has to learn it at home.
func (c *groupChange) log(ev im.GroupEvent, tell ...im.Member) {
	ev.ID = c.Group.ID
	if ev.ByNick == "" {
		ev.ByNick = c.me.Nick
	}
	c.Log = append(c.Log, im.Entry{MsgID: c.srv.clock.Next(), Kind: im.KindGroup, From: c.user, Group: &ev})
	for _, m := range tell {
		if !m.Passing {
			c.told = append(c.told, teller{len(c.Log) - 1, m.User, m})
		}
	}
}

// member logs an event about somebody and writes how he stands to the group then, which
// is all that counts of what the change has made of him.
func (c *groupChange) member(what im.GroupVerb, m im.Member, reason string) {
	if m.Role == im.RoleNone {
		c.Put = slices.DeleteFunc(c.Put, func(x im.Member) bool { return x.User == m.User })
		c.Drop = append(c.Drop, m.User)
	} else {
		c.Drop = slices.DeleteFunc(c.Drop, func(u im.UserID) bool { return u == m.User })
		c.Put = append(c.Put, m)
	}
	was := c.Members[m.User]
	shown := m
	ev := im.GroupEvent{What: what, Member: &shown, Reason: reason}
	if was.Nick != "" && was.Nick != m.Nick {
		ev.WasNick = was.Nick
	}
	c.log(ev, atHome(was, m))
	c.Members[m.User] = m
	if !was.Passing {
		c.Count.Add(was.Role, -1)
	}
	if !m.Passing {
		c.Count.Add(m.Role, 1)
	}
}

// atHome is how a member stands to the group for all his devices, of whom was was
// known before: who is passing is there on one of them only, and what becomes of him
// is nothing that the others have to learn (Passing). A member who is made one of
// those is no member any more.
func atHome(was, m im.Member) im.Member {
	own := was.Role != im.RoleNone && !was.Passing
	switch {
	case m.Passing && own:
		m.Role, m.Passing = im.RoleNone, false
	case was.Passing && !m.Role.In():
		m.Passing = true
	}
	return m
}

// owed is what users have to learn of the logged entries.
func (c *groupChange) owed(logged []im.Entry) (out []im.Owed) {
	for _, t := range c.told {
		e := logged[t.entry]
		out = append(out, owedFor(&c.Group, &e, t.how))
	}
	return out
}

// owedFor is what somebody has to learn of an entry of a timeline.
func owedFor(g *im.Group, e *im.Entry, how im.Member) im.Owed {
	ev := *e.Group
	ev.Group = brief(g)
	if ev.Member != nil && ev.Member.User != how.User && g.Hidden && !how.Admin() {
		ev.Member = nil
	}
	role := how.Role
	if ev.What == im.GroupDissolved {
		role = im.RoleNone
	}
	return im.Owed{
		Membership: im.Membership{User: how.User, Group: g.ID, Addr: g.Addr, Title: g.Title, Role: role, Nick: how.Nick, Version: e.Seq},
		Entry:      im.Entry{MsgID: e.MsgID, Kind: im.KindGroup, From: e.From, Peer: how.User, Group: &ev},
	}
}

// brief is a group as somebody may know it who is not in it.
func brief(g *im.Group) *im.Group {
	return &im.Group{
		ID: g.ID, Addr: g.Addr, Title: g.Title, About: g.About, Lang: g.Lang, AvatarHash: g.AvatarHash, Join: g.Join,
		Speak: g.Speak, Hidden: g.Hidden, History: g.History, Public: g.Public, Temporary: g.Temporary, MaxMembers: g.MaxMembers, Created: g.Created,
	}
}

// nick finds a nickname that is free: wanted, or the same with a number.
func (c *groupChange) nick(u im.UserID, wanted string) (string, error) {
	for i := 1; i < 1000; i++ {
		try := wanted
		if i > 1 {
			try = fmt.Sprint(wanted, " ", i)
		}
		nick, err := im.PrepareNick(try)
		if err != nil {
			return "", err
		}
		if err = c.free(u, nick); im.CodeOf(err) != im.CodeNickTaken {
			return nick, err
		}
	}
	return "", im.Errorf(im.CodeNickTaken, "every nickname like %q is taken; choose another one", wanted)
}

// free refuses a nickname that somebody else has.
func (c *groupChange) free(u im.UserID, nick string) error {
	return c.srv.freeNick(c.GroupEdit, u, nick)
}

// defaultNick is how a user is called who has chosen nothing.
func (s *Server) defaultNick(ctx context.Context, u im.UserID, a im.Addr) string {
	profiles, err := s.store.Profiles(ctx, []im.UserID{u})
	if err == nil && len(profiles) > 0 && profiles[0].Name != "" {
		if nick, err := im.PrepareNick(profiles[0].Name); err == nil {
			return nick
		}
	}
	return a.Local
}

func checkReason(reason string) error {
	if len(reason) > maxReason {
		return im.Errorf(im.CodeTooLarge, "the reason has %d bytes; at most %d are taken", len(reason), maxReason)
	}
	return nil
}
