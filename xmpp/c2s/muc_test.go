package c2s

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// den is a room of a core that does what it is told.
type den struct {
	im.Groups
	im.Rooms
	cell   *xmpptest.Cell
	group  im.Group
	people []im.Occupant // but for the client
	me     im.Occupant
	log    []im.Entry
	fail   error // of GroupSync
	left   int
	did    []string
}

func (d *den) RoomEnter(_ context.Context, e im.RoomEntry) (im.RoomState, error) {
	d.me.Member.Nick = e.Nick
	return im.RoomState{Group: d.group, Me: d.me.Member, Occupants: append(slices.Clone(d.people), d.me), Head: uint64(len(d.log))}, nil
}

func (d *den) RoomPresence(_ context.Context, _ im.GroupID, nick string, _ im.Presence) error {
	d.did = append(d.did, "presence "+nick)
	return nil
}

func (d *den) RoomLeave(context.Context, im.GroupID, im.Presence) { d.left++ }

func (d *den) RoomOccupant(_ im.GroupID, nick string) (out []im.Occupant) {
	for _, o := range append(slices.Clone(d.people), d.me) {
		if o.Member.Nick == nick {
			out = append(out, o)
		}
	}
	return out
}

func (d *den) GroupArchive(context.Context, im.GroupID, im.ArchiveQuery) (im.ArchivePage, error) {
	return im.ArchivePage{Entries: slices.Clone(d.log)}, nil
}

func (d *den) GroupSync(_ context.Context, _ im.GroupID, cursor uint64, _ int) (im.SyncPage, error) {
	if d.fail != nil {
		return im.SyncPage{}, d.fail
	}
	head := uint64(len(d.log))
	return im.SyncPage{Entries: slices.Clone(d.log[cursor:min(cursor+100, head)]), Head: head}, nil
}

func (d *den) GroupFind(_ context.Context, a im.Addr) (im.GroupState, error) {
	if a != d.group.Addr {
		return im.GroupState{}, im.Errorf(im.CodeNotFound, "there is no such group")
	}
	return im.GroupState{Group: d.group}, nil
}

func (d *den) Inside(im.GroupID) (string, bool) { return d.me.Member.Nick, true }

func (d *den) RoomOccupants(context.Context, im.GroupID) ([]im.Occupant, error) {
	return append(slices.Clone(d.people), d.me), nil
}

func (d *den) GroupAct(_ context.Context, _ im.GroupID, acts ...im.Act) error {
	for _, a := range acts {
		d.did = append(d.did, fmt.Sprint("act ", a.Do, " on ", a.User))
	}
	return nil
}

func (d *den) GroupMarkRead(_ context.Context, _ im.GroupID, seq uint64) error {
	d.did = append(d.did, fmt.Sprint("read ", seq))
	return nil
}

func (d *den) GroupSubject(_ context.Context, _ im.GroupID, s string) error {
	d.did = append(d.did, "subject "+s)
	return nil
}

func (d *den) GroupRetract(_ context.Context, _ im.GroupID, seq uint64, _ string) error {
	d.did = append(d.did, fmt.Sprint("retract ", seq))
	return nil
}

// write adds a message of somebody to the timeline and pushes it.
func (d *den) write(s *session, text string) bool {
	e := im.Entry{Seq: uint64(len(d.log)) + 1, MsgID: im.MakeMsgID(xmpptest.Now, len(d.log), 1), Kind: im.KindMessage, From: 9, Text: text, Post: &im.Post{Nick: "ann"}}
	d.log = append(d.log, e)
	ok := sink{s}.PushPost(&im.GroupPush{Group: &d.group, Entry: &e})
	return ok
}

func person(n int, nick string) im.Occupant {
	return im.Occupant{
		Group: 7, User: im.UserID(n), Node: 1, Session: im.SessionID(n), Resource: "pda", Presence: im.Presence{Show: im.ShowOnline},
		Member: im.Member{User: im.UserID(n), Addr: xmpptest.Addr(nick), Role: im.RoleMember, Nick: nick},
	}
}

// inDen is a session of romeo's in a core with a room.
func inDen(t *testing.T, people int, edit func(*Config)) (*session, *tape, *den) {
	t.Helper()
	s, conn, d := stranger(t, people, edit)
	s.queue.start()
	t.Cleanup(s.leaveNow)
	return s, conn, d
}

