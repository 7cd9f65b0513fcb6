package muc

import (
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// Section 6.4: what a room says of itself, to those within and to others.
func TestRoomInfo(t *testing.T) {
	w := newWorld(t, im.RoleMember)
	got := w.ask("get", query(stanza.NSInfo, ""))
	for _, part := range []string{
		"<identity category='conference' type='text' name='A Dark Cave'/>",
		"<feature var='http://jabber.org/protocol/muc'/>", "<feature var='http://jabber.org/protocol/muc#stable_id'/>",
		"<feature var='urn:xmpp:mam:2'/>", "<feature var='urn:xmpp:sid:0'/>", "<feature var='urn:xmpp:occupant-id:0'/>",
		"<feature var='urn:xmpp:message-moderate:1'/>", "<feature var='vcard-temp'/>", "<feature var='jabber:iq:register'/>",
		"<feature var='http://jabber.org/protocol/muc#self-ping-optimization'/>",
		"<value>http://jabber.org/protocol/muc#roominfo</value>", "<value>All good witches</value>", "<value>Spells</value>",
		"<field var='muc#roominfo_occupants' type='text-single' label='Number of occupants'><value>1</value></field>",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nlacks %s", got, part)
		}
	}
	for _, part := range []string{"avatarhash"} {
		if strings.Contains(got, part) {
			t.Errorf("%s has %s", got, part)
		}
	}
	w.state.Group.AvatarHash, w.state.Me.Role, w.there = "da39a3ee", im.RoleNone, nil
	got = w.ask("get", query(stanza.NSInfo, ""))
	for part, there := range map[string]bool{"<value>da39a3ee</value>": true, "<value>7</value>": true, "roominfo_subject": false} {
		if strings.Contains(got, part) != there {
			t.Errorf("from outside: %s in %s", part, got)
		}
	}
}

// Section 4.2: the kinds of rooms.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		st   im.GroupState
		want string
	}{
		{im.GroupState{}, "hidden open unmoderated nonanonymous unsecured persistent"},
		{im.GroupState{Group: im.Group{Public: true, Join: im.JoinInvite, Speak: im.WhoMembers, Hidden: true, Temporary: true}, Protected: true}, "public membersonly moderated semianonymous passwordprotected temporary"},
		{im.GroupState{Group: im.Group{Join: im.JoinApproval, Speak: im.WhoAdmins}}, "hidden membersonly moderated nonanonymous unsecured persistent"},
	} {
		if got := strings.ReplaceAll(strings.Join(kinds(&c.st), " "), "muc_", ""); got != c.want {
			t.Errorf("got %s; want %s", got, c.want)
		}
	}
}

// Sections 6.5, 7.12 and 17.1.1, and rooms that are not there.
func TestNodes(t *testing.T) {
	w := newWorld(t, im.RoleMember)
	w.enter("phone", w.state.Me)
	node := func(space, node string) string {
		return strings.Replace(query(space, ""), ">", " node='"+node+"'>", 1)
	}
	w.expect("6.5", w.ask("get", query(stanza.NSItems, "")), "<query xmlns='"+stanza.NSItems+"'><item jid='coven@conference.example.org/crone'/></query>")
	w.expect("6.5 node", w.ask("get", node(stanza.NSItems, "x")), "item-not-found")
	w.expect("7.12", w.ask("get", node(stanza.NSInfo, nodeNick)), "<query xmlns='"+stanza.NSInfo+"' node='x-roomuser-item'><identity category='conference' type='text' name='crone'/></query>")
	w.expect("17.1.1", w.ask("get", node(stanza.NSInfo, nodeTraffic)), "service-unavailable")
	w.expect("node", w.ask("get", node(stanza.NSInfo, "x")), "item-not-found")
	w.expect("XEP-0199", w.ask("get", "<ping xmlns='urn:xmpp:ping'/>"), "")
	w.state.Me.Role, w.there = im.RoleVisitor, nil
	w.expect("6.5 from outside", w.ask("get", query(stanza.NSItems, "")), "<query xmlns='"+stanza.NSItems+"'/>")
	w.expect("7.12 none", w.ask("get", node(stanza.NSInfo, nodeNick)), "<query xmlns='"+stanza.NSInfo+"' node='x-roomuser-item'/>")
	w.state = im.GroupState{}
	for _, payload := range []string{query(stanza.NSInfo, ""), query(nsOwner, ""), query(nsRegistration, ""), "<vCard xmlns='vcard-temp'/>", query(stanza.NSMAM, "")} {
		w.expect("6.4 no room: "+payload, w.ask("get", payload), "item-not-found")
	}
	w.expect("RFC 6120 8.4", w.ask("get", "<x xmlns='urn:x'/>"), "service-unavailable")
}

