package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

const (
	me    im.UserID = 1
	bob   im.UserID = 2
	carol im.UserID = 3
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.Local)

// fake is a Backend that answers from what the test has put in it.
type fake struct {
	contacts      []im.Contact
	conversations []im.Conversation
	history       map[im.UserID][]im.Entry
	sent          []im.Outgoing
	signals       []im.SignalKind
	calls         []string
	blocked       []im.Addr
	groupFake
}

func (f *fake) Me() (im.UserID, im.DeviceID, im.Addr) {
	return me, 1, im.Addr{Local: "alice", Domain: "example.org"}
}

func (f *fake) Conversations(context.Context, int) ([]im.Conversation, error) {
	return f.conversations, nil
}
func (f *fake) Contacts(context.Context) ([]im.Contact, error) { return f.contacts, nil }

func (f *fake) History(_ context.Context, q im.HistoryQuery) (im.HistoryPage, error) {
	f.calls = append(f.calls, fmt.Sprintf("history %d before %d", q.Peer, q.Before))
	var page im.HistoryPage
	for _, e := range f.history[q.Peer] {
		if q.Before == 0 || e.Seq < q.Before {
			page.Entries = append(page.Entries, e)
		}
	}
	if n := len(page.Entries); n > q.Limit {
		page.Entries, page.More = page.Entries[n-q.Limit:], true
	}
	return page, nil
}

func (f *fake) SendAsync(m im.Outgoing) (*client.Pending, error) {
	f.sent = append(f.sent, m)
	return &client.Pending{Outgoing: m}, nil
}
func (f *fake) Unsent() []im.Outgoing { return nil }

func (f *fake) MarkRead(_ context.Context, peer im.UserID, upTo im.MsgID) error {
	return f.call("read %d up to %d", peer, upTo)
}
func (f *fake) Signal(_ im.UserID, kind im.SignalKind) { f.signals = append(f.signals, kind) }

func (f *fake) ContactAdd(_ context.Context, peer im.UserID, _ string, _ []string, note string) error {
	return f.call("add %d %q", peer, note)
}

func (f *fake) ContactAnswer(_ context.Context, peer im.UserID, accept bool) error {
	return f.call("answer %d %v", peer, accept)
}

func (f *fake) ContactRemove(_ context.Context, peer im.UserID) error {
	return f.call("remove %d", peer)
}

func (f *fake) ContactUpdate(_ context.Context, peer im.UserID, name string, _ []string) error {
	return f.call("name %d %q", peer, name)
}

func (f *fake) BlockList(context.Context) ([]im.Addr, error) { return f.blocked, nil }

func (f *fake) Block(_ context.Context, addrs ...im.Addr) error { return f.call("block %v", addrs) }

func (f *fake) Unblock(_ context.Context, addrs ...im.Addr) error { return f.call("unblock %v", addrs) }

func (f *fake) BlockAddr(who string) (im.Addr, error) {
	if domain, ok := strings.CutPrefix(who, "@"); ok {
		return im.Addr{Domain: domain}, nil
	}
	return im.Addr{Local: who, Domain: "example.org"}, nil
}

func (f *fake) SetPresence(_ context.Context, show im.Show, status string) error {
	return f.call("status %v %q", show, status)
}

func (f *fake) Devices(context.Context) ([]im.Device, im.DeviceID, error) {
	return []im.Device{{ID: 7, Name: "phone"}}, 1, nil
}

func (f *fake) RevokeDevice(_ context.Context, d im.DeviceID) error { return f.call("revoke %d", d) }

func (f *fake) ChangePassword(_ context.Context, old, next string, _ bool) error {
	return f.call("password %s to %s", old, next)
}

func (f *fake) Resolve(_ context.Context, who string) (im.UserID, error) {
	for u, name := range map[im.UserID]string{bob: "bob", carol: "carol"} {
		if who == name {
			return u, nil
		}
	}
	return 0, im.Errorf(im.CodeNotFound, "there is no user %s", who)
}

func (f *fake) AddrOf(_ context.Context, u im.UserID) (im.Addr, error) {
	a, _ := f.KnownAddr(u)
	return a, nil
}

func (f *fake) KnownAddr(u im.UserID) (im.Addr, bool) {
	names := map[im.UserID]string{me: "alice", bob: "bob", carol: "carol"}
	return im.Addr{Local: names[u], Domain: "example.org"}, names[u] != ""
}
func (f *fake) Hurry() { f.calls = append(f.calls, "hurry") }

