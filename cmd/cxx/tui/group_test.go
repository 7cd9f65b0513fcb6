package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

const tea1 im.GroupID = 77

// groupFake is the part of fake that knows groups.
type groupFake struct {
	groups   []im.GroupState
	members  []im.Member
	timeline []im.Entry
}

func (f *fake) Groups(context.Context) ([]im.GroupState, error) { return f.groups, nil }

func (f *fake) FindGroup(_ context.Context, who string) (im.GroupState, error) {
	for _, st := range f.groups {
		if st.Group.Addr.Local == strings.TrimPrefix(who, "#") {
			return st, nil
		}
	}
	return im.GroupState{}, im.Errorf(im.CodeNotFound, "there is no group %s", who)
}

func (f *fake) IsGroup(who string) bool { return strings.HasPrefix(who, "#") }

func (f *fake) CreateGroup(_ context.Context, g im.Group, _ string, _ ...im.UserID) (im.GroupState, error) {
	g.ID = 99
	st := im.GroupState{Group: g, Me: im.Member{User: me, Role: im.RoleOwner}}
	f.groups = append(f.groups, st)
	return st, f.call("create %s %q join %d", g.Addr.Local, g.Title, g.Join)
}

func (f *fake) EditGroup(_ context.Context, g im.GroupID, settings ...client.GroupSetting) error {
	var v im.Group
	client.SettingsOf(&v, settings...)
	return f.call("edit %d %d settings: subject %q join %d", g, len(settings), v.Subject, v.Join)
}

func (f *fake) GroupMembers(context.Context, im.GroupID, im.MemberQuery) ([]im.Member, bool, error) {
	f.calls = append(f.calls, "members")
	return slices.Clone(f.members), false, nil
}

func (f *fake) GroupHistory(_ context.Context, _ im.GroupID, q im.HistoryQuery) (im.HistoryPage, error) {
	f.calls = append(f.calls, fmt.Sprintf("group history before %d", q.Before))
	return im.HistoryPage{Entries: f.timeline}, nil
}

func (f *fake) MarkGroupRead(_ context.Context, g im.GroupID, upTo uint64) error {
	return f.call("read group %d up to %d", g, upTo)
}

func (f *fake) SignalGroup(_ im.GroupID, kind im.SignalKind) { f.signals = append(f.signals, kind) }

func (f *fake) JoinGroup(_ context.Context, g im.GroupID, how im.Joining) (im.Member, error) {
	for i := range f.groups {
		if f.groups[i].Group.ID == g {
			f.groups[i].Me.Role = im.RoleMember
		}
	}
	return im.Member{Role: im.RoleMember}, f.call("join %d %+v", g, how)
}

func (f *fake) DeclineGroup(_ context.Context, g im.GroupID, _ string) error {
	return f.call("decline %d", g)
}

func (f *fake) LeaveGroup(_ context.Context, g im.GroupID, reason string) error {
	return f.call("leave %d %q", g, reason)
}

func (f *fake) ActInGroup(_ context.Context, g im.GroupID, acts ...im.Act) error {
	for _, a := range acts {
		until := "now"
		if a.Until > 0 {
			until = "some time"
		}
		_ = f.call("act %d in %d on %d: role %v, until %s, %q", a.Do, g, a.User, a.Role, until, a.Reason)
	}
	return nil
}

func (f *fake) SetNick(_ context.Context, g im.GroupID, nick string) error {
	return f.call("nick %d %q", g, nick)
}

func (f *fake) BookGroup(_ context.Context, g im.GroupID, pinned, silent bool) error {
	return f.call("book %d %v %v", g, pinned, silent)
}

func (f *fake) RetractInGroup(_ context.Context, g im.GroupID, seq uint64, _ string) error {
	return f.call("retract %d in %d", seq, g)
}

func (f *fake) ResolveIn(ctx context.Context, _ im.GroupID, who string) (im.UserID, error) {
	if who == "@Bobby" {
		return bob, nil
	}
	return f.Resolve(ctx, who)
}

func postEntry(seq uint64, from im.UserID, nick, text string) im.Entry {
	e := entry(seq, from, text)
	e.Peer, e.Post = 0, &im.Post{Nick: nick}
	return e
}

