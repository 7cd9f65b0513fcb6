package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/shard"
)

const cellDomain = "localhost"

// fill makes accounts user0, user1 … and a group for each size, whose members are
// the first of them, in the storage of a cell whose server does not run: ten
// thousand logins would take longer than what is measured.
func (c *cell) fill(ctx context.Context, sizes []int) ([]im.GroupID, error) {
	cfg := shard.Default()
	cfg.Timeout = config.Duration(time.Minute) // a large group is one transaction
	if c.zones != nil {
		cfg.Zones = c.zones
	}
	s, err := shard.Open(ctx, cfg, c.data(), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	f := newFiller(ctx, s)
	groups := make([]im.GroupID, len(sizes))
	for i, n := range sizes {
		if groups[i], err = f.group(i, n); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

type filler struct {
	ctx   context.Context
	store *shard.Store
	now   time.Time
	clock *im.Clock
	users []im.UserID
}

func newFiller(ctx context.Context, s *shard.Store) *filler {
	return &filler{ctx: ctx, store: s, now: time.Now().UTC(), clock: im.NewClock(1, time.Now)}
}

// group makes a group of the first n users, of whom the first is the owner.
func (f *filler) group(number, n int) (im.GroupID, error) {
	if err := f.accounts(n); err != nil {
		return 0, err
	}
	members := make([]im.Member, n)
	for i := range members {
		members[i] = im.Member{User: f.users[i], Addr: userAddr(i), Role: im.RoleMember, Nick: userAddr(i).Local, Joined: f.now}
	}
	members[0].Role = im.RoleOwner
	g := im.Group{
		Addr: im.Addr{Local: fmt.Sprintf("group%d", number), Domain: "conference." + cellDomain}, Title: fmt.Sprintf("group of %d", n),
		Created: f.now, Creator: f.users[0], Salt: make([]byte, 32),
	}
	log := []im.Entry{{MsgID: f.clock.Next(), Kind: im.KindGroup, From: f.users[0], Group: &im.GroupEvent{What: im.GroupCreated, Group: &g}}}
	made, logged, err := f.store.CreateGroup(f.ctx, g, members, log, nil)
	if err != nil {
		return 0, err
	}
	return made.ID, some(n, func(i int) error {
		m := im.Membership{User: f.users[i], Group: made.ID, Addr: made.Addr, Title: made.Title, Role: members[i].Role, Nick: members[i].Nick, Version: logged[0].Seq}
		e := im.Entry{MsgID: f.clock.Next(), Kind: im.KindGroup, From: f.users[0], Peer: m.User, Group: &im.GroupEvent{What: im.GroupJoined, ID: made.ID, Member: &members[i]}}
		_, err := f.store.PutMembership(f.ctx, m, e)
		return err
	})
}

// accounts sees to it that there are n.
func (f *filler) accounts(n int) error {
	have := len(f.users)
	if n <= have {
		return nil
	}
	f.users = append(f.users, make([]im.UserID, n-have)...)
	return some(n-have, func(i int) (err error) {
		f.users[have+i], err = f.store.CreateAccount(f.ctx, im.Account{Addr: userAddr(have + i), Created: f.now})
		return err
	})
}

func userAddr(n int) im.Addr { return im.Addr{Local: fmt.Sprintf("user%d", n), Domain: cellDomain} }