func (f *fake) call(format string, args ...any) error {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return nil
}

func (f *fake) called(t *testing.T, want string) {
	t.Helper()
	for _, c := range f.calls {
		if c == want {
			return
		}
	}
	t.Errorf("%q was not called; %q were", want, f.calls)
}

// stage is a chat with a backend, driven by hand.
type stage struct {
	t    *testing.T
	m    *Model
	back *fake
	now  time.Time
	seq  uint64
}

func newStage(t *testing.T, back *fake) *stage {
	s := &stage{t: t, back: back, now: noon, seq: 1000}
	s.m = New(back, func() time.Time { return s.now })
	s.m.Init() // its commands blink and tick; what they would load is loaded here
	s.run(s.m.loadList())
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24}, EventMsg{client.Connected{Server: "127.0.0.1:7100"}})
	return s
}

// send updates the model, and runs what it asks for until nothing is left.
func (s *stage) send(msgs ...tea.Msg) {
	for _, msg := range msgs {
		_, cmd := s.m.Update(msg)
		s.run(cmd)
	}
}

func (s *stage) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			s.run(c)
		}
	case listMsg, historyMsg, doneMsg, openMsg, devicesMsg, blockedMsg, membersMsg, nameMsg:
		s.send(msg)
	}
}

func (s *stage) keys(names ...string) {
	for _, name := range names {
		k := tea.KeyPressMsg{}
		switch {
		case name == "enter":
			k.Code = tea.KeyEnter
		case name == "tab":
			k.Code = tea.KeyTab
		case name == "esc":
			k.Code = tea.KeyEscape
		case name == "pgup":
			k.Code = tea.KeyPgUp
		case name == "pgdown":
			k.Code = tea.KeyPgDown
		case name == "down":
			k.Code = tea.KeyDown
		case name == "alt+enter":
			k.Code, k.Mod = tea.KeyEnter, tea.ModAlt
		case strings.HasPrefix(name, "ctrl+"):
			k.Code, k.Mod = rune(name[5]), tea.ModCtrl
		}
		// The blink and focus commands of the input are of no interest here, and
		// a send waits for its answer, so commands that keys start are run only
		// when they end by themselves.
		s.send(k)
	}
}

