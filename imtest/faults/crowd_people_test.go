package faults

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// gather makes a group and its members, and lets those in who are there from the
// beginning.
func (c *cell) gather(t *testing.T, p crowdPlan) *crowd {
	t.Helper()
	g := &crowd{plan: p, cell: c, start: time.Now(), doors: make(chan struct{}, 16), stopping: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	t.Cleanup(func() {
		g.cancel()
		g.writing.Wait()
		g.reading.Wait()
	})
	c.openStore(t)
	run := loads.Add(1)
	g.keeper = newKeeper(t, c, nameOf("keeper", 0, run))
	g.id, g.addr = g.keeper.found(t, nameOf("crowd", 0, run))
	g.people(run)
	g.accounts(t)
	g.fill(t, run)
	g.stage(t, "the accounts were made")
	g.keeper.admit(t, g.id, g.all[:p.online+p.late])
	g.begin(g.keeper.say(t, g.id, welcome))
	g.stage(t, "all were made members")
	return g
}

// people are those who will be online.
func (g *crowd) people(run int64) {
	p := g.plan
	members := p.online + p.late
	for i := range members + p.churners {
		m := &member{crowd: g, name: nameOf("m", i, run), got: make(map[uint64]string)}
		m.writes, m.late, m.churns = i < p.writers, i >= p.online && i < members, i >= members
		if i%2 == 0 {
			m.d = g.cell.device(m.name, "main")
		} else {
			m.x = g.cell.xdevice(m.name, "desk")
		}
		g.all = append(g.all, m)
	}
}

// accounts makes the users who will be online, several at a time.
func (g *crowd) accounts(t *testing.T) {
	t.Helper()
	each(t, len(g.all), func(i int) (err error) {
		m := g.all[i]
		if m.x != nil {
			m.user, err = g.cell.account(m.name)
			return err
		}
		m.user, err = g.cell.bareAccount(g.ctx, m.name)
		return err
	})
}

// fill puts members into the group who are never online: straight into its zone, because
// ten thousand requests would take longer than what is tested. Their own zones are not
// told, which only their devices would see.
func (g *crowd) fill(t *testing.T, run int64) {
	t.Helper()
	list := make([]im.Member, g.plan.offline)
	for i := range list {
		name := nameOf("silent", i, run)
		list[i] = im.Member{Addr: im.Addr{Local: name, Domain: domain}, Role: im.RoleMember, Nick: name, Joined: g.start}
	}
	each(t, len(list), func(i int) (err error) {
		list[i].User, err = g.cell.bareAccount(g.ctx, list[i].Addr.Local)
		return err
	})
	_, err := g.cell.store.EditGroup(g.ctx, im.GroupID(g.id), nil, func(e *im.GroupEdit) error {
		e.Put = list
		return nil
	})
	must(t, err)
}

// each calls f for 0 to n-1, several at a time.
func each(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := f(i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// welcome is what the owner says first.
const welcome = "welcome"

// begin lets people in. Members know the timeline up to seq, where the owner has said
// welcome: nobody wants to read how each of them came in.
func (g *crowd) begin(seq uint64) {
	for i, m := range g.all {
		if !m.churns {
			m.take(seq, welcome)
			m.knows(seq)
		}
		if m.late && i%4 < 2 {
			continue // he has never been there before he comes late
		}
		m.enter()
	}
}

// leave takes the late ones out of the cell, as far as they are there.
func (g *crowd) leave() {
	for _, m := range g.all {
		if m.late && m.gone != nil {
			m.cancel()
			<-m.gone
		}
	}
}

// arrive lets the late ones in.
func (g *crowd) arrive() {
	for _, m := range g.all {
		if m.late {
			m.enter()
		}
	}
}
