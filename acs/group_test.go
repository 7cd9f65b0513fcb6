package acs_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/presence/memory"
	"github.com/cxx-im/cxx/shard"
)

// recorder is a connection that keeps what it gets.
type recorder struct {
	mu    sync.Mutex
	inbox []im.Entry
	posts []im.Entry
	news  chan struct{} // holds a token when something has come
}

// await waits until a message came with a text.
func (r *recorder) await(t *testing.T, text string) []string {
	t.Helper()
	for {
		if got := r.texts(); slices.Contains(got, text) {
			return got
		}
		select {
		case <-r.news:
		case <-t.Context().Done():
			t.Fatalf("no %q came", text)
		}
	}
}

// awaitVerb waits until the inbox has got an event of a group.
func (r *recorder) awaitVerb(t *testing.T, what im.GroupVerb) {
	t.Helper()
	for !slices.Contains(r.verbs(), what) {
		select {
		case <-r.news:
		case <-t.Context().Done():
			t.Fatalf("no event %d came", what)
		}
	}
}

func (r *recorder) Push(e *im.Entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inbox = append(r.inbox, *e)
	r.wake()
	return true
}

func (r *recorder) PushPost(p *im.GroupPush) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posts = append(r.posts, *p.Entry)
	r.wake()
	return true
}

func (r *recorder) wake() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (*recorder) PushPresence(im.UserPresence)         {}
func (*recorder) PushSignal(im.Signal)                 {}
func (*recorder) PushMoved(im.GroupID, uint64)         {}
func (*recorder) PushOccupant(*im.OccupantChange) bool { return true }
func (*recorder) Close(*im.Error)                      {}

func (r *recorder) texts() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.posts {
		if e.Kind == im.KindMessage {
			out = append(out, e.Text)
		}
	}
	return out
}

// verbs lists the events of groups that came to the inbox.
func (r *recorder) verbs() (out []im.GroupVerb) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.inbox {
		if e.Kind == im.KindGroup {
			out = append(out, e.Group.What)
		}
	}
	return out
}

// people is a node over SQLite with users who are online.
type people struct {
	t     *testing.T
	srv   *acs.Server
	store *shard.Store
}

func newPeople(t *testing.T) *people {
	t.Helper()
	return newPeopleOver(t, func(s *shard.Store) acs.Store { return s })
}