func (s *stage) typeText(text string) {
	for _, r := range text {
		s.m.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

// submit presses Enter without running the command that waits for the ack.
func (s *stage) submit() {
	s.m.Update(tea.KeyPressMsg{Code: tea.KeyEnter})
}

func (s *stage) incoming(from im.UserID, text string) im.MsgID {
	s.seq++
	e := entry(s.seq, from, text)
	s.send(EventMsg{client.Message{Entry: e}})
	return e.MsgID
}

func entry(seq uint64, from im.UserID, text string) im.Entry {
	return im.Entry{Seq: seq, MsgID: im.MakeMsgID(noon.Add(time.Duration(seq)*time.Second), 0, 1), Kind: im.KindMessage, From: from, Peer: from, Text: text}
}

func (s *stage) screen() string { return ansi.Strip(s.m.View().Content) }

func (s *stage) shows(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if !strings.Contains(s.screen(), w) {
			s.t.Errorf("the screen does not show %q:\n%s", w, s.screen())
		}
	}
}

func (s *stage) hides(what ...string) {
	s.t.Helper()
	for _, w := range what {
		if strings.Contains(s.screen(), w) {
			s.t.Errorf("the screen shows %q:\n%s", w, s.screen())
		}
	}
}

func friends() *fake {
	return &fake{
		contacts: []im.Contact{
			{User: bob, Addr: im.Addr{Local: "bob", Domain: "example.org"}, Sub: im.SubBoth, Listed: true},
			{User: carol, Addr: im.Addr{Local: "carol", Domain: "example.org"}, Sub: im.SubBoth, Listed: true, Name: "Carol C"},
		},
		conversations: []im.Conversation{{Peer: bob, Last: entry(5, bob, "see you"), Unread: 2}},
		history:       map[im.UserID][]im.Entry{bob: {entry(4, bob, "hello"), entry(5, bob, "see you")}},
	}
}

func TestFirstScreen(t *testing.T) {
	s := newStage(t, friends())
	s.shows("alice@example.org", "bob", "see you", "Carol C", "12:00 bob", "hello", "Monday, 23 November 2026", "online 127.0.0.1:7100", "F1 help")
	s.back.called(t, fmt.Sprintf("read %d up to %d", bob, entry(5, bob, "").MsgID))
}

func TestEveryLineFitsEveryWindow(t *testing.T) {
	s := newStage(t, friends())
	s.incoming(bob, strings.Repeat("many words and 漢字 and averyveryverylongwordwithoutanyspaceinit ", 5))
	for _, size := range [][2]int{{80, 24}, {200, 60}, {40, 10}, {20, 6}, {10, 4}, {56, 24}, {1, 1}} {
		for _, sc := range []screen{screenChat, screenSwitch, screenHelp, screenDevices} {
			s.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			s.m.screen = sc
			lines := strings.Split(s.screen(), "\n")
			if len(lines) > max(size[1], 2) {
				t.Errorf("%v, screen %d: %d lines", size, sc, len(lines))
			}
			for _, l := range lines {
				if w := ansi.StringWidth(l); w > size[0] {
					t.Errorf("%v, screen %d: a line is %d wide: %q", size, sc, w, l)
				}
			}
		}
	}
}

func TestSendAndDeliveryMarks(t *testing.T) {
	s := newStage(t, friends())
	s.typeText("good day")
	if len(s.back.signals) != 1 {
		t.Errorf("%d typing notices", len(s.back.signals))
	}
	s.submit()
	if len(s.back.sent) != 1 || s.back.sent[0].Text != "good day" || s.back.sent[0].To != bob {
		t.Fatalf("%+v", s.back.sent)
	}
	s.shows("good day …")
	id := s.back.sent[0].ClientID
	ack := im.Ack{Seq: 6, MsgID: entry(6, me, "").MsgID}
	s.send(sentMsg{bob, id, ack, nil})
	s.shows("good day ✓")
	s.hides("good day ✓✓", "good day …")
	e := entry(6, me, "good day")
	e.Peer, e.ClientID = bob, id
	s.send(EventMsg{client.Message{Entry: e, Mine: true, Here: true}})
	if n := strings.Count(s.screen(), "good day ✓"); n != 1 {
		t.Errorf("shown %d times", n)
	}
	s.send(EventMsg{client.Read{Peer: bob, UpTo: ack.MsgID}})
	s.shows("good day ✓✓")
}

func TestRefusedMessageCanBeSentAgain(t *testing.T) {
	s := newStage(t, friends())
	s.typeText("stuck")
	s.submit()
	s.send(sentMsg{bob, s.back.sent[0].ClientID, im.Ack{}, im.Errorf(im.CodeZoneUnavailable, "bob's zone is down")})
	s.shows("stuck ✗", "bob's zone is down", "/retry")
	s.typeText("/retry")
	s.submit()
	if len(s.back.sent) != 2 || s.back.sent[1].Text != "stuck" {
		t.Errorf("%+v", s.back.sent)
	}
	s.shows("stuck …")
}

func TestUnreadAndReading(t *testing.T) {
	s := newStage(t, friends())
	s.incoming(carol, "psst")
	s.shows("Carol C", "psst")
	if s.m.book.Unread(carol) != 1 {
		t.Errorf("unread %d", s.m.book.Unread(carol))
	}
	s.back.history[carol] = []im.Entry{entry(s.seq, carol, "psst")}
	s.keys("tab") // next unread
	if s.m.sel != carol {
		t.Fatalf("selected %d", s.m.sel)
	}
	s.back.called(t, fmt.Sprintf("read %d up to %d", carol, entry(s.seq, carol, "").MsgID))

	s.send(tea.BlurMsg{})
	id := s.incoming(carol, "are you there?")
	s.shows("are you there?")
	for _, c := range s.back.calls {
		if c == fmt.Sprintf("read %d up to %d", carol, id) {
			t.Error("marked as read while the window was in the background")
		}
	}
	s.send(tea.FocusMsg{})
	s.back.called(t, fmt.Sprintf("read %d up to %d", carol, id))
}

func TestScrollbackPagesHistory(t *testing.T) {
	f := friends()
	f.history[bob] = nil
	for i := uint64(1); i <= 120; i++ {
		f.history[bob] = append(f.history[bob], entry(i, bob, fmt.Sprintf("number %d.", i)))
	}
	f.conversations[0].Last = entry(120, bob, "number 120.")
	s := newStage(t, f)
	s.shows("number 120.")
	for range 12 {
		s.keys("pgup")
	}
	s.shows("number 1.", "Monday, 23 November 2026")
	s.back.called(t, "history 2 before 71")
	s.back.called(t, "history 2 before 21")
	before := s.screen()
	s.incoming(bob, "new at the bottom")
	s.shows("number 1.", "↓ 1 new")
	if strings.Contains(before, "↓ 1 new") {
		t.Error("announced too early")
	}
	s.keys("esc")
	s.shows("new at the bottom")
	s.hides("number 1.\n")
}

func TestTypingNoticeRunsOut(t *testing.T) {
	s := newStage(t, friends())
	s.send(EventMsg{client.Typing{User: bob, Kind: im.SignalTyping}})
	s.shows("bob is typing")
	s.now = s.now.Add(typingFor + time.Second)
	s.hides("bob is typing")
	s.send(EventMsg{client.Typing{User: bob, Kind: im.SignalTyping}})
	s.incoming(bob, "done")
	s.hides("bob is typing")
}

func TestRequests(t *testing.T) {
	for key, want := range map[string]string{"ctrl+y": "answer 3 true", "ctrl+x": "answer 3 false"} {
		f := friends()
		f.contacts = f.contacts[:1]
		s := newStage(t, f)
		k := im.Contact{User: carol, Addr: im.Addr{Local: "carol", Domain: "example.org"}, Sub: im.SubPendingIn, Note: "it's me"}
		s.send(EventMsg{client.ContactRequest{Contact: k}})
		s.shows("? carol", "asks to be your contact")
		s.keys("tab")
		s.shows("carol@example.org asks to be your contact.", "it's me", "Ctrl-Y accepts")
		s.keys(key)
		s.back.called(t, want)
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"/add carol it is me", `add 3 "it is me"`},
		{"/accept carol", "answer 3 true"},
		{"/deny carol", "answer 3 false"},
		{"/remove carol", "remove 3"},
		{"/block carol", "block [carol@example.org]"},
		{"/block @spam.example", "block [spam.example]"},
		{"/unblock carol", "unblock [carol@example.org]"},
		{"/name Bobby", `name 2 "Bobby"`},
		{"/status away at lunch", `status away "at lunch"`},
		{"/revoke 7", "revoke 7"},
		{"/reconnect", "hurry"},
	} {
		s := newStage(t, friends())
		s.typeText(c.line)
		s.keys("enter")
		s.back.called(t, c.want)
		if s.m.noticeBad || s.m.input.Value() != "" {
			t.Errorf("%s: notice %q, input %q", c.line, s.m.notice, s.m.input.Value())
		}
	}
	for line, says := range map[string]string{
		"/nonsense": "is no command", "/add": "wants a name", "/status sad": "wants one of", "/revoke x": "/devices lists them",
		"/add nobody": "no user nobody", "/remove": "by accident", "/block": "wants a name", "/unblock": "wants a name", "/accept": "nobody here waits",
	} {
		s := newStage(t, friends())
		s.typeText(line)
		s.keys("enter")
		if !s.m.noticeBad || !strings.Contains(s.m.notice, says) {
			t.Errorf("%s says %q", line, s.m.notice)
		}
	}
}