// stranger is inDen without anybody who runs the session.
func stranger(t *testing.T, people int, edit func(*Config)) (*session, *tape, *den) {
	t.Helper()
	cell := xmpptest.New()
	s, conn := desk(t, cell, "romeo/orchard", edit)
	s.srv.deps.GroupPrefix = "conference"
	d := &den{cell: cell, group: im.Group{ID: 7, Addr: im.Addr{Local: "den", Domain: "conference." + xmpptest.Domain}}}
	for i := range people {
		d.people = append(d.people, person(1000+i, fmt.Sprint("p", i)))
	}
	d.me = person(1, "romeo")
	d.me.User = s.core.User()
	core := s.core.(*xmpptest.Core)
	core.Groups, core.Rooms = d, d
	return s, conn, d
}

const enter = "<presence to='den@conference.example.org/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>"

var (
	bodies    = regexp.MustCompile(`<body>([^<]*)</body>|<subject/>|code='(110)'|from='den@conference.example.org/(p\d+)'`)
	presences = regexp.MustCompile(`<presence`)
)

// seen is what a client was shown, in short.
func seen(said string) (out []string) {
	for _, m := range bodies.FindAllStringSubmatch(said, -1) {
		if what := m[1] + m[2] + m[3]; what != "" {
			out = append(out, what)
		} else {
			out = append(out, "subject")
		}
	}
	return out
}

// Who is there, oneself, what was said, the subject, and then what happens (XEP-0045
// section 7.1): nothing twice, however little the client acknowledges at a time.
func TestRoomWaitsForAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 150, func(c *Config) { c.MaxUnacked = 100 })
		d.write(s, "old")
		s.say(t, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
		s.say(t, enter)
		said := conn.take()
		if n := len(presences.FindAllString(said, -1)); n < 10 || n > 100 {
			t.Fatalf("%d presences came before an acknowledgement", n)
		}
		d.write(s, "new")
		c := &im.OccupantChange{Group: &d.group, Occupant: d.people[0], Left: true}
		c.Occupant.Presence = im.Presence{}
		sink{s}.PushOccupant(c)
		d.write(s, "newer")
		for h := 1; h < 100 && !strings.Contains(said, "unavailable"); h++ {
			s.say(t, fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", s.sm.count()))
			said += conn.take()
		}
		var want []string
		for i := range 150 {
			want = append(want, fmt.Sprint("p", i))
		}
		want = append(want, "110", "old", "subject", "new", "newer", "p0")
		if got := seen(said); !slices.Equal(got, want) {
			t.Errorf("the client was shown %v", got)
		}
		if s.over {
			t.Error("the session has ended")
		}
		d.write(s, "last")
		synctest.Wait()
		if got := seen(conn.take()); !slices.Equal(got, []string{"last"}) {
			t.Errorf("then %v", got)
		}
	})
}

// A push that finds no room in the queue is made up for out of the timeline, also when
// the zone does not answer at once.
func TestRoomBehindReadsTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 0, func(c *Config) { c.SoftOutbound = 16 << 10 })
		s.say(t, enter)
		conn.take()
		stop := make(chan struct{})
		s.queue.post(event{kind: evCall, call: func(context.Context) { <-stop }})
		d.fail = im.Errorf(im.CodeZoneUnavailable, "down")
		var want []string
		for i := range 10 {
			text := fmt.Sprint(strings.Repeat("x", 3<<10), i)
			want = append(want, text)
			if !d.write(s, text) {
				break // the core pushes no more of this group
			}
		}
		if len(want) == 10 {
			t.Fatal("every push was taken")
		}
		late := im.Entry{Seq: uint64(len(d.log)) + 1, Kind: im.KindMessage, Text: "not pushed", Post: &im.Post{Nick: "ann"}}
		d.log = append(d.log, late)
		close(stop)
		s.queue.post(event{kind: evCall, call: func(context.Context) { d.fail = nil }})
		synctest.Wait()
		<-time.After(2 * retryFeed)
		synctest.Wait()
		if got := seen(conn.take()); !slices.Equal(got, append(want, "not pushed")) {
			t.Errorf("the client was shown %d of %d", len(got), len(want)+1)
		}
	})
}

// Who is sent away is out: what is pushed behind that is not for him.
func TestRoomExpelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 1, nil)
		s.say(t, enter)
		conn.take()
		out := d.me
		out.Member.Role, out.Presence = im.RoleNone, im.Presence{}
		sink{s}.PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: out, Left: true, Why: im.GroupKicked, ByNick: "ann"})
		d.write(s, "without him")
		synctest.Wait()
		said := conn.take()
		if !strings.Contains(said, "type='unavailable'") || !strings.Contains(said, "code='307'") || !strings.Contains(said, "code='110'") {
			t.Errorf("told %s", said)
		}
		if strings.Contains(said, "without him") {
			t.Error("he got what was said afterwards")
		}
		s.say(t, "<message id='a' type='groupchat' to='den@conference.example.org'><body>x</body></message>")
		if said := conn.take(); !strings.Contains(said, "not-acceptable") {
			t.Errorf("he still speaks: %s", said)
		}
	})
}

