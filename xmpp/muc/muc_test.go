package muc

import (
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// room is a room that tests are about.
func room() *im.Group {
	return &im.Group{ID: 7, Addr: addr("den@conference.example.org"), Title: "Den"}
}

func addr(s string) im.Addr {
	a, err := im.ParseAddr(s)
	if err != nil {
		panic(err)
	}
	return a
}

func occupant(nick string, r im.Role) im.Occupant {
	return im.Occupant{
		Group: 7, User: 2, Session: 5, Resource: "pda", ID: "o-" + nick, Presence: im.Presence{Show: im.ShowAway, Status: "tea"},
		Member: im.Member{User: 2, Addr: addr(nick + "@example.org"), Role: r, Nick: nick},
	}
}

func texts(all [][]byte) string {
	out := make([]string, len(all))
	for i, b := range all {
		out[i] = string(b)
	}
	return strings.Join(out, "\n")
}

func same(t *testing.T, what, got string, want ...string) {
	t.Helper()
	if w := strings.Join(want, "\n"); got != w {
		t.Errorf("%s:\n got %s\nwant %s", what, got, w)
	}
}

const (
	user = "<x xmlns='http://jabber.org/protocol/muc#user'>"
	bob  = "<presence from='den@conference.example.org/bob'"
	tea  = "<show>away</show><status>tea</status>"
	oid  = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='o-bob'/>"
)

// Sections 7.2.3, 7.2.4 and 7.2.2: who is there, who sees who it is, and oneself.
func TestOccupant(t *testing.T) {
	g, o := room(), occupant("bob", im.RoleMember)
	item := "<item affiliation='member' role='participant'"
	same(t, "masked", string(stanza.Bytes(Occupant(g, &o, 0, now))), bob+">"+tea+oid+user+item+"/></x></presence>")
	same(t, "with the user", string(stanza.Bytes(Occupant(g, &o, SeesUser, now))), bob+">"+tea+oid+user+item+" jid='bob@example.org/pda'/></x></presence>")
	state := im.RoomState{Group: *g, Created: true, Renamed: true}
	same(t, "oneself", string(stanza.Bytes(Arrived(&state, &o, now))), bob+">"+tea+oid+user+item+" jid='bob@example.org/pda'/>"+
		"<status code='100'/><status code='170'/><status code='201'/><status code='210'/><status code='110'/></x></presence>")
	same(t, "gone", string(stanza.Bytes(Left(g, &o, true))), bob+" type='unavailable'><status>tea</status>"+oid+user+
		"<item affiliation='member' role='none' jid='bob@example.org/pda'/><status code='333'/><status code='110'/></x></presence>")
}

func TestRole(t *testing.T) {
	for _, c := range []struct {
		g    im.Group
		m    im.Member
		want string
	}{
		{im.Group{}, im.Member{Role: im.RoleOwner}, "owner moderator"},
		{im.Group{}, im.Member{Role: im.RoleAdmin}, "admin moderator"},
		{im.Group{}, im.Member{Role: im.RoleVisitor}, "none participant"},
		{im.Group{Speak: im.WhoMembers}, im.Member{Role: im.RoleVisitor}, "none visitor"},
		{im.Group{Speak: im.WhoMembers}, im.Member{Role: im.RoleVisitor, Voice: im.VoiceGranted}, "none participant"},
		{im.Group{}, im.Member{Role: im.RoleMember, Voice: im.VoiceModerator}, "member moderator"},
		{im.Group{}, im.Member{Role: im.RoleMember, MutedUntil: im.Forever}, "member visitor"},
		{im.Group{MutedUntil: im.Forever}, im.Member{Role: im.RoleMember}, "member visitor"},
		{im.Group{}, im.Member{Role: im.RoleOutcast}, "outcast none"},
		{im.Group{}, im.Member{Role: im.RoleInvited}, "none none"},
	} {
		if got := Affiliation(&c.m) + " " + Role(&c.g, &c.m, now); got != c.want {
			t.Errorf("%+v in %+v: %s; want %s", c.m, c.g, got, c.want)
		}
	}
}

// Sections 7.6, 7.14, 8.2, 9.1, 10.9: what a change says, and to whom.
func TestChange(t *testing.T) {
	g := room()
	there := func(o im.Occupant) string { return string(stanza.Bytes(Occupant(g, &o, 0, now))) }
	gone := func(item, more string) string {
		return bob + " type='unavailable'>" + oid + user + "<item " + item + ">" + more + "</x></presence>"
	}
	o, quiet := occupant("bob", im.RoleMember), occupant("bob", im.RoleMember)
	quiet.Presence = im.Presence{}
	out, banned := quiet, quiet
	out.Member.Role, banned.Member.Role = im.RoleNone, im.RoleOutcast
	closed := room()
	closed.Join = im.JoinInvite
	cxx := o
	cxx.Session, cxx.Resource = 0, ""
	actor := "<actor nick='ann'/><reason>why</reason></item>"
	renamed := occupant("bobby", im.RoleMember)
	renamed.ID = o.ID
	nick := strings.Replace(there(renamed), "o-bobby", "o-bob", 1)
	for name, c := range map[string]struct {
		c    *im.OccupantChange
		self bool
		want []string
	}{
		"came":           {&im.OccupantChange{Occupant: o}, false, []string{there(o)}},
		"left":           {&im.OccupantChange{Occupant: quiet, Left: true}, false, []string{gone("affiliation='member' role='none'/", "")}},
		"left, one more": {&im.OccupantChange{Occupant: quiet, Left: true, Rest: &o}, false, []string{there(o)}},
		"kicked":         {&im.OccupantChange{Occupant: out, Left: true, Why: im.GroupKicked, ByNick: "ann", Reason: "why"}, false, []string{gone("affiliation='none' role='none'", actor+"<status code='307'/>")}},
		"banned":         {&im.OccupantChange{Occupant: banned, Left: true, Why: im.GroupBanned}, false, []string{gone("affiliation='outcast' role='none'/", "<status code='301'/>")}},
		"members only":   {&im.OccupantChange{Occupant: out, Left: true, Why: im.GroupExpelled}, false, []string{gone("affiliation='none' role='none'/", "<status code='322'/>")}},
		"kicked, more":   {&im.OccupantChange{Occupant: out, Left: true, Why: im.GroupKicked, Rest: &o}, false, nil},
		"kicked, C-XX":   {&im.OccupantChange{Occupant: quiet, Left: true, Why: im.GroupKicked, Rest: &cxx}, false, []string{gone("affiliation='member' role='none'/", "<status code='307'/>"), there(cxx)}},
		"kicked oneself": {&im.OccupantChange{Occupant: out, Left: true, Why: im.GroupKicked, Rest: &o}, true, []string{gone("affiliation='none' role='none'/", "<status code='307'/>")}},
		"dissolved":      {&im.OccupantChange{Occupant: quiet, Left: true, Why: im.GroupDissolved, Reason: "moved", Alternate: "new@x"}, false, []string{gone("affiliation='none' role='none'/", "<destroy jid='new@x'><reason>moved</reason></destroy>")}},
		"nick": {&im.OccupantChange{Occupant: renamed, WasNick: "bob"}, false, []string{
			bob + " type='unavailable'><status>tea</status>" + oid + user + "<item affiliation='member' role='participant' nick='bobby'/><status code='303'/></x></presence>", nick,
		}},
		"no member any more":     {&im.OccupantChange{Group: closed, Occupant: out, Left: true, Why: im.GroupKicked}, false, []string{gone("affiliation='none' role='none'/", "<status code='307'/><status code='321'/>")}},
		"kicked, still a member": {&im.OccupantChange{Group: closed, Occupant: quiet, Left: true, Why: im.GroupKicked}, false, []string{gone("affiliation='member' role='none'/", "<status code='307'/>")}},
	} {
		if c.c.Group == nil {
			c.c.Group = g
		}
		same(t, name, texts(Change(c.c, 0, c.self, now)), c.want...)
	}
}

// Section 7.2.18: who takes himself for being there learns that he is not.
func TestOutside(t *testing.T) {
	same(t, "outside", string(stanza.Bytes(Outside(addr("den@conference.example.org/bob")))), "<presence type='unavailable' from='den@conference.example.org/bob'>"+user+
		"<item affiliation='none' role='none'><reason>You are not in the room.</reason></item><status code='110'/><status code='307'/><status code='333'/></x></presence>")
}

// What passes on a request is not known by it elsewhere: in another room the same
// session has another tag, and the sessions of one room have different ones.
func TestTag(t *testing.T) {
	here, there := room(), room()
	here.Salt, there.Salt = []byte("one"), []byte("another")
	a, b := occupant("bob", im.RoleMember), occupant("bob", im.RoleMember)
	b.Session = 6
	tag, again := Tag(here, &a), Tag(here, &a)
	if tag != again || tag == Tag(there, &a) || tag == Tag(here, &b) || strings.Contains(tag, ".") {
		t.Errorf("tags: %s %s %s %s", tag, again, Tag(there, &a), Tag(here, &b))
	}
}

// What C-XX clients do reads as of an occupant (XEP-0421).
func TestSignal(t *testing.T) {
	from := "<message from='den@conference.example.org/bob' type='groupchat'>"
	for kind, want := range map[im.SignalKind]string{
		im.SignalTyping: from + "<composing xmlns='http://jabber.org/protocol/chatstates'/>" + oid + "</message>",
		im.SignalRead:   from + "<displayed xmlns='urn:xmpp:chat-markers:0' id='4'/>" + oid + "</message>",
	} {
		same(t, "signal", string(stanza.Bytes(Signal(room(), &im.Signal{Kind: kind, Nick: "bob", Occupant: "o-bob", UpTo: 4}))), want)
	}
}

// The picture of a room is shown, and that there is none any more.
func TestAvatar(t *testing.T) {
	g := room()
	head := "<presence from='den@conference.example.org'><x xmlns='vcard-temp:x:update'>"
	same(t, "none", string(stanza.Bytes(Avatar(g))), head+"<photo/></x></presence>")
	g.AvatarHash = "cafe"
	same(t, "one", string(stanza.Bytes(Avatar(g))), head+"<photo>cafe</photo></x></presence>")
}

func entry(seq uint64, text, ext string) im.Entry {
	return im.Entry{
		Seq: seq, MsgID: im.MakeMsgID(now, 1, 1), Kind: im.KindMessage, From: 2, Text: text, Ext: []byte(ext),
		Post: &im.Post{Nick: "bob", Occupant: "o-bob"},
	}
}

// What is written is shown with our ids, and without what only a room may say.
func TestMessage(t *testing.T) {
	g := room()
	head := "<message from='den@conference.example.org/bob' "
	tail := oid + "<stanza-id xmlns='urn:xmpp:sid:0' by='den@conference.example.org' id='4'/></message>"
	id := im.MakeMsgID(now, 1, 1).String()
	plain := entry(4, "hi", "")
	same(t, "of C-XX", string(bytesOf(Message(g, &plain, nil))), head+"type='groupchat' id='"+id+"'><body>hi</body>"+tail)
	xmpp := entry(4, "hi", "<message id='a'><origin-id xmlns='urn:xmpp:sid:0' id='a'/></message>")
	same(t, "of XMPP", string(bytesOf(Message(g, &xmpp, nil))), head+"id='a' type='groupchat'><body>hi</body><origin-id xmlns='urn:xmpp:sid:0' id='a'/>"+tail)
	forged := entry(4, "hi", "<message id='a'><x xmlns='http://jabber.org/protocol/muc#user'><item jid='eve@x'/></x>"+
		"<stanza-id xmlns='urn:xmpp:sid:0' by='den@conference.example.org' id='9'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='z'/>"+
		"<delay xmlns='urn:xmpp:delay' from='den@conference.example.org' stamp='2000-01-01T00:00:00Z'/></message>")
	same(t, "forged", string(bytesOf(Message(g, &forged, nil))), head+"id='a' type='groupchat'><body>hi</body>"+tail)
	note := entry(4, "", "not for us")
	note.Kind = im.KindNote
	if st := Message(g, &note, nil); st != nil {
		t.Errorf("a note of a C-XX app is shown as %v", st)
	}
	gone := entry(4, "", "")
	gone.Post.Retracted = true
	if st := Message(g, &gone, nil); st.Child(NSRetract, "retracted").Attr("stamp") != "" || st.Child(NSRetract, "retracted") == nil || st.Child(stanza.NSClient, "body") != nil && st.ChildText(stanza.NSClient, "body") != "" {
		t.Errorf("what was taken back is shown as %v", st)
	}
	known := Message(g, &plain, func(im.UserID) (im.Addr, error) { return addr("bob@example.org"), nil })
	if jid := known.Child(stanza.NSMUCUser, "x").Child(stanza.NSMUCUser, "item").Attr("jid"); jid != "bob@example.org" {
		t.Errorf("the archive says that it was %q", jid)
	}
}

// Sections 8.1, 9.3 and 10.2.1, XEP-0425: events that clients are told, and silence
// about others.
func TestEvents(t *testing.T) {
	g := room()
	m := im.Member{User: 3, Addr: addr("cat@example.org"), Role: im.RoleMember}
	hidden := *g
	hidden.Hidden = true
	spoken := *g
	spoken.Subject, spoken.SubjectNick = "tea", "ann"
	id := im.MakeMsgID(now, 1, 1).String()
	from := "<message from='den@conference.example.org' type='groupchat'"
	sid := "<stanza-id xmlns='urn:xmpp:sid:0' by='den@conference.example.org' id='4'/></message>"
	for name, c := range map[string]struct {
		g    *im.Group
		ev   im.GroupEvent
		told bool
		hid  bool
		want string
	}{
		"subject":        {g, im.GroupEvent{What: im.GroupSubject, Group: &spoken, Occupant: "o-bob"}, false, false, "<message from='den@conference.example.org/ann' type='groupchat' id='" + id + "'><subject>tea</subject>" + oid + sid},
		"settings":       {g, im.GroupEvent{What: im.GroupChanged, Group: g}, false, false, from + ">" + user + "<status code='104'/></x></message>"},
		"now hidden":     {&hidden, im.GroupEvent{What: im.GroupChanged, Group: &hidden}, false, false, from + ">" + user + "<status code='104'/><status code='173'/></x></message>"},
		"now shown":      {g, im.GroupEvent{What: im.GroupChanged, Group: g}, false, true, from + ">" + user + "<status code='104'/><status code='172'/></x></message>"},
		"joined":         {g, im.GroupEvent{What: im.GroupJoined, Member: &m}, false, false, from + ">" + user + "<item affiliation='member' role='none' jid='cat@example.org'/></x></message>"},
		"joined, there":  {g, im.GroupEvent{What: im.GroupJoined, Member: &m}, true, false, ""},
		"joined, masked": {g, im.GroupEvent{What: im.GroupJoined, Member: &im.Member{Role: im.RoleMember}}, false, false, ""},
		"invited":        {g, im.GroupEvent{What: im.GroupInvited, Member: &m}, false, false, ""},
		"taken back":     {g, im.GroupEvent{What: im.GroupRetracted, Ref: 2, ByNick: "bob", Occupant: "o-bob", Direct: true}, false, false, "<message from='den@conference.example.org/bob' type='groupchat' id='" + id + "'><retract xmlns='urn:xmpp:message-retract:1' id='2'/>" + oid + sid},
		"moderated":      {g, im.GroupEvent{What: im.GroupRetracted, Ref: 2, ByNick: "bob", Occupant: "o-bob", Reason: "rude"}, false, false, from + " id='" + id + "'><retract xmlns='urn:xmpp:message-retract:1' id='2'><moderated xmlns='urn:xmpp:message-moderate:1' by='den@conference.example.org/bob'>" + oid + "</moderated><reason>rude</reason></retract>" + sid},
	} {
		p := &im.GroupPush{Group: c.g, Told: c.told, Entry: &im.Entry{Seq: 4, MsgID: im.MakeMsgID(now, 1, 1), Kind: im.KindGroup, Group: &c.ev}}
		same(t, name, string(Push(p, c.hid)), c.want)
	}
}

func TestTo(t *testing.T) {
	to := Attr("a@b/<'&>")
	for in, want := range map[string]string{
		"<presence/>":          "<presence to='a@b/&lt;&apos;&amp;&gt;'/>",
		"<message id='a'><x/>": "<message to='a@b/&lt;&apos;&amp;&gt;' id='a'><x/>",
		"<message><x/>":        "<message to='a@b/&lt;&apos;&amp;&gt;'><x/>",
		"text":                 "text",
	} {
		if got := string(To([]byte(in), to)); got != want {
			t.Errorf("%s became %s; want %s", in, got, want)
		}
	}
}

// Section 7.2.14: no more than was asked for, the oldest first.
func TestHistory(t *testing.T) {
	g := room()
	entries := []im.Entry{entry(1, "one", ""), entry(2, "two", ""), entry(3, "three", "")}
	for ask, want := range map[string]string{
		"":                             "limit 20 one two three",
		"maxstanzas='0'":               "nothing",
		"maxchars='0'":                 "nothing",
		"seconds='0'":                  "nothing",
		"maxstanzas='5000'":            "limit 200 one two three",
		"maxchars='500'":               "limit 200 three",
		"maxstanzas='x'":               "limit 20 one two three",
		"since='2026-03-04T05:00:00Z'": "limit 200 from 05:00:00 one two three",
		"seconds='60'":                 "limit 200 from 05:05:07 one two three",
		"since='1970-01-01T00:00:00Z'": "limit 200 one two three",
		"seconds='60' since='2026-03-04T05:06:00+00:00'": "limit 200 from 05:06:00 one two three",
	} {
		st, err := stanza.Parse([]byte("<presence><x xmlns='http://jabber.org/protocol/muc'><history " + ask + "/></x></presence>"))
		if err != nil {
			t.Fatal(err)
		}
		e := ReadEntry(st)
		got := "nothing"
		if q, ok := e.History.Query(3, now); ok {
			got = describe(q, e.History.Render(g, entries))
		}
		if !e.MUC || got != want {
			t.Errorf("%s: %s; want %s", ask, got, want)
		}
	}
}

// Long messages do not fill the memory for everybody who comes in.
func TestHistoryOfLongMessages(t *testing.T) {
	entries := make([]im.Entry, mostHistory)
	for i := range entries {
		entries[i] = entry(uint64(i+1), strings.Repeat("x", 64<<10), "")
	}
	size := 0
	out := readHistory(nil).Render(room(), entries)
	for _, b := range out {
		size += len(b)
	}
	if size > mostHistoryBytes || len(out) == 0 {
		t.Errorf("%d messages with %d bytes", len(out), size)
	}
}

func describe(q im.ArchiveQuery, out [][]byte) string {
	s := "limit " + map[int]string{usualHistory: "20", mostHistory: "200"}[q.Limit]
	if q.From != 0 {
		s += " from " + q.From.Time().Format("15:04:05")
	}
	for _, b := range out {
		st, _ := stanza.Parse(b)
		s += " " + st.ChildText(stanza.NSClient, "body")
	}
	return s
}

func FuzzReadEntry(f *testing.F) {
	f.Add("<presence><x xmlns='http://jabber.org/protocol/muc'><password>a</password><history maxstanzas='3' since='2026-03-04T05:00:00Z'/></x></presence>")
	f.Add("<presence><x xmlns='http://jabber.org/protocol/muc'><history seconds='99999999999' maxchars='-1'/></x></presence>")
	f.Fuzz(func(t *testing.T, text string) {
		st, err := xmlstream.Parse([]byte(text), stanza.Client, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		h := ReadEntry(st).History
		q, ok := h.Query(10, now)
		if ok && (q.Limit < 1 || q.Limit > mostHistory) {
			t.Errorf("%s asks for %d messages", text, q.Limit)
		}
	})
}