func TestBlockList(t *testing.T) {
	f := friends()
	s := newStage(t, f)
	s.typeText("/blocked")
	s.keys("enter")
	if s.m.notice != "you have blocked nobody" {
		t.Errorf("says %q", s.m.notice)
	}
	f.blocked = []im.Addr{{Local: "carol", Domain: "example.org"}, {Domain: "spam.example"}, {Local: "eve", Domain: "example.org", Resource: "x"}}
	s.typeText("/blocked")
	s.keys("enter")
	if want := "you have blocked @spam.example, carol, eve@example.org/x"; s.m.notice != want {
		t.Errorf("says %q; want %q", s.m.notice, want)
	}
	s.send(EventMsg{client.BlocksChanged{Block: im.Block{Blocked: []im.Addr{{Local: "bob", Domain: "example.org"}}}}})
	s.send(EventMsg{client.BlocksChanged{Block: im.Block{Unblocked: f.blocked[1:], Cleared: true}}})
	if got := strings.Join(blockedNames(s.m), " "); got != "bob carol" {
		t.Errorf("/unblock completes %q", got)
	}
}

func TestCompletion(t *testing.T) {
	s := newStage(t, friends())
	s.typeText("/")
	s.shows("/chat WHO", "open a conversation", " more")
	s.typeText("re")
	s.shows("/remove WHO", "/retry", "/revoke ID", "/reconnect")
	s.hides("/quit")
	s.keys("tab")
	if v := s.m.input.Value(); v != "/remove " {
		t.Errorf("completed to %q", v)
	}
	s.typeText("c")
	s.keys("tab", "enter")
	s.back.called(t, "remove 3")
}