// newPeopleOver has something between the node and its storage.
func newPeopleOver(t *testing.T, between func(*shard.Store) acs.Store) *people {
	t.Helper()
	cfg := shard.Default()
	cfg.Zones = []shard.ZoneConfig{{ID: 1, Driver: "sqlite", Path: "z1.db", Slots: "0-8191"}, {ID: 2, Driver: "sqlite", Path: "z2.db", Slots: "8192-16383"}}
	log := slog.New(slog.DiscardHandler)
	store, err := shard.Open(t.Context(), cfg, t.TempDir(), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := acs.New(acs.DefaultConfig(), acs.Deps{Node: im.Node{ID: 1, Epoch: 1}, Store: between(store), Registry: memory.New(time.Now), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &people{t, srv, store}
}

func (p *people) open(name string, proto im.Protocol) (im.Session, *recorder) {
	p.t.Helper()
	r := &recorder{news: make(chan struct{}, 1)}
	return p.openTo(name, proto, r), r
}

func (p *people) openTo(name string, proto im.Protocol, sink im.Sink) im.Session {
	p.t.Helper()
	a := im.Account{Addr: im.Addr{Local: name, Domain: "example.org"}}
	id, err := p.store.CreateAccount(p.t.Context(), a)
	if err != nil {
		p.t.Fatal(err)
	}
	a.ID = id
	s, _, err := p.srv.Open(p.t.Context(), im.Opening{
		Account: a, Device: im.Device{ID: im.DeviceID(id), Epoch: 1, Resource: "r"}, Protocol: proto,
		Presence: im.Presence{Show: im.ShowOnline}, Sink: sink,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *people) want(err error, code im.ErrorCode) {
	p.t.Helper()
	if im.CodeOf(err) != code {
		p.t.Errorf("got %v; want %v", err, code)
	}
}

func (p *people) say(s im.Session, g im.GroupID, text string) error {
	done := make(chan error, 1)
	s.Send(im.Outgoing{Group: g, Text: text}, func(_ im.Ack, err error) { done <- err })
	return <-done
}

// list asks for the groups of a session, which follows them from then on.
func (p *people) list(s im.Session) []im.GroupState {
	p.t.Helper()
	states, err := s.GroupList(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return states
}

// The life of a group: made, an invitation, joined, talked in, mute, kick, ban, handed
// over, left, dissolved.
func TestGroupLife(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, annBox := p.open("ann", im.ProtocolCXX)
	bob, bobBox := p.open("bob", im.ProtocolCXX)
	p.list(ann)
	p.list(bob)
	g, err := ann.GroupCreate(ctx, im.Group{Title: "Team", Join: im.JoinInvite}, im.Member{}, []im.UserID{bob.User()})
	if err != nil {
		t.Fatal(err)
	}
	if g.Addr.Domain != "conference.example.org" || len(g.Addr.Local) != 10 {
		t.Errorf("address %v", g.Addr)
	}
	p.want(p.say(bob, g.ID, "too early"), im.CodeNotMember)
	if err := p.say(ann, g.ID, "before bob"); err != nil {
		t.Fatal(err)
	}
	if me, err := bob.GroupJoin(ctx, g.ID, im.Joining{}); err != nil || me.Role != im.RoleMember || me.Nick != "bob" {
		t.Fatal(me, err)
	}
	p.list(ann)
	p.list(bob)
	for i := range 3 {
		if err := p.say(ann, g.ID, fmt.Sprint("n", i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := bobBox.await(t, "n2"); !slices.Equal(got, []string{"n0", "n1", "n2"}) {
		t.Errorf("bob got %q", got)
	}
	page, err := bob.GroupSync(ctx, g.ID, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entries {
		if e.Text == "before bob" {
			t.Error("bob reads what was before him")
		}
	}
	if st := p.list(bob)[0]; st.Unread != 3 || st.Members != 2 {
		t.Errorf("state %+v", st)
	}
	if err := bob.GroupMarkRead(ctx, g.ID, page.Head); err != nil {
		t.Fatal(err)
	}
	if st := p.list(bob)[0]; st.Unread != 0 {
		t.Errorf("%d unread behind the mark", st.Unread)
	}
	p.want(bob.GroupAct(ctx, g.ID, im.Act{Do: im.ActKick, User: ann.User()}), im.CodeForbidden)
	p.want(bob.GroupEdit(ctx, g.ID, func(g *im.Group) error { g.Title = "Mine"; return nil }), im.CodeForbidden)
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActMute, User: bob.User()}), 0)
	p.want(p.say(bob, g.ID, "muted"), im.CodeMuted)
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActUnmute, User: bob.User()}), 0)
	p.want(p.say(bob, g.ID, "again"), 0)
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActKick, User: bob.User(), Reason: "rude"}), 0)
	p.want(p.say(bob, g.ID, "gone"), im.CodeNotMember)
	p.want(p.say(ann, g.ID, "without bob"), 0)
	if got := bobBox.texts(); slices.Contains(got, "without bob") {
		t.Error("bob got what was said without him")
	}
	_, err = bob.GroupSync(ctx, g.ID, 0, 0)
	p.want(err, im.CodeNotMember)
	if list := p.list(bob); len(list) != 0 {
		t.Errorf("bob's list has %+v", list)
	}
	if got := bobBox.verbs(); !slices.Equal(got, []im.GroupVerb{im.GroupInvited, im.GroupJoined, im.GroupVoice, im.GroupVoice, im.GroupKicked}) {
		t.Errorf("bob's inbox has %v", got)
	}
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleOutcast}), 0)
	_, err = bob.GroupJoin(ctx, g.ID, im.Joining{})
	p.want(err, im.CodeBanned)
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleMember}), 0)
	p.want(ann.GroupLeave(ctx, g.ID, ""), im.CodeLastOwner)
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActTransfer, User: bob.User()}), 0)
	p.want(ann.GroupDissolve(ctx, g.ID, "", ""), im.CodeForbidden)
	p.want(ann.GroupLeave(ctx, g.ID, ""), 0)
	p.want(bob.GroupDissolve(ctx, g.ID, "", "over"), 0)
	p.want(p.say(bob, g.ID, "x"), im.CodeNotFound)
	if got := annBox.verbs(); len(got) < 2 || got[0] != im.GroupCreated || got[len(got)-1] != im.GroupLeft {
		t.Errorf("ann's inbox has %v", got)
	}
}

