package muc

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// Section 16.5.3: what each field does to a room, and what it cannot be.
func TestSettings(t *testing.T) {
	room := im.Group{Title: "Cave", Join: im.JoinOpen, History: true}
	with := func(f func(g *im.Group)) im.Group { g := room; f(&g); return g }
	for _, c := range []struct {
		fields []string
		want   im.Group
		wrong  string // the field that the error names
	}{
		{[]string{"muc#roomconfig_roomname=  Dark "}, with(func(g *im.Group) { g.Title = "Dark" }), ""},
		{[]string{"muc#roomconfig_roomdesc=All good witches", "muc#roomconfig_lang=en"}, with(func(g *im.Group) { g.About, g.Lang = "All good witches", "en" }), ""},
		{[]string{"muc#roomconfig_publicroom=1"}, with(func(g *im.Group) { g.Public = true }), ""},
		{[]string{"muc#roomconfig_publicroom=maybe"}, room, "muc#roomconfig_publicroom"},
		{[]string{"muc#roomconfig_persistentroom=false"}, with(func(g *im.Group) { g.Temporary = true }), ""},
		{[]string{"muc#roomconfig_membersonly=true"}, with(func(g *im.Group) { g.Join = im.JoinInvite }), ""},
		{[]string{extra + "approval=1", "muc#roomconfig_membersonly=true"}, with(func(g *im.Group) { g.Join = im.JoinApproval }), ""},
		{[]string{extra + "approval=1"}, room, ""},
		{[]string{extra + "approval=x"}, room, extra + "approval"},
		{[]string{"muc#roomconfig_moderatedroom=1"}, with(func(g *im.Group) { g.Speak = im.WhoMembers }), ""},
		{[]string{"muc#roomconfig_moderatedroom=0"}, room, ""},
		{[]string{"muc#roomconfig_changesubject=0"}, with(func(g *im.Group) { g.Topic = im.WhoAdmins }), ""},
		{[]string{"muc#roomconfig_changesubject=1"}, room, ""},
		{[]string{"muc#roomconfig_allowinvites=0"}, with(func(g *im.Group) { g.Invite = im.WhoAdmins }), ""},
		{[]string{"muc#roomconfig_allowpm=moderators"}, with(func(g *im.Group) { g.Private = im.WhoAdmins }), ""},
		{[]string{"muc#roomconfig_allowpm=none"}, with(func(g *im.Group) { g.Private = im.WhoNobody }), ""},
		{[]string{"muc#roomconfig_allowpm=kings"}, room, "muc#roomconfig_allowpm"},
		{[]string{"muc#roomconfig_getmemberlist=moderator"}, with(func(g *im.Group) { g.ListMembers = im.WhoAdmins }), ""},
		{[]string{"muc#roomconfig_getmemberlist=moderator|participant"}, with(func(g *im.Group) { g.ListMembers = im.WhoMembers }), ""},
		{[]string{"muc#roomconfig_getmemberlist=king"}, room, "muc#roomconfig_getmemberlist"},
		{[]string{"muc#roomconfig_whois=moderators"}, with(func(g *im.Group) { g.Hidden = true }), ""},
		{[]string{"muc#roomconfig_whois=nobody"}, room, "muc#roomconfig_whois"},
		{[]string{"muc#roomconfig_maxusers=30"}, with(func(g *im.Group) { g.MaxMembers = 30 }), ""},
		{[]string{"muc#roomconfig_maxusers=none"}, room, ""},
		{[]string{"muc#roomconfig_maxusers=-1"}, room, "muc#roomconfig_maxusers"},
		{[]string{"muc#roomconfig_enablelogging=1"}, room, ""},
		{[]string{"muc#roomconfig_enablelogging=0"}, room, "muc#roomconfig_enablelogging"},
		{[]string{"muc#roomconfig_passwordprotectedroom=1", "muc#roomconfig_roomsecret=boil"}, with(func(g *im.Group) { g.Password = "boil" }), ""},
		{[]string{"muc#roomconfig_roomsecret=boil"}, with(func(g *im.Group) { g.Password = "boil" }), ""},
		{[]string{"muc#roomconfig_passwordprotectedroom=0", "muc#roomconfig_roomsecret=boil"}, room, ""},
		{[]string{"muc#roomconfig_passwordprotectedroom=1"}, room, "muc#roomconfig_roomsecret"},
		{[]string{"muc#roomconfig_passwordprotectedroom=x"}, room, "muc#roomconfig_passwordprotectedroom"},
		{[]string{extra + "history=0"}, with(func(g *im.Group) { g.History = false }), ""},
		{[]string{extra + "keep_days=30"}, with(func(g *im.Group) { g.KeepDays = 30 }), ""},
		{[]string{extra + "keep_days=a month"}, room, extra + "keep_days"},
		{[]string{extra + "mention_all=moderators"}, with(func(g *im.Group) { g.MentionAll = im.WhoAdmins }), ""},
		{[]string{"muc#roomconfig_pubsub=x", "urn:other=1"}, room, ""},
	} {
		f, err := form.Parse(xmpptest.Parse(t, submit(formConfig, c.fields...)))
		if err != nil {
			t.Fatal(err)
		}
		got := room
		err = apply(&got, f)
		switch {
		case c.wrong != "":
			if e := stanza.Of(err); err == nil || e.Condition != stanza.NotAcceptable || !strings.Contains(e.Text, c.wrong+":") {
				t.Errorf("%q: %v; want that %s is wrong", c.fields, err, c.wrong)
			}
		case err != nil || !reflect.DeepEqual(got, c.want):
			t.Errorf("%q: %v\n got %+v\nwant %+v", c.fields, err, got, c.want)
		}
	}
}