// Who cannot be told who comes and goes is out of the room, and learns that.
func TestRoomTooMuchOfPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 0, func(c *Config) { c.SoftOutbound = 16 << 10 })
		s.say(t, enter)
		conn.take()
		stop := make(chan struct{})
		s.queue.post(event{kind: evCall, call: func(context.Context) { <-stop }})
		o := person(5, "p5")
		for (sink{s}).PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: o}) {
		}
		close(stop)
		synctest.Wait()
		if said := conn.take(); !strings.Contains(said, "code='333'") || d.left != 1 {
			t.Errorf("left %d times, told %s", d.left, said[max(0, len(said)-300):])
		}
	})
}

// Presence to a room, by what it says (XEP-0045 sections 7.2, 7.6, 7.14).
func TestRoomPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 0, nil)
		for _, c := range []struct{ say, want string }{
			{"<presence to='den@conference.example.org'><x xmlns='http://jabber.org/protocol/muc'/></presence>", "jid-malformed"},
			{"<presence type='unavailable' to='den@conference.example.org/romeo'/>", ""},
			{"<presence type='subscribe' to='den@conference.example.org'/>", "bad-request"},
			{"<presence to='den@conference.example.org/romeo'/>", "<status code='110'/><status code='307'/><status code='333'/>"}, // he thinks that he is there
			{enter, "<subject/>"},
			{"<presence to='den@conference.example.org/romeo'><show>away</show></presence>", ""},
			{"<presence to='den@conference.example.org/monty'/>", ""},
			{enter, "code='110'"}, // all again
			{"<message type='groupchat' to='den@conference.example.org/romeo'><body>x</body></message>", "bad-request"},
			{"<message to='den@conference.example.org'><body>x</body></message>", "bad-request"},
			{"<message type='groupchat' to='den@conference.example.org'><subject>tea</subject></message>", ""},
			{"<message type='groupchat' to='den@conference.example.org'><displayed xmlns='urn:xmpp:chat-markers:0' id='3'/></message>", ""},
			{"<message type='groupchat' to='den@conference.example.org'><retract xmlns='urn:xmpp:message-retract:1' id='2'/></message>", ""},
			{"<message type='chat' to='den@conference.example.org/nobody'><body>x</body></message>", "item-not-found"},
			{"<iq type='get' id='1' to='den@conference.example.org/romeo'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result'"},
			{"<iq type='get' id='2' to='den@conference.example.org/nobody'><ping xmlns='urn:xmpp:ping'/></iq>", "item-not-found"},
			{"<presence type='unavailable' to='den@conference.example.org/romeo'/>", "code='110'"},
			{"<iq type='get' id='3' to='den@conference.example.org/romeo'><ping xmlns='urn:xmpp:ping'/></iq>", "not-acceptable"},
			{"<message type='chat' to='den@conference.example.org/romeo'><body>x</body></message>", "not-acceptable"},
			{"<message type='groupchat' to='den@conference.example.org'><body>x</body></message>", "not-acceptable"},
			{"<message type='groupchat' to='nowhere@conference.example.org'><body>x</body></message>", "not-acceptable"},
			{"<iq type='result' id='4' to='den@conference.example.org/romeo'/>", ""},
			{"<iq type='error' id='4' to='den@conference.example.org/romeo'/>", ""},
			{"<iq type='get' id='4' to='den@conference.example.org/romeo'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", "bad-request"},
		} {
			s.say(t, c.say)
			if said := conn.take(); (said != "") != (c.want != "") || !strings.Contains(said, c.want) {
				t.Errorf("%s was answered with %q; want %s", c.say, said, c.want)
			}
		}
		want := []string{"presence romeo", "presence monty", "subject tea", "read 3", "retract 2"}
		if !slices.Equal(d.did, want) || d.left != 1 {
			t.Errorf("it led to %q, left %d times; want %q", d.did, d.left, want)
		}
	})
}