// Section 6.3: the public rooms of a domain, page by page (XEP-0059).
func TestRooms(t *testing.T) {
	w := newWorld(t, im.RoleNone)
	for i, name := range []string{"heath", "coven", "other", "forres", "inverness"} {
		g := im.Group{ID: im.GroupID(10 + i), Addr: im.Addr{Local: name, Domain: "conference.example.org"}, Title: "The " + name}
		if name == "other" {
			g.Addr.Domain = "conference.example.net"
		}
		w.public = append(w.public, g)
	}
	w.public[0].Title = ""
	list := func(set string) string {
		return w.ask("get", query(stanza.NSItems, set), "conference.example.org")
	}
	item := func(name string) string {
		return "<item jid='" + name + "@conference.example.org' name='The " + name + "'/>"
	}
	head := "<query xmlns='" + stanza.NSItems + "'>"
	set := func(in string) string { return "<set xmlns='" + stanza.NSRSM + "'>" + in + "</set>" }
	w.expect("6.3", list(""), head+"<item jid='heath@conference.example.org'/>"+item("coven")+item("forres")+item("inverness")+"</query>")
	w.expect("XEP-0059 2.1", list(set("<max>2</max>")), head+"<item jid='heath@conference.example.org'/>"+item("coven")+set("<first>10</first><last>11</last>")+"</query>")
	w.expect("XEP-0059 2.1, the next", list(set("<max>2</max><after>11</after>")), head+item("forres")+item("inverness")+set("<first>13</first><last>14</last>")+"</query>")
	w.expect("XEP-0059 2.1, the end", list(set("<after>14</after>")), head+"<set xmlns='"+stanza.NSRSM+"'/></query>")
	w.expect("XEP-0059 2.1, no id", list(set("<after>x</after>")), "item-not-found")
	w.expect("XEP-0059 2.3", list(set("<before/>")), "feature-not-implemented")
	w.expect("XEP-0059 2.6", list(set("<index>3</index>")), "feature-not-implemented")
	w.expect("XEP-0059 2.7", list(set("<max>0</max>")), head+"<set xmlns='"+stanza.NSRSM+"'/></query>")
	w.expect("XEP-0059", list(set("<max>x</max>")), "bad-request")
	w.expect("node", w.ask("get", "<query xmlns='"+stanza.NSItems+"' node='x'/>", "conference.example.org"), "item-not-found")
	one, other := w.ask("get", "<unique xmlns='"+nsUnique+"'/>", "conference.example.org"), w.ask("get", "<unique xmlns='"+nsUnique+"'/>", "conference.example.org")
	if one == other || !strings.HasPrefix(one, "<unique") {
		t.Error(one, other)
	}
}

// A cell with many rooms of other domains is not looked through for one request; the
// client goes on from where it ended.
func TestManyRoomsOfOthers(t *testing.T) {
	w := newWorld(t, im.RoleNone)
	for i := range 3 * mostPages {
		w.public = append(w.public, im.Group{ID: im.GroupID(1 + i), Addr: im.Addr{Local: "other", Domain: "conference.example.net"}})
	}
	ask := func() string { return w.ask("get", query(stanza.NSItems, ""), "conference.example.org") }
	w.expect("nothing found yet", ask(), "resource-constraint")
	w.public[0].Addr.Domain = "conference.example.org"
	w.expect("a page", ask(), query(stanza.NSItems, "<item jid='other@conference.example.org'/><set xmlns='"+stanza.NSRSM+"'><first>1</first><last>100</last></set>"))
}