// tearoom is a stage on which alice is in a group with bob, and it is open.
func tearoom(t *testing.T) *stage {
	f := &fake{groupFake: groupFake{
		groups: []im.GroupState{{
			Group: im.Group{ID: tea1, Addr: im.Addr{Local: "tea", Domain: "conference.example.org"}, Title: "Tea time", Subject: "Earl Grey"},
			Me:    im.Member{User: me, Role: im.RoleAdmin, Nick: "alice"}, Head: 9, HeadID: entry(9, bob, "").MsgID, Unread: 2, Mentions: 1, Members: 3,
		}},
		members: []im.Member{
			{User: bob, Addr: im.Addr{Local: "bob", Domain: "example.org"}, Role: im.RoleMember, Nick: "Bobby", MutedUntil: im.Forever},
			{User: carol, Addr: im.Addr{Local: "carol", Domain: "example.org"}, Role: im.RoleOwner, Nick: "Carol"},
			{User: me, Addr: im.Addr{Local: "alice", Domain: "example.org"}, Role: im.RoleAdmin, Nick: "alice"},
			{User: 9, Addr: im.Addr{Local: "dave", Domain: "example.org"}, Role: im.RoleAsking},
		},
		timeline: []im.Entry{postEntry(8, bob, "Bobby", "is it ready?"), postEntry(9, carol, "Carol", "not yet")},
	}}
	return newStage(t, f)
}

func (s *stage) post(seq uint64, from im.UserID, nick, text string) {
	s.send(EventMsg{client.GroupMessage{Group: tea1, Entry: postEntry(seq, from, nick, text), Mine: from == me}})
}

func TestGroupOnTheScreen(t *testing.T) {
	s := tearoom(t)
	s.shows("# Tea time", "tea  3 members  Earl Grey", "Bobby  is it ready?", "Carol  not yet")
	s.back.called(t, "read group 77 up to 9")
	s.post(10, bob, "Bobby", "and now?")
	s.shows("Bobby  and now?", "Bobby: and now?")
	s.back.called(t, "read group 77 up to 10")
	s.send(EventMsg{client.GroupChanged{Group: tea1, Entry: im.Entry{
		Seq: 11, MsgID: entry(11, carol, "").MsgID, Kind: im.KindGroup, From: carol,
		Group: &im.GroupEvent{What: im.GroupJoined, ID: tea1, Member: &im.Member{User: 8, Nick: "Eve"}},
	}}})
	s.shows("· Eve has joined", "4 members")
	s.send(EventMsg{client.GroupChanged{Group: tea1, Entry: im.Entry{
		Seq: 12, MsgID: entry(12, carol, "").MsgID, Kind: im.KindGroup, From: carol,
		Group: &im.GroupEvent{What: im.GroupRetracted, ID: tea1, ByNick: "Bobby", Ref: 10},
	}}})
	s.shows("Bobby  (taken back)", "Bobby has taken a message back")
	s.hides("Bobby  and now?")
	s.send(EventMsg{client.Typing{Group: tea1, Nick: "Carol", User: carol, Kind: im.SignalTyping}})
	s.shows("Carol is typing")
}

func TestSendToAGroup(t *testing.T) {
	s := tearoom(t)
	s.typeText("@Bobby and @all: tea!")
	if len(s.back.signals) != 1 {
		t.Errorf("%d typing notices", len(s.back.signals))
	}
	s.submit()
	out := s.back.sent[0]
	if out.Group != tea1 || out.To != 0 || !slices.Equal(out.Mentions, []im.UserID{bob}) || out.All {
		t.Errorf("%+v", out)
	}
	s.send(sentMsg{tea1.Log(), out.ClientID, im.Ack{Seq: 10, MsgID: entry(10, me, "").MsgID}, nil})
	e := postEntry(10, me, "alice", out.Text)
	e.ClientID = out.ClientID
	s.send(EventMsg{client.GroupMessage{Group: tea1, Entry: e, Mine: true}})
	if n := strings.Count(s.screen(), "tea! ✓"); n != 1 {
		t.Errorf("shown %d times:\n%s", n, s.screen())
	}
	s.send(EventMsg{client.GroupRead{Group: tea1, Nick: "Bobby", UpTo: 10}})
	s.shows("tea! ✓✓")
	s.typeText("@all hands")
	s.submit()
	if !s.back.sent[1].All {
		t.Errorf("%+v", s.back.sent[1])
	}
	s.send(EventMsg{client.Refused{Message: s.back.sent[1], Err: im.Errorf(im.CodeMuted, "you were muted in this group")}})
	s.shows("@all hands ✗", "you were muted")
}