// What says already what is submitted stays as it is, though it says more.
func TestSettingsStay(t *testing.T) {
	g := im.Group{
		Addr: im.Addr{Local: "coven"}, Join: im.JoinApproval, Speak: im.WhoAdmins, Topic: im.WhoMembers, Invite: im.WhoNobody, Private: im.WhoMembers,
		ListMembers: im.WhoNobody, MentionAll: im.WhoNobody, MaxMembers: 33, KeepDays: 7, Password: "boil", Hidden: true, Temporary: true,
	}
	f := configuration(&g, nil, []string{"crone@example.org"})
	f.Type = form.TypeSubmit
	again, err := form.Parse(f.Element())
	if err != nil {
		t.Fatal(err)
	}
	got := g
	if err := apply(&got, again); err != nil || !reflect.DeepEqual(got, g) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, g)
	}
}

// Sections 10.1.2, 10.1.3, 10.2 and 10.9.
func TestOwner(t *testing.T) {
	get := query(nsOwner, "")
	set := func(fields ...string) string { return query(nsOwner, submit(formConfig, fields...)) }
	x := func(typ string) string { return query(nsOwner, "<x xmlns='jabber:x:data' type='"+typ+"'/>") }
	for _, c := range []struct {
		section string
		me      im.Role
		locked  bool
		in      string
		want    string // the condition, or what was done
	}{
		{"10.1.2 instant room", im.RoleOwner, true, x("submit"), "edit"},
		{"10.1.3 cancelled", im.RoleOwner, true, x("cancel"), "dissolve"},
		{"10.2 cancelled", im.RoleOwner, false, x("cancel"), ""},
		{"10.2 not by an admin", im.RoleAdmin, false, set("muc#roomconfig_roomname=x"), "forbidden"},
		{"10.2 not by a stranger", im.RoleNone, false, x("cancel"), "forbidden"},
		{"10.2", im.RoleOwner, true, set("muc#roomconfig_roomname=x"), "edit"},
		{"10.2 wrong", im.RoleOwner, true, set("muc#roomconfig_maxusers=x"), "not-acceptable"},
		{"another form", im.RoleOwner, true, query(nsOwner, submit(nsRegister, "muc#roomconfig_roomname=x")), "bad-request"},
		{"no form", im.RoleOwner, true, get, "bad-request"},
		{"a form to fill in", im.RoleOwner, true, x("form"), "bad-request"},
		{"10.9", im.RoleOwner, false, query(nsOwner, "<destroy jid='heath@conference.example.org'><reason>Macbeth</reason></destroy>"), "dissolve heath@conference.example.org Macbeth"},
		{"10.9 without reason", im.RoleOwner, false, query(nsOwner, "<destroy/>"), "dissolve"},
		{"10.9 wrong", im.RoleOwner, false, query(nsOwner, "<destroy jid='@'/>"), "jid-malformed"},
		{"10.9 not by an admin", im.RoleAdmin, false, query(nsOwner, "<destroy/>"), "forbidden"},
	} {
		w := newWorld(t, c.me)
		w.state.Group.Locked = c.locked
		got := w.ask("set", c.in)
		if got == "" {
			got = w.done()
		}
		w.expect(c.section, got, c.want)
		if (got == "edit" || !c.locked) == w.state.Group.Locked {
			t.Errorf("%s: locked is %v", c.section, w.state.Group.Locked)
		}
	}
	w := newWorld(t, im.RoleAdmin)
	w.expect("10.2", w.ask("get", get), "forbidden")
	w = newWorld(t, im.RoleOwner)
	w.members = append(w.members, w.member("hag", im.RoleAdmin))
	got := w.ask("get", get)
	for _, part := range []string{
		"<field var='muc#roomconfig_roomname' type='text-single' label='Name'><value>A Dark Cave</value></field>",
		"<field var='muc#roomconfig_roomadmins' type='jid-multi' label='Admins'><value>hag@example.org</value></field>",
		"<field var='muc#roomconfig_roomowners' type='jid-multi' label='Owners'><value>crone@example.org</value></field>",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("10.2: %s\nlacks %s", got, part)
		}
	}
	w.fail = im.Errorf(im.CodeTooLarge, "")
	w.expect("10.2 refused by the core", w.ask("set", set("muc#roomconfig_roomname=x")), "not-acceptable")
}