// Section 7.10.
func TestRegistration(t *testing.T) {
	get := query(nsRegistration, "")
	set := query(nsRegistration, submit(nsRegister, "muc#register_roomnick= third  witch "))
	remove := query(nsRegistration, "<remove/>")
	for _, c := range []struct {
		what, typ, in string
		me            im.Role
		join          im.JoinRule
		core          error
		want          string
	}{
		{"registered", "get", get, im.RoleMember, im.JoinOpen, nil, query(nsRegistration, "<registered/><username>crone</username>")},
		{"by invitation", "get", get, im.RoleNone, im.JoinInvite, nil, "not-allowed"},
		{"by invitation", "set", set, im.RoleNone, im.JoinInvite, nil, "not-allowed"},
		{"invited", "set", set, im.RoleInvited, im.JoinInvite, nil, "join third witch, nick third witch"},
		{"open", "set", set, im.RoleNone, im.JoinOpen, nil, "join third witch"},
		{"who is there already", "set", set, im.RoleVisitor, im.JoinOpen, nil, "join third witch, nick third witch"},
		{"a member", "set", set, im.RoleMember, im.JoinOpen, nil, "nick third witch"},
		{"nickname taken", "set", set, im.RoleNone, im.JoinOpen, im.Errorf(im.CodeNickTaken, ""), "conflict"},
		{"closed just now", "set", set, im.RoleNone, im.JoinOpen, im.Errorf(im.CodeMembersOnly, ""), "not-allowed"},
		{"no nickname", "set", query(nsRegistration, submit(nsRegister, "muc#register_roomnick=")), im.RoleNone, im.JoinOpen, nil, "not-acceptable"},
		{"no form", "set", get, im.RoleNone, im.JoinOpen, nil, "bad-request"},
		{"another form", "set", query(nsRegistration, submit(formConfig)), im.RoleNone, im.JoinOpen, nil, "bad-request"},
		{"removed", "set", remove, im.RoleMember, im.JoinOpen, nil, "leave"},
		{"not registered", "set", remove, im.RoleVisitor, im.JoinOpen, nil, "registration-required"},
		{"the last owner", "set", remove, im.RoleOwner, im.JoinOpen, im.Errorf(im.CodeLastOwner, ""), "conflict"},
	} {
		w := newWorld(t, c.me)
		w.state.Group.Join, w.fail = c.join, c.core
		got := w.ask(c.typ, c.in)
		if got == "" {
			got = w.done()
		}
		w.expect(c.what, got, c.want)
	}
	for me, text := range map[im.Role]string{im.RoleNone: "An admin will answer your request.", im.RoleAsking: "You have asked", im.RoleInvited: "will have here.</instructions>"} {
		w := newWorld(t, me)
		w.state.Group.Join = im.JoinApproval
		if got := w.ask("get", get); !strings.Contains(got, text) || !strings.Contains(got, "<field var='muc#register_roomnick' type='text-single' label='Nickname'><required/></field>") {
			t.Errorf("%s: %s", me, got)
		}
	}
}

// XEP-0486 sections 3.2 and 3.4.
func TestCard(t *testing.T) {
	w := newWorld(t, im.RoleOwner)
	card := func(in string) string { return "<vCard xmlns='vcard-temp'>" + in + "</vCard>" }
	w.expect("3.4 none", w.ask("get", card("")), "<vCard xmlns='vcard-temp'/>")
	w.state.Group.AvatarHash, w.avatar = "x", im.Avatar{Type: "image/png", Data: []byte("cave")}
	photo := "<PHOTO><TYPE>image/png</TYPE><BINVAL>Y2F2ZQ==</BINVAL></PHOTO>"
	w.expect("3.4", w.ask("get", card("")), card(photo))
	w.expect("3.2", w.ask("set", card("<FN>Cave</FN>"+strings.Replace(photo, "2F", "2\n F", 1))), "")
	w.expect("3.2", w.done(), "avatar cave")
	w.expect("3.2 taken away", w.ask("set", card("")), "")
	w.expect("3.2 taken away", w.done(), "avatar")
	w.expect("3.2 no picture", w.ask("set", card("<PHOTO><EXTVAL>https://a</EXTVAL></PHOTO>")), "bad-request")
	w.expect("3.2 no base64", w.ask("set", card("<PHOTO><BINVAL>?</BINVAL></PHOTO>")), "bad-request")
	w.fail = im.Errorf(im.CodeForbidden, "")
	w.expect("3.2 by a member", w.ask("set", card(photo)), "forbidden")
	w.fail = im.Errorf(im.CodeInvalid, "")
	w.expect("3.2 of another kind", w.ask("set", card(photo)), "not-acceptable")
}

// XEP-0425 sections 4.1 and 4.2.
func TestModerate(t *testing.T) {
	moderate := func(id, in string) string {
		return "<moderate xmlns='" + NSModerate + "' id='" + id + "'>" + in + "</moderate>"
	}
	const retract = "<retract xmlns='urn:xmpp:message-retract:1'/>"
	w := newWorld(t, im.RoleOwner)
	w.expect("4", w.ask("set", moderate("12", retract+"<reason>spam</reason>")), "")
	w.expect("4", w.done(), "retract 12 spam")
	w.expect("4 what else", w.ask("set", moderate("12", "")), "bad-request")
	for _, id := range []string{"", "0", "x", "-1", "99999999999999999999"} {
		w.expect("4 id "+id, w.ask("set", moderate(id, retract)), "item-not-found")
	}
	w.fail = im.Errorf(im.CodeForbidden, "")
	w.expect("4.2", w.ask("set", moderate("12", retract)), "forbidden")
	w.fail = im.Errorf(im.CodeNotMember, "")
	w.expect("4.2 a stranger", w.ask("set", moderate("12", retract)), "forbidden")
}

