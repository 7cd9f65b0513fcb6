package acs

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

// groupDomain is where the groups of a domain have their addresses.
func (s *Server) groupDomain(domain string) string { return s.cfg.GroupPrefix + "." + domain }

// GroupCreate implements im.Groups.
func (s *session) GroupCreate(ctx context.Context, g im.Group, me im.Member, invite []im.UserID) (im.Group, error) {
	if err := s.pace(ctx); err != nil {
		return im.Group{}, err
	}
	if err := s.srv.mayHaveMore(ctx, s.user); err != nil {
		return im.Group{}, s.srv.public("create group", err)
	}
	if g.Addr.Local == "" {
		var b [7]byte
		rand.Read(b[:])
		g.Addr.Local = im.Code(b[:])[:10]
	}
	addr, err := im.ParseAddr(g.Addr.Local + "@" + s.srv.groupDomain(s.addr.Domain))
	if err != nil {
		return im.Group{}, im.Errorf(im.CodeInvalid, "the name %q cannot be a group's: %v", g.Addr.Local, err)
	}
	g.ID, g.Addr, g.Created, g.Creator = 0, addr, s.srv.now().UTC(), s.user
	if g.Title == "" {
		g.Title = addr.Local
	}
	if err := validGroup(&g); err != nil {
		return im.Group{}, err
	}
	g.Salt = make([]byte, 32)
	rand.Read(g.Salt)
	if me.Nick == "" {
		me.Nick = s.srv.defaultNick(ctx, s.user, s.addr)
	}
	if me.Nick, err = im.PrepareNick(me.Nick); err != nil {
		return im.Group{}, err
	}
	// What the maker says of these is not his to say.
	g.AvatarHash, g.SubjectNick, g.SubjectAt = "", "", time.Time{}
	if g.Subject != "" {
		g.SubjectNick, g.SubjectAt = me.Nick, g.Created
	}
	owner := im.Member{User: s.user, Addr: s.addr.Bare(), Role: im.RoleOwner, Nick: me.Nick, Joined: g.Created}
	made, err := s.storeGroup(ctx, g, owner, invite)
	if err != nil {
		return im.Group{}, s.srv.public("create group", err)
	}
	return made, nil
}

// storeGroup makes a group and invites users, both or nothing.
func (s *session) storeGroup(ctx context.Context, g im.Group, owner im.Member, invite []im.UserID) (im.Group, error) {
	if len(invite) > maxActs {
		return im.Group{}, im.Errorf(im.CodeTooMany, "%d users are invited at once; at most %d can be", len(invite), maxActs)
	}
	c := &groupChange{
		GroupEdit: &im.GroupEdit{Group: g, Members: make(map[im.UserID]im.Member)},
		srv:       s.srv, user: s.user, addr: owner.Addr, me: owner,
	}
	c.member(im.GroupCreated, owner, "")
	shown := g
	shown.Salt, shown.Password = nil, ""
	c.Log[0].Group.Group = &shown
	for _, u := range invite {
		a := &im.Act{Do: im.ActInvite, User: u}
		t, err := s.aim(ctx, a, nil)
		if err != nil {
			return im.Group{}, err
		}
		m := c.Members[u]
		if m.Role == im.RoleNone {
			m.User, m.Addr = u, t.addr
		}
		if err := c.invite(a, m, t); err != nil {
			return im.Group{}, err
		}
	}
	var due []im.Owed
	made, logged, err := s.srv.store.CreateGroup(ctx, g, c.Put, c.Log, func(g im.Group, logged []im.Entry) []im.Owed {
		c.Group = g
		due = c.owed(logged)
		return due
	})
	if err != nil {
		return im.Group{}, err
	}
	s.srv.posted(made.ID, logged)
	s.srv.settleSoon(ctx, due)
	return made, nil
}

// mayHaveMore refuses one more group to who has as many as he may.
func (s *Server) mayHaveMore(ctx context.Context, u im.UserID) error {
	list, err := s.store.Memberships(ctx, u)
	if err != nil {
		return err
	}
	in := 0
	for _, m := range list {
		if m.Role.In() {
			in++
		}
	}
	if in >= s.cfg.MaxGroups {
		return im.Errorf(im.CodeTooMany, "you are in %d groups; leave one first", in)
	}
	return nil
}

// GroupEdit implements im.Groups. What has a method of its own stays as it is.
func (s *session) GroupEdit(ctx context.Context, g im.GroupID, change func(g *im.Group) error) error {
	return s.editGroup(ctx, g, func(now *im.Group) error {
		before := *now
		err := change(now)
		now.Subject, now.SubjectNick, now.SubjectAt = before.Subject, before.SubjectNick, before.SubjectAt
		now.AvatarHash = before.AvatarHash
		return err
	})
}