// Section 10.2: the full lists of admins and owners.
func TestStaff(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   string
	}{
		{[]string{"muc#roomconfig_roomname=x"}, "edit"},
		{[]string{"muc#roomconfig_roomadmins=hag@example.org"}, "edit"},
		{[]string{"muc#roomconfig_roomadmins="}, "edit, member hag"},
		{[]string{"muc#roomconfig_roomadmins=hag@example.org|hecate@example.org/broom"}, "edit, admin hecate"},
		{[]string{"muc#roomconfig_roomowners=hag@example.org|crone@example.org"}, "edit, owner hag"},
		{[]string{"muc#roomconfig_roomowners=hag@example.org"}, "edit, owner hag, member crone"},
		{[]string{"muc#roomconfig_roomowners=hag@example.org", "muc#roomconfig_roomadmins=crone@example.org"}, "edit, owner hag, admin crone"},
		{[]string{"muc#roomconfig_roomowners="}, "conflict"},
		{[]string{"muc#roomconfig_roomowners=nobody@example.org"}, "not-acceptable"},
		{[]string{"muc#roomconfig_roomadmins=@"}, "not-acceptable"},
	} {
		w := newWorld(t, im.RoleOwner)
		w.cell.User("hecate")
		w.members = append(w.members, w.member("hag", im.RoleAdmin))
		got := w.ask("set", query(nsOwner, submit(formConfig, c.fields...)))
		if got == "" {
			got = w.done()
		}
		w.expect(strings.Join(c.fields, " "), got, c.want)
	}
}

// Whatever a client submits is refused, or is what the next form says.
func FuzzConfig(f *testing.F) {
	f.Add(submit(formConfig, "muc#roomconfig_membersonly=1", extra+"approval=1", "muc#roomconfig_allowpm=none"))
	f.Add(submit(formConfig, "muc#roomconfig_maxusers=20", "muc#roomconfig_getmemberlist=moderator|visitor", "muc#roomconfig_roomsecret=x"))
	f.Fuzz(func(t *testing.T, in string) {
		e, err := xmlstream.Parse([]byte(in), stanza.Client, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		x, err := form.Parse(e)
		if err != nil {
			return
		}
		g := im.Group{Title: "Cave"}
		if err := apply(&g, x); err != nil {
			if stanza.Of(err).Condition != stanza.NotAcceptable {
				t.Fatal(err)
			}
			return
		}
		again := configuration(&g, nil, nil)
		then := g
		if err := apply(&then, again); err != nil || !reflect.DeepEqual(then, g) {
			t.Fatalf("%s: %v\n got %+v\nwant %+v", in, err, then, g)
		}
		if slices.ContainsFunc(again.Fields, func(x form.Field) bool { return x.Var == "" }) {
			t.Fatal("a field without name")
		}
	})
}