// The end of a client's presence is the end of its being in rooms (RFC 6121 section
// 4.6.3), and so is a block of the room.
func TestRoomsAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 0, nil)
		s.say(t, "<presence/>")
		s.say(t, enter)
		conn.take()
		s.say(t, "<presence type='unavailable'/>")
		if said := conn.take(); d.left != 1 || !strings.Contains(said, "code='110'") {
			t.Errorf("left %d times, told %s", d.left, said)
		}
		s.say(t, enter)
		e := &im.Entry{Seq: 1, Kind: im.KindBlock, Block: &im.Block{Blocked: []im.Addr{d.group.Addr}}}
		sink{s}.Push(e)
		synctest.Wait()
		if d.left != 2 || len(s.rooms) != 0 {
			t.Errorf("left %d times, in %d rooms", d.left, len(s.rooms))
		}
	})
}

// A room that is typed in is heard by who is in it; what comes for a room that the
// client is not in is not for it.
func TestRoomSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, _ := inDen(t, 0, nil)
		sig := im.Signal{Group: 7, Kind: im.SignalTyping, Nick: "ann"}
		sink{s}.PushSignal(sig)
		synctest.Wait()
		if said := conn.take(); said != "" {
			t.Errorf("who is not there hears %s", said)
		}
		s.say(t, enter)
		conn.take()
		for want, sig := range map[string]im.Signal{
			"<composing":       sig,
			"<displayed":       {Group: 7, Kind: im.SignalRead, Nick: "ann", UpTo: 4},
			"<x xmlns='urn:x'": {Group: 7, Kind: im.SignalStanza, Nick: "ann", Data: []byte("<message from='den@conference.example.org/ann'><x xmlns='urn:x'/></message>")},
		} {
			sink{s}.PushSignal(sig)
			synctest.Wait()
			if said := conn.take(); !strings.Contains(said, want) || !strings.Contains(said, " to='romeo@example.org/orchard'") || !strings.Contains(said, "from='den@conference.example.org/ann'") {
				t.Errorf("shown %s; want %s", said, want)
			}
		}
	})
}

// Who may speak may send private messages where participants may, member or not
// (XEP-0045 section 15.5.3, allowpm).
func TestRoomWhisper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 1, nil)
		d.me.Member.Role, d.group.Private = im.RoleVisitor, im.WhoMembers
		s.say(t, enter)
		conn.take()
		const psst = "<message type='chat' to='den@conference.example.org/p0'><body>psst</body></message>"
		s.say(t, psst)
		if said := conn.take(); strings.Contains(said, "forbidden") {
			t.Errorf("who may speak was told %s", said)
		}
		quiet := d.group
		quiet.Speak = im.WhoMembers
		d.log = append(d.log, im.Entry{Seq: 1, Kind: im.KindGroup, Group: &im.GroupEvent{What: im.GroupChanged, Group: &quiet}})
		sink{s}.PushPost(&im.GroupPush{Group: &quiet, Entry: &d.log[0]})
		s.say(t, psst)
		if said := conn.take(); !strings.Contains(said, "forbidden") {
			t.Errorf("a visitor was told %q", said)
		}
	})
}

// What one has said privately the other clients of the same user learn that have asked for
// copies (XEP-0280), unless the client says that they shall not.
func TestRoomWhisperIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 1, nil)
		juliet, phone := d.cell.Session("juliet/pda").Core(), d.cell.Session("romeo/phone").Core()
		d.people[0].User, d.people[0].Session = juliet.User(), juliet.ID()
		s.say(t, enter)
		conn.take()
		d.cell.Signals()
		s.say(t, "<message type='chat' id='w' to='den@conference.example.org/p0'><body>psst</body></message>")
		var copied []byte
		for _, sig := range d.cell.Signals() {
			if sig.To == s.core.User() && sig.Session == phone.ID() {
				copied = sig.Data
			}
		}
		for _, want := range []string{"to='romeo@example.org/phone'", "<sent xmlns='urn:xmpp:carbons:2'>", "from='romeo@example.org/orchard'", "to='den@conference.example.org/p0'", "<body>psst</body>", "muc#user"} {
			if !strings.Contains(string(copied), want) {
				t.Errorf("the copy has no %s: %s", want, copied)
			}
		}
		s.say(t, "<message type='chat' to='den@conference.example.org/p0'><body>psst</body><private xmlns='urn:xmpp:carbons:2'/></message>")
		if n := len(d.cell.Signals()); n != 1 {
			t.Errorf("a message that is not to be copied went %d ways", n)
		}
		for _, on := range []bool{false, true} {
			if on {
				s.Turn(iq.Carbons, true)
			}
			sink{s}.PushSignal(im.Signal{From: s.core.User(), Kind: im.SignalStanza, Data: copied})
			synctest.Wait()
			if said := conn.take(); (said != "") != on {
				t.Errorf("with copies %v the client gets %q", on, said)
			}
		}
	})
}