// A request to join waits for an admin, who learns of it at home.
func TestGroupApproval(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, annBox := p.open("ann", im.ProtocolCXX)
	bob, _ := p.open("bob", im.ProtocolCXX)
	g, err := ann.GroupCreate(ctx, im.Group{Addr: im.Addr{Local: "club"}, Join: im.JoinApproval}, im.Member{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bob.GroupCreate(ctx, im.Group{Addr: im.Addr{Local: "club"}}, im.Member{}, nil)
	p.want(err, im.CodeNameTaken)
	if st, err := bob.GroupFind(ctx, g.Addr); err != nil || st.Group.ID != g.ID || st.Head != 0 {
		t.Error("who wants to ask does not find the group:", st, err)
	}
	if me, err := bob.GroupJoin(ctx, g.ID, im.Joining{Note: "let me in"}); err != nil || me.Role != im.RoleAsking {
		t.Fatal(me, err)
	}
	if !slices.Contains(annBox.verbs(), im.GroupAsked) {
		t.Error("ann was not asked")
	}
	p.want(p.say(bob, g.ID, "x"), im.CodeNotMember)
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActAccept, User: bob.User()}), 0)
	p.want(p.say(bob, g.ID, "x"), 0)
	p.want(bob.GroupNick(ctx, g.ID, "ANN"), im.CodeNickTaken)
}

// A visitor by MUC who is made a member has the group on all his devices.
func TestVisitorBecomesMember(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	bob, _ := p.open("bob", im.ProtocolXMPP)
	g, err := ann.GroupCreate(ctx, im.Group{Addr: im.Addr{Local: "tea"}}, im.Member{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.RoomEnter(ctx, im.RoomEntry{Addr: g.Addr, Nick: "Bob", Presence: im.Presence{Show: im.ShowOnline}}); err != nil {
		t.Fatal(err)
	}
	if list, err := bob.GroupList(ctx); err != nil || len(list) != 0 {
		t.Fatal("a visitor has the group as his own:", list, err)
	}
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleMember}), 0)
	if list, err := bob.GroupList(ctx); err != nil || len(list) != 1 || list[0].Membership.Role != im.RoleMember {
		t.Error("a member has not got the group:", list, err)
	}
	p.want(ann.GroupAct(ctx, g.ID, im.Act{Do: im.ActRole, User: bob.User(), Role: im.RoleNone}), 0)
	if st, err := bob.GroupGet(ctx, g.ID); err != nil || st.Me.Role != im.RoleVisitor || !st.Me.Passing {
		t.Error("he does not stay as a visitor:", st.Me, err)
	}
	if list, err := bob.GroupList(ctx); err != nil || len(list) != 0 {
		t.Error("a visitor has the group as his own:", list, err)
	}
}

// XMPP sessions enter a room: the first makes it, visitors pass, and a removal holds.
func TestRoomLife(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolXMPP)
	bob, bobBox := p.open("bob", im.ProtocolXMPP)
	room := im.Addr{Local: "tea", Domain: "conference.example.org"}
	here := im.Presence{Show: im.ShowOnline}
	made, err := ann.RoomEnter(ctx, im.RoomEntry{Addr: room, Nick: "Ann", Presence: here})
	if err != nil || !made.Created || made.Me.Role != im.RoleOwner || !made.Group.Locked {
		t.Fatal(made, err)
	}
	_, err = bob.RoomEnter(ctx, im.RoomEntry{Addr: room, Nick: "Bob", Presence: here})
	p.want(err, im.CodeNotFound)
	id := made.Group.ID
	p.want(ann.GroupEdit(ctx, id, func(g *im.Group) error { g.Locked = false; return nil }), 0)
	_, err = bob.RoomEnter(ctx, im.RoomEntry{Addr: room, Nick: "ann", Presence: here})
	p.want(err, im.CodeNickTaken)
	in, err := bob.RoomEnter(ctx, im.RoomEntry{Addr: room, Nick: "Bob", Presence: here})
	if err != nil || in.Me.Role != im.RoleVisitor || !in.Me.Passing || len(in.Occupants) != 2 || in.Occupants[1].User != bob.User() {
		t.Fatal(in, err)
	}
	p.want(p.say(bob, id, "hello"), 0)
	if got := bobBox.await(t, "hello"); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("bob sees %q of his own", got)
	}
	p.want(ann.GroupAct(ctx, id, im.Act{Do: im.ActEject, User: bob.User()}), 0)
	p.want(p.say(bob, id, "queued"), im.CodeNotMember)
	if _, inside := bob.Inside(id); inside {
		t.Error("bob is still inside")
	}
	p.want(ann.GroupEdit(ctx, id, func(g *im.Group) error { g.Join = im.JoinInvite; return nil }), 0)
	_, err = bob.RoomEnter(ctx, im.RoomEntry{Addr: room, Nick: "Bob", Presence: here})
	p.want(err, im.CodeMembersOnly)
}