// XEP-0313 sections 3.1.2 and 5.1.2: what is in the archive of a room, for whom.
func TestArchive(t *testing.T) {
	w := newWorld(t, im.RoleMember)
	hag := w.cell.User("hag")
	group := &im.Group{Subject: "Toads", SubjectNick: "hag"}
	post := func(seq uint64, nick, text string) im.Entry {
		return im.Entry{Seq: seq, MsgID: im.MakeMsgID(now, int(seq), 1), Kind: im.KindMessage, From: hag, Text: text, Post: &im.Post{Nick: nick, Occupant: "o"}}
	}
	event := func(seq uint64, ev im.GroupEvent) im.Entry {
		return im.Entry{Seq: seq, MsgID: im.MakeMsgID(now, int(seq), 1), Kind: im.KindGroup, From: hag, Group: &ev}
	}
	gone := post(2, "hag", "")
	gone.Post.Retracted = true
	w.entries = []im.Entry{
		post(1, "hag", "hello"), gone, event(3, im.GroupEvent{What: im.GroupJoined, Member: &im.Member{}}),
		event(4, im.GroupEvent{What: im.GroupSubject, Group: group}), event(5, im.GroupEvent{What: im.GroupRetracted, Ref: 2, ByNick: "crone"}),
		post(6, "hecate", "bye"),
	}
	for i, e := range w.entries {
		if e.Seq == 6 {
			w.entries[i].From = w.cell.User("hecate")
		}
	}
	ids := func(fields ...string) string {
		w.t.Helper()
		got := w.ask("set", query(stanza.NSMAM, submit(stanza.NSMAM, fields...)))
		if !strings.HasPrefix(got, "<") {
			return got
		}
		var out []string
		for _, part := range strings.Split(got, "<result xmlns='urn:xmpp:mam:2' id='")[1:] {
			id, _, _ := strings.Cut(part, "'")
			out = append(out, id)
		}
		return strings.Join(out, " ")
	}
	w.expect("3.1.2", ids(), "1 2 4 5 6")
	w.expect("4.1.1 the room", ids("with=coven@conference.example.org"), "1 2 4 5 6")
	w.expect("4.1.1 an occupant", ids("with=coven@conference.example.org/hag"), "1 2")
	w.expect("4.1.1 a user", ids("with=hecate@example.org"), "6")
	w.expect("4.1.1 nobody", ids("with=nobody@example.org"), "")
	w.expect("4.1.3", ids("ids=2|6"), "2 6")
	w.expect("4.1.3 not there", ids("ids=77"), "item-not-found")
	got := w.ask("set", query(stanza.NSMAM, ""))
	for _, part := range []string{
		"<message from='coven@conference.example.org' to='crone@example.org/desktop'><result", "<body>hello</body><x xmlns='http://jabber.org/protocol/muc#user'><item jid='hag@example.org'/></x><occupant-id",
		"<retracted xmlns='urn:xmpp:message-retract:1'", "<subject>Toads</subject>", "<retract xmlns='urn:xmpp:message-retract:1' id='2'>",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nlacks %s", got, part)
		}
	}
	w.state.Group.Hidden = true
	w.expect("4.1.1 a user, hidden", ids("with=hecate@example.org"), "")
	if got := w.ask("set", query(stanza.NSMAM, "")); strings.Contains(got, "hag@example.org") {
		t.Errorf("5.1.2: %s", got)
	}
	meta, _, _ := strings.Cut(w.ask("get", "<metadata xmlns='urn:xmpp:mam:2'/>"), "timestamp")
	w.expect("5", meta, "<metadata xmlns='urn:xmpp:mam:2'><start id='1' ")
	if f := w.ask("get", query(stanza.NSMAM, "")); !strings.Contains(f, "var='with'") {
		t.Error(f)
	}
	w.expect("preferences", w.ask("get", "<prefs xmlns='urn:xmpp:mam:2'/>"), "service-unavailable")
	for _, code := range []im.ErrorCode{im.CodeNotMember, im.CodeBanned} {
		w.fail = im.Errorf(code, "")
		w.expect("8.1", ids(), "forbidden")
	}
}

// Section 6.2.
func TestService(t *testing.T) {
	w := newWorld(t, im.RoleNone)
	if i := w.mux.Identities(iq.Rooms); len(i) != 1 || i[0].Category != "conference" || i[0].Type != "text" {
		t.Error(i)
	}
	f := w.mux.Features(iq.Rooms)
	for _, want := range []string{stanza.NSMUC, nsVCard, nsUnique} {
		if !slices.Contains(f, want) {
			t.Errorf("%q lacks %s", f, want)
		}
	}
	w.expect("XEP-0199", w.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "conference.example.org"), "")
	w.expect("RFC 6120 8.4", w.ask("set", query(nsOwner, ""), "conference.example.org"), "service-unavailable")
}