// A form gives voice to whom its jid names, whoever has his nickname by then, and only
// where a moderator sends it: nobody else learns who is there (XEP-0045 section 8.6).
func TestRoomVoiceIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 2, nil)
		d.people[0].Member.Role, d.people[1].Member.Role, d.group.Speak = im.RoleVisitor, im.RoleVisitor, im.WhoMembers
		form := func(jid string) string {
			return "<message to='den@conference.example.org'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>" +
				"<field var='muc#jid'><value>" + jid + "</value></field><field var='muc#roomnick'><value>p0</value></field><field var='muc#request_allow'><value>1</value></field></x></message>"
		}
		s.say(t, enter)
		conn.take()
		for _, jid := range []string{"p1@example.org/pda", "elsewhere@example.org"} {
			s.say(t, form(jid))
			if said := conn.take(); !strings.Contains(said, "forbidden") {
				t.Errorf("who is no moderator was told %q of %s", said, jid)
			}
		}
		now := d.me
		now.Member.Role = im.RoleAdmin
		sink{s}.PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: now})
		s.say(t, form("p1@example.org/pda"))
		s.say(t, form("elsewhere@example.org"))
		if said := conn.take(); !strings.Contains(said, "item-not-found") {
			t.Errorf("of who is not there he was told %q", said)
		}
		if want := fmt.Sprint("act ", im.ActVoice, " on ", d.people[1].User); !slices.Equal(d.did, []string{want}) {
			t.Errorf("it led to %q; want %q", d.did, want)
		}
	})
}

// A request to somebody in a room has one answer: his, when it comes from him, or that he
// is not there any more.
func TestRoomRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 2, nil)
		juliet := d.cell.Session("juliet/pda").Core()
		d.people[0].User, d.people[0].Session = juliet.User(), juliet.ID()
		s.say(t, enter)
		conn.take()
		ask := func(id string) {
			t.Helper()
			s.say(t, "<iq type='get' id='"+id+"' to='den@conference.example.org/p0'><query xmlns='jabber:iq:version'/></iq>")
			if said := conn.take(); said != "" {
				t.Fatalf("%s was answered by us: %s", id, said)
			}
		}
		answer := func(id, nick string) string {
			sink{s}.PushSignal(im.Signal{Kind: im.SignalStanza, Data: []byte("<iq type='result' id='" + id + "' from='den@conference.example.org/" + nick + "'/>")})
			synctest.Wait()
			return conn.take()
		}
		ask("a")
		for what, id := range map[string]string{"p1": "a", "p0": "b"} {
			if said := answer(id, what); said != "" {
				t.Errorf("an answer of %s to %s, which nobody has asked him, gets through: %s", what, id, said)
			}
		}
		if said := answer("a", "p0"); !strings.Contains(said, "id='a'") {
			t.Errorf("the answer came as %q", said)
		}
		if said := answer("a", "p0"); said != "" {
			t.Errorf("there was another one: %s", said)
		}
		gone := func(what string, do func()) {
			t.Helper()
			ask(what)
			do()
			synctest.Wait()
			if said := conn.take(); !strings.Contains(said, "id='"+what+"'") || !strings.Contains(said, "from='den@conference.example.org/p0'") || !strings.Contains(said, "recipient-unavailable") {
				t.Errorf("%s: told %q", what, said)
			}
		}
		gone("renamed", func() {
			now := d.people[0]
			now.Member.Nick = "other"
			sink{s}.PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: now, WasNick: "p0"})
		})
		gone("left", func() { sink{s}.PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: d.people[0], Left: true}) })
		gone("oneself", func() { s.say(t, "<presence type='unavailable' to='den@conference.example.org/romeo'/>") })
		s.say(t, enter)
		conn.take()
		for i := range mostAsked {
			ask(fmt.Sprint(i))
		}
		s.say(t, "<iq type='get' id='more' to='den@conference.example.org/p0'><query xmlns='jabber:iq:version'/></iq>")
		if said := conn.take(); !strings.Contains(said, "id='0'") || !strings.Contains(said, "recipient-unavailable") {
			t.Errorf("with too many open, %s", said)
		}
	})
}

// A client can be in many rooms, and not in any number.
func TestRoomsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, _ := inDen(t, 0, nil)
		s.queue.post(event{kind: evCall, call: func(context.Context) {
			s.rooms = make(map[im.GroupID]*joined)
			for g := range im.GroupID(mostEntered) {
				s.rooms[1000+g] = &joined{group: &im.Group{ID: 1000 + g}}
			}
		}})
		s.say(t, enter)
		if said := conn.take(); !strings.Contains(said, "resource-constraint") {
			t.Errorf("told %q", said)
		}
	})
}