func TestGroupUnreadAndList(t *testing.T) {
	s := tearoom(t)
	s.back.contacts = friends().contacts
	s.run(s.m.loadList())
	s.m.selectPeer(bob)
	s.post(10, carol, "Carol", "psst")
	s.send(EventMsg{client.GroupMessage{Group: tea1, Entry: postEntry(11, carol, "Carol", "alice!"), Mentioned: true}})
	s.shows("Tea time", "@", "Carol: alice!")
	if st, _ := s.m.groups.Get(tea1); st.Unread != 4 || st.Mentions != 2 {
		t.Errorf("%+v", st)
	}
	if got := s.m.View().WindowTitle; got != "cxx (4)" {
		t.Errorf("the title is %q", got)
	}
	s.keys("tab")
	if s.m.sel != tea1.Log() {
		t.Errorf("selected %d", s.m.sel)
	}
	s.back.called(t, "read group 77 up to 11")
	s.send(EventMsg{client.GroupReadMine{Group: tea1, UpTo: 11}})
	if got := s.m.View().WindowTitle; got != "cxx" {
		t.Errorf("the title is %q", got)
	}
}

func TestInvitations(t *testing.T) {
	for key, want := range map[string]string{"ctrl+y": "join 77 {Nick: Note: Password:}", "ctrl+x": "decline 77"} {
		f := friends()
		s := newStage(t, f)
		f.groups = []im.GroupState{{
			Group: im.Group{ID: tea1, Addr: im.Addr{Local: "tea"}, Title: "Tea time"}, Me: im.Member{User: me, Role: im.RoleInvited, By: bob, Note: "come"},
		}}
		s.send(EventMsg{client.GroupInvitation{From: bob, Event: im.GroupEvent{
			What: im.GroupInvited, ID: tea1, ByNick: "Bobby", Group: &im.Group{Title: "Tea time"},
			Membership: &im.Membership{Group: tea1, Role: im.RoleInvited},
		}}})
		s.shows("? Tea time", "invites you", "Bobby invites you to Tea time")
		s.keys("ctrl+k")
		s.typeText("tea")
		s.keys("enter")
		s.shows("You are invited to Tea time by bob.", "“come”", "Ctrl-Y joins")
		s.keys(key)
		s.back.called(t, want)
	}
}

func TestGroupCommands(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"/kick bob too loud", `act 4 in 77 on 2: role none, until now, "too loud"`},
		{"/ban @Bobby", `act 5 in 77 on 2: role outcast, until now, ""`},
		{"/invite carol bob", `act 1 in 77 on 2: role none, until now, ""`},
		{"/admit carol", `act 2 in 77 on 3: role none, until now, ""`},
		{"/refuse carol", `act 3 in 77 on 3: role none, until now, ""`},
		{"/role bob admin", `act 5 in 77 on 2: role admin, until now, ""`},
		{"/mute bob 10m", `act 6 in 77 on 2: role none, until some time, ""`},
		{"/unmute bob", `act 7 in 77 on 2: role none, until now, ""`},
		{"/nick Al", `nick 77 "Al"`},
		{"/topic Darjeeling", `edit 77 1 settings: subject "Darjeeling" join 0`},
		{"/set join=invite title=Tea at four", `edit 77 2 settings: subject "" join 2`},
		{"/leave bye all", `leave 77 "bye all"`},
		{"/pin", "book 77 true false"},
		{"/silent", "book 77 false true"},
		{"/create team join=approval title=The team", `create team "The team" join 1`},
		{"/join tea Al", "join 77 {Nick:Al Note: Password:}"},
		{"/join tea password=open Al", "join 77 {Nick:Al Note: Password:open}"},
		{"/members", "members"},
	} {
		s := tearoom(t)
		s.typeText(c.line)
		s.keys("enter")
		s.back.called(t, c.want)
		if s.m.noticeBad || s.m.input.Value() != "" {
			t.Errorf("%s: notice %q, input %q", c.line, s.m.notice, s.m.input.Value())
		}
	}
	for line, says := range map[string]string{
		"/kick": "name whom you mean", "/kick nobody": "no user nobody", "/role bob king": "one of none", "/mute bob soon": "10m", "/set": "wants a setting",
		"/set colour=red": "no setting", "/create": "wants a name", "/join": "wants a group", "/join nope": "no group nope", "/retract": "nothing here",
		"/create x join=maybe": "open, approval, invite",
	} {
		s := tearoom(t)
		s.typeText(line)
		s.keys("enter")
		if !s.m.noticeBad || !strings.Contains(s.m.notice, says) {
			t.Errorf("%s says %q", line, s.m.notice)
		}
	}
	s := newStage(t, friends())
	for _, c := range groupCommands[2:] {
		s.typeText("/" + c.name + " bob member")
		s.keys("enter")
		if !s.m.noticeBad {
			t.Errorf("/%s outside of a group says %q", c.name, s.m.notice)
		}
	}
	s.typeText("/kic")
	s.hides("/kick")
}