func TestSlashSlashIsText(t *testing.T) {
	s := newStage(t, friends())
	s.typeText("//etc/passwd")
	s.submit()
	if len(s.back.sent) != 1 || s.back.sent[0].Text != "/etc/passwd" {
		t.Errorf("%+v", s.back.sent)
	}
}

func TestMultiLineAndDrafts(t *testing.T) {
	s := newStage(t, friends())
	s.typeText("first")
	s.keys("alt+enter")
	s.typeText("second")
	if v := s.m.input.Value(); v != "first\nsecond" {
		t.Errorf("%q", v)
	}
	s.keys("ctrl+n")
	if s.m.sel != carol || s.m.input.Value() != "" {
		t.Errorf("selected %d with %q", s.m.sel, s.m.input.Value())
	}
	s.keys("ctrl+p")
	if v := s.m.input.Value(); s.m.sel != bob || v != "first\nsecond" {
		t.Errorf("the draft is %q", v)
	}
	s.submit()
	s.shows("first", "second …")
}

func TestSwitcher(t *testing.T) {
	s := newStage(t, friends())
	s.keys("ctrl+k")
	s.shows("Go to")
	s.typeText("crl")
	s.keys("enter")
	if s.m.sel != carol || s.m.screen != screenChat {
		t.Errorf("selected %d", s.m.sel)
	}
	s.keys("ctrl+k")
	s.typeText("nobody")
	s.keys("enter")
	if !s.m.noticeBad {
		t.Error("a stranger who does not exist was found")
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	s := newStage(t, friends())
	s.typeText("/passwd")
	s.keys("enter")
	for _, word := range []string{"oldsecret", "newsecret", "newsecret"} {
		s.typeText(word)
		s.shows("Old password")
		s.hides("secret")
		s.keys("enter")
	}
	s.back.called(t, "password oldsecret to newsecret")
	s.typeText("/passwd")
	s.keys("enter")
	s.typeText("a")
	s.keys("enter")
	s.typeText("b")
	s.keys("enter")
	s.typeText("c")
	s.keys("enter")
	s.shows("differ")
}

func TestConnectionState(t *testing.T) {
	s := newStage(t, friends())
	s.send(EventMsg{client.Disconnected{Err: &client.UnreachableError{Addr: "h:1", Err: errors.New("refused")}, RetryIn: 9 * time.Second}})
	s.shows("offline, next try in 9s", "refused")
	s.now = s.now.Add(10 * time.Second)
	s.shows("reconnecting")
	s.send(EventMsg{client.Connected{Server: "other:1", Relaxed: true}})
	s.shows("online other:1", "durability: relaxed")
	s.send(EndedMsg{im.Errorf(im.CodeReplaced, "the same device has connected again")})
	s.shows("ended: the same device has connected again")
}

func TestForeignTextCannotDrawOnTheScreen(t *testing.T) {
	s := newStage(t, friends())
	s.incoming(bob, "evil \x1b[2J\x1b]0;title\x07 \u202etxt\r\b end")
	raw := s.m.View().Content
	for _, bad := range []string{"\x1b[2J", "\x1b]0", "\x07", "\u202e", "\r", "\b"} {
		if strings.Contains(raw, bad) {
			t.Errorf("%q reached the terminal", bad)
		}
	}
	s.shows("evil")
}

func TestQuit(t *testing.T) {
	s := newStage(t, friends())
	s.typeText("half a thought")
	if _, cmd := s.m.Update(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}); cmd != nil || s.m.input.Value() != "" {
		t.Error("the first Ctrl-C did not only clear the line")
	}
	_, cmd := s.m.Update(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
	if cmd == nil {
		t.Fatal("the second Ctrl-C does nothing")
	}
	if _, ok := cmd().(tea.QuitMsg); !ok {
		t.Error("the second Ctrl-C does not quit")
	}
}

func TestRegressedReloads(t *testing.T) {
	s := newStage(t, friends())
	n := len(s.back.calls)
	s.send(EventMsg{client.Regressed{Cursor: 9, Head: 5}})
	s.shows("older backup", "see you")
	if len(s.back.calls) == n {
		t.Error("nothing was loaded again")
	}
}

func TestHelpFitsASmallTerminal(t *testing.T) {
	s := newStage(t, friends())
	s.m.screen = screenHelp
	for _, c := range commands {
		s.shows("/"+c.name, c.help)
	}
	for _, k := range keyHelp {
		s.shows(k[0], k[1])
	}
	s.hides("…")
}
