package acs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/cxx-im/cxx/im"
)

const team = im.GroupID(500)

// roomStore has one group with a timeline, and members.
type roomStore struct {
	Store
	mu      sync.Mutex
	group   im.Group
	members []im.Member
	log     []im.Entry
	dropped []im.UserID
	pruned  uint64 // what is not above is no longer there
}

func (f *roomStore) GroupSnapshot(context.Context, im.GroupID) (im.Group, []im.Member, im.Head, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.group, slices.Clone(f.members), im.Head{Seq: uint64(len(f.log))}, nil
}

func (f *roomStore) GroupByID(context.Context, im.GroupID) (im.Group, error) { return f.group, nil }

// EditGroup is for what is not logged: passing visitors who are forgotten.
func (f *roomStore) EditGroup(_ context.Context, _ im.GroupID, users []im.UserID, change func(*im.GroupEdit) error) ([]im.Entry, error) {
	e := &im.GroupEdit{Group: f.group, Members: make(map[im.UserID]im.Member)}
	for _, u := range users {
		e.Members[u] = im.Member{User: u, Role: im.RoleVisitor, Passing: true}
	}
	err := change(e)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped = append(f.dropped, e.Drop...)
	return nil, err
}

func (f *roomStore) Read(_ context.Context, _ im.UserID, after uint64, limit int) (im.SyncPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	head := uint64(len(f.log))
	page := im.SyncPage{Head: head}
	after = max(after, f.pruned)
	if after < head {
		page.Entries = slices.Clone(f.log[after:min(head, after+uint64(limit))])
	}
	return page, nil
}

func (f *roomStore) Heads(_ context.Context, users []im.UserID) (out []im.Head, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range users {
		if u == team.Log() {
			out = append(out, im.Head{User: u, Seq: uint64(len(f.log))})
		}
	}
	return out, nil
}

// append commits an entry and returns it.
func (f *roomStore) append(e im.Entry) im.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Seq = uint64(len(f.log)) + 1
	f.log = append(f.log, e)
	return e
}

// roomSink records what a session is told of groups.
type roomSink struct {
	fakeSink
	posts  []im.Entry
	moved  []uint64
	people []*im.OccupantChange
	refuse bool
}

func (k *roomSink) PushPost(p *im.GroupPush) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refuse {
		return false
	}
	k.posts = append(k.posts, *p.Entry)
	return true
}

func (k *roomSink) PushMoved(_ im.GroupID, head uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.moved = append(k.moved, head)
}

func (k *roomSink) PushOccupant(c *im.OccupantChange) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.people = append(k.people, &im.OccupantChange{Group: c.Group, Occupant: c.Occupant, Left: c.Left, Rest: c.Rest, WasNick: c.WasNick, Why: c.Why})
	return true
}

// got returns the places of the entries that came.
func (k *roomSink) got() (out []uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.posts {
		out = append(out, e.Seq)
	}
	return out
}

// changes returns what came of people, and forgets it.
func (k *roomSink) changes() []*im.OccupantChange {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.people
	k.people = nil
	return out
}

func member(u im.UserID, r im.Role, nick string) im.Member {
	return im.Member{User: u, Role: r, Nick: nick}
}

func roomServer(t *testing.T) (*Server, *roomStore) {
	t.Helper()
	store := &roomStore{
		group: im.Group{ID: team, Title: "team", Salt: []byte("salt")},
		members: []im.Member{
			member(1, im.RoleOwner, "ann"), member(2, im.RoleMember, "bob"), member(3, im.RoleMember, "cat"),
		},
	}
	srv, err := New(DefaultConfig(), Deps{Node: im.Node{ID: 1, Epoch: 1}, Store: store, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.tasks.close)
	return srv, store
}

// roomSession opens a session in the hub and the table, past the login.
func roomSession(srv *Server, u im.UserID, id im.SessionID, p im.Protocol) (*session, *roomSink) {
	sink := &roomSink{}
	s := &session{srv: srv, sink: sink, user: u, id: id, proto: p, device: im.DeviceID(id)}
	s.lead(srv, u, s)
	s.presence.Store(&im.Presence{Show: im.ShowOnline})
	srv.hub.add(s)
	srv.table.apply(srv.node.ID, srv.node.Epoch, &im.SessionsUpdate{Up: []im.SessionInfo{s.info()}}, srv.now())
	return s, sink
}

func (f *roomStore) post(srv *Server, from im.UserID) im.Entry {
	e := f.append(im.Entry{Kind: im.KindMessage, From: from, Text: "x", Post: &im.Post{Nick: "n"}})
	srv.posted(team, []im.Entry{e})
	return e
}

func (f *roomStore) event(srv *Server, ev im.GroupEvent) im.Entry {
	ev.ID = team
	e := f.append(im.Entry{Kind: im.KindGroup, From: 1, Group: &ev})
	srv.posted(team, []im.Entry{e})
	return e
}

func settled(t *testing.T, s *session, m im.Member) im.RoomState {
	t.Helper()
	st, err := s.settleIn(t.Context(), im.Occupant{Group: team, Presence: im.Presence{Show: im.ShowOnline}, Member: m}, im.RoomState{})
	if err != nil {
		t.Fatal(err)
	}
	return st
}