func TestRetractTheLastMessage(t *testing.T) {
	s := tearoom(t)
	s.post(10, me, "alice", "oops")
	s.post(11, bob, "Bobby", "what?")
	s.typeText("/retract")
	s.keys("enter")
	s.back.called(t, "retract 10 in 77")
}

func TestMembersPane(t *testing.T) {
	s := tearoom(t)
	s.typeText("/members")
	s.keys("enter")
	s.shows("Members of Tea time", "★ Carol", "☆ alice", "Bobby", "bob, muted", "dave", "asking")
	if i, j := strings.Index(s.screen(), "★ Carol"), strings.Index(s.screen(), "Bobby  bob"); i > j {
		t.Error("members stand before the owner")
	}
	s.keys("esc")
	s.hides("Members of")
	s.typeText("/kick ")
	s.shows("bob", "carol")
	s.hides("dave")
}

func TestLeavingAGroup(t *testing.T) {
	s := tearoom(t)
	s.send(EventMsg{client.GroupMembership{Event: im.GroupEvent{
		What: im.GroupKicked, ID: tea1, ByNick: "Carol", Group: &im.Group{Title: "Tea time"}, Reason: "noise",
		Member: &im.Member{User: me, Nick: "alice"}, Membership: &im.Membership{Group: tea1, Title: "Tea time"},
	}}})
	s.shows("Tea time: Carol has removed alice: noise", "○ Tea time")
	s.hides("# Tea time", "user 77")
	s.typeText("still here?")
	s.submit()
	if s.back.sent[0].Group != tea1 {
		t.Errorf("%+v", s.back.sent[0])
	}
	s.send(sentMsg{tea1.Log(), s.back.sent[0].ClientID, im.Ack{}, im.Errorf(im.CodeNotMember, "you are not in the group")})
	s.shows("✗", "you are not in the group")
}

func TestGroupLinesFitEveryWindow(t *testing.T) {
	s := tearoom(t)
	s.back.groups[0].Group.Title = strings.Repeat("long 漢字 ", 20)
	s.back.groups[0].Group.Subject = strings.Repeat("words ", 40)
	for i := range 40 {
		s.back.members = append(s.back.members, im.Member{User: im.UserID(100 + i), Nick: strings.Repeat("名", 30), Role: im.RoleMember})
	}
	s.run(s.m.loadList())
	s.run(s.m.loadMembers(tea1))
	s.post(10, bob, strings.Repeat("n", 80), strings.Repeat("many words and 漢字 ", 20))
	s.send(EventMsg{client.GroupChanged{Group: tea1, Entry: im.Entry{
		Seq: 11, MsgID: entry(11, bob, "").MsgID, Kind: im.KindGroup, Group: &im.GroupEvent{What: im.GroupLeft, Member: &im.Member{Nick: strings.Repeat("x ", 90)}},
	}}})
	for _, size := range [][2]int{{80, 24}, {40, 10}, {20, 6}, {10, 4}, {1, 1}} {
		for _, sc := range []screen{screenChat, screenSwitch, screenMembers, screenHelp} {
			s.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			s.m.screen, s.m.page = sc, 1
			for _, l := range strings.Split(s.screen(), "\n") {
				if w := ansi.StringWidth(l); w > size[0] {
					t.Errorf("%v, screen %d: a line is %d wide: %q", size, sc, w, l)
				}
			}
		}
	}
}

func TestForeignNicksCannotDraw(t *testing.T) {
	s := tearoom(t)
	s.post(10, bob, "ev\x1b[2Jil\n\u202e", "hi")
	s.back.members[0].Nick = "\x1b]0;x\x07bad"
	s.typeText("/members")
	s.keys("enter")
	for _, screen := range []screen{screenMembers, screenChat} {
		s.m.screen = screen
		for _, bad := range []string{"\x1b[2J", "\x1b]0", "\x07", "\u202e"} {
			if strings.Contains(s.m.View().Content, bad) {
				t.Errorf("%q reached the terminal", bad)
			}
		}
	}
}

func TestSecondPageOfTheHelp(t *testing.T) {
	s := tearoom(t)
	s.send(tea.KeyPressMsg{Code: tea.KeyF1})
	s.shows("Keys", "F1 shows those for groups")
	s.send(tea.KeyPressMsg{Code: tea.KeyF1})
	for _, c := range groupCommands {
		s.shows("/"+c.name, c.help)
	}
	s.send(tea.KeyPressMsg{Code: tea.KeyF1})
	s.hides("In groups")
	if s.m.screen != screenChat {
		t.Error("the help does not close")
	}
}