func (s *session) editGroup(ctx context.Context, g im.GroupID, change func(g *im.Group) error) error {
	return s.changeGroup(ctx, "edit group", g, nil, func(c *groupChange) error {
		before := c.Group
		if err := change(&c.Group); err != nil {
			return err
		}
		c.Group.ID, c.Group.Addr, c.Group.Salt = before.ID, before.Addr, before.Salt
		c.Group.Created, c.Group.Creator = before.Created, before.Creator
		if equalGroups(&c.Group, &before) {
			return nil
		}
		if err := mayEdit(&c.me, &before, &c.Group); err != nil {
			return err
		}
		if err := validGroup(&c.Group); err != nil {
			return err
		}
		c.SetGroup = true
		c.changed(im.GroupChanged)
		if before.Join == im.JoinOpen && c.Group.Join != im.JoinOpen {
			return c.expelVisitors()
		}
		return nil
	})
}

// changed logs the group as it is now.
func (c *groupChange) changed(what im.GroupVerb) {
	shown := c.Group
	shown.Salt, shown.Password = nil, ""
	c.log(im.GroupEvent{What: what, Group: &shown})
}

// expelVisitors sends away who was there because the group was open (XEP-0045 section
// 10.2).
func (c *groupChange) expelVisitors() error {
	visitors, err := c.Find(im.MemberQuery{Min: im.RoleVisitor, Passing: true})
	if err != nil {
		return err
	}
	for _, m := range visitors {
		if m.Passing {
			m.Role = im.RoleNone
			c.member(im.GroupExpelled, m, "")
		}
	}
	return nil
}

// GroupSubject implements im.Groups.
func (s *session) GroupSubject(ctx context.Context, g im.GroupID, subject string) error {
	return s.changeGroup(ctx, "set subject", g, nil, func(c *groupChange) error {
		if err := im.MaySpeak(&c.Group, &c.me, s.srv.now()); err != nil {
			return err
		}
		if !c.me.Within(c.Group.Topic) {
			return errNotAllowed("set the subject")
		}
		c.Group.Subject, c.Group.SubjectNick, c.Group.SubjectAt = subject, c.me.Nick, s.srv.now().UTC()
		if err := validGroup(&c.Group); err != nil {
			return err
		}
		c.SetGroup = true
		c.changed(im.GroupSubject)
		return nil
	})
}

// GroupDissolve implements im.Groups.
func (s *session) GroupDissolve(ctx context.Context, g im.GroupID, alternate, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.changeGroup(ctx, "dissolve group", g, nil, func(c *groupChange) error {
		if c.me.Role != im.RoleOwner {
			return errNotAllowed("dissolve the group")
		}
		return c.dissolve(alternate, reason)
	})
}

// dissolve ends the group for everybody whom the change has not removed before.
func (c *groupChange) dissolve(alternate, reason string) error {
	everybody, err := c.Find(im.MemberQuery{Min: im.RoleInvited, Max: im.RoleOwner})
	if err != nil {
		return err
	}
	everybody = slices.DeleteFunc(everybody, func(m im.Member) bool {
		now, known := c.Members[m.User]
		return known && now.Role == im.RoleNone
	})
	c.Dissolve = true
	c.log(im.GroupEvent{What: im.GroupDissolved, Reason: reason, Alternate: alternate}, everybody...)
	return nil
}

// GroupRetract implements im.Groups.
func (s *session) GroupRetract(ctx context.Context, g im.GroupID, seq uint64, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	page, err := s.srv.store.Archive(ctx, g.Log(), im.ArchiveQuery{Seqs: []uint64{seq}, Limit: 1})
	if err != nil {
		return s.srv.public("retract", err)
	}
	return s.changeGroup(ctx, "retract", g, nil, func(c *groupChange) error {
		switch {
		case !c.me.Role.In():
			return im.Errorf(im.CodeNotMember, "you are not in the group")
		case len(page.Entries) == 0 || page.Entries[0].Post == nil || seq <= c.me.From:
			return im.Errorf(im.CodeNotFound, "there is no message %d in the group", seq)
		case page.Entries[0].From != s.user && !c.me.Admin():
			return errNotAllowed("take back what others have written")
		case page.Entries[0].Post.Retracted:
			return nil
		}
		c.Retract = seq
		c.log(im.GroupEvent{What: im.GroupRetracted, Ref: seq, Reason: reason, Direct: page.Entries[0].From == s.user})
		return nil
	})
}
