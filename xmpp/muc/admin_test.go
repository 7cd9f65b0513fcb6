package muc

import (
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func wants(attrs, in string) string { return query(nsAdmin, "<item "+attrs+">"+in+"</item>") }

// Sections 8.2 to 8.5 and 9.6 to 9.8: what a role takes, by how somebody stands to the
// room.
func TestRoles(t *testing.T) {
	later := now.AddDate(0, 0, 1)
	plain := func(r im.Role) im.Member { return im.Member{Role: r, Passing: r == im.RoleVisitor} }
	with := func(r im.Role, v im.Voice) im.Member { m := plain(r); m.Voice = v; return m }
	muted := func(r im.Role) im.Member { m := plain(r); m.MutedUntil = later; return m }
	open, moderated, quiet := im.Group{}, im.Group{Speak: im.WhoMembers}, im.Group{Speak: im.WhoAdmins}
	for _, c := range []struct {
		section string
		g       im.Group
		m       im.Member
		role    string
		want    string
	}{
		{"8.2 kick", open, plain(im.RoleMember), "none", "eject pistol"},
		{"8.2 kick a visitor", open, plain(im.RoleVisitor), "none", "eject pistol"},
		{"8.3 voice", moderated, plain(im.RoleVisitor), "participant", "voice pistol"},
		{"8.3 voice for who is muted", open, muted(im.RoleMember), "participant", "unvoice pistol, unmute pistol"},
		{"8.3 nothing to do", open, plain(im.RoleVisitor), "participant", ""},
		{"8.3 where nobody can", quiet, plain(im.RoleMember), "participant", "not-allowed"},
		{"8.4 no voice", moderated, plain(im.RoleMember), "visitor", "unvoice pistol, mute pistol"},
		{"8.4 no voice in an open room", open, plain(im.RoleVisitor), "visitor", "unvoice pistol, mute pistol"},
		{"8.4 granted voice taken back", moderated, with(im.RoleVisitor, im.VoiceGranted), "visitor", "unvoice pistol"},
		{"8.4 nothing to do", moderated, plain(im.RoleVisitor), "visitor", ""},
		{"8.4 an admin", moderated, plain(im.RoleAdmin), "visitor", "not-allowed"},
		{"8.4 an owner", moderated, plain(im.RoleOwner), "visitor", "not-allowed"},
		{"9.6 moderator", open, plain(im.RoleMember), "moderator", "unmute pistol, moderate pistol"},
		{"9.6 nothing to do", open, plain(im.RoleAdmin), "moderator", ""},
		{"9.7 moderator no more", open, with(im.RoleMember, im.VoiceModerator), "participant", "unvoice pistol, unmute pistol"},
		{"9.7 a visitor who was moderator", moderated, with(im.RoleVisitor, im.VoiceModerator), "participant", "voice pistol"},
		{"9.7 straight to visitor", open, with(im.RoleMember, im.VoiceModerator), "visitor", "unvoice pistol, mute pistol"},
		{"9.7 an admin", open, plain(im.RoleAdmin), "participant", "not-allowed"},
		{"no role", open, plain(im.RoleMember), "king", "bad-request"},
	} {
		w := newWorld(t, im.RoleOwner)
		w.state.Group.Speak = c.g.Speak
		m := w.member("pistol", c.m.Role)
		m.Voice, m.MutedUntil = c.m.Voice, c.m.MutedUntil
		w.enter("tavern", m)
		got := w.ask("set", wants("nick='pistol' role='"+c.role+"'", ""))
		if got == "" {
			got = w.done()
		}
		w.expect(c.section, got, c.want)
	}
}

// Who is there with C-XX alone is sent away as a member.
func TestKickWithoutSession(t *testing.T) {
	w := newWorld(t, im.RoleOwner)
	w.there = append(w.there, im.Occupant{User: w.cell.User("pistol"), Member: w.member("pistol", im.RoleMember)})
	w.expect("8.2", w.ask("set", wants("nick='pistol' role='none'", "<reason>Avaunt</reason>")), "")
	w.expect("8.2", w.done(), "kick pistol Avaunt")
	w.enter("tavern", w.member("pistol", im.RoleMember))
	w.expect("8.2", w.ask("set", wants("nick='pistol' role='none'", "")), "")
	w.expect("8.2, with an XMPP client", w.done(), "eject pistol")
}

// Sections 9.1 to 9.3 and 10.3 to 10.7: affiliations, by address or by nickname.
func TestAffiliations(t *testing.T) {
	for in, want := range map[string]string{
		wants("affiliation='outcast' jid='pistol@example.org'", "<reason>Treason</reason>"):          "outcast pistol Treason",
		wants("affiliation='member' jid='pistol@example.org/tavern'", ""):                            "member pistol",
		wants("affiliation='none' jid='pistol@example.org'", ""):                                     "none pistol",
		wants("affiliation='admin' nick='pistol'", ""):                                               "admin pistol",
		wants("affiliation='owner' jid='pistol@example.org' nick='x'", ""):                           "owner pistol",
		wants("affiliation='member' jid='nobody@example.org'", ""):                                   "item-not-found",
		wants("affiliation='member' nick='nobody'", ""):                                              "item-not-found",
		wants("affiliation='member' jid='@'", ""):                                                    "jid-malformed",
		wants("affiliation='member' jid='example.org'", ""):                                          "jid-malformed",
		wants("affiliation='king' jid='pistol@example.org'", ""):                                     "bad-request",
		wants("affiliation='member' role='none' nick='pistol'", ""):                                  "bad-request",
		wants("nick='pistol'", ""):                                                                   "bad-request",
		wants("affiliation='member'", ""):                                                            "bad-request",
		query(nsAdmin, ""):                                                                           "bad-request",
		query(nsAdmin, strings.Repeat("<item affiliation='none' nick='a'/>", mostWishes+1)):          "policy-violation",
		query(nsAdmin, "<item affiliation='member' nick='pistol'/><item role='none' nick='crone'/>"): "conflict",
	} {
		w := newWorld(t, im.RoleOwner)
		w.enter("tavern", w.member("pistol", im.RoleVisitor))
		got := w.ask("set", in)
		if got == "" {
			got = w.done()
		} else if did := w.done(); did != "" {
			t.Errorf("%s is refused, but %s", in, did)
		}
		w.expect(in, got, want)
	}
}

// Sections 8, 8.2, 8.4, 9, 9.1, 9.7, 10.3 to 10.8: nobody without rights, and not
// everybody with them.
func TestRefusals(t *testing.T) {
	forbidden := im.Errorf(im.CodeForbidden, "")
	for _, c := range []struct {
		section, attrs string
		me             im.Role
		voice          im.Voice
		core           error
		want           string
	}{
		{"8 a member", "nick='pistol' role='none'", im.RoleMember, 0, nil, "forbidden"},
		{"8 a member", "nick='pistol' role='participant'", im.RoleMember, 0, nil, "forbidden"},
		{"8.2 of higher affiliation", "nick='pistol' role='none'", im.RoleAdmin, 0, forbidden, "not-allowed"},
		{"8.4 of higher affiliation", "nick='pistol' role='visitor'", im.RoleMember, im.VoiceModerator, forbidden, "not-allowed"},
		{"9.1 a member", "jid='pistol@example.org' affiliation='outcast'", im.RoleMember, 0, forbidden, "forbidden"},
		{"9.1 a moderator", "jid='pistol@example.org' affiliation='outcast'", im.RoleMember, im.VoiceModerator, forbidden, "forbidden"},
		{"9.1 an owner", "jid='pistol@example.org' affiliation='outcast'", im.RoleAdmin, 0, forbidden, "not-allowed"},
		{"9.1 oneself", "jid='crone@example.org' affiliation='outcast'", im.RoleAdmin, 0, im.Errorf(im.CodeConflict, ""), "conflict"},
		{"9.6 by a moderator", "nick='pistol' role='moderator'", im.RoleMember, im.VoiceModerator, forbidden, "forbidden"},
		{"10.6 by an admin", "jid='pistol@example.org' affiliation='admin'", im.RoleAdmin, 0, forbidden, "forbidden"},
		{"10.4 the last owner", "jid='crone@example.org' affiliation='none'", im.RoleOwner, 0, im.Errorf(im.CodeLastOwner, ""), "conflict"},
		{"a stranger", "jid='pistol@example.org' affiliation='none'", im.RoleNone, 0, im.Errorf(im.CodeNotMember, ""), "forbidden"},
	} {
		w := newWorld(t, c.me)
		w.state.Me.Voice, w.fail = c.voice, c.core
		w.enter("tavern", w.member("pistol", im.RoleMember))
		w.expect(c.section, w.ask("set", wants(c.attrs, "")), c.want)
	}
	w := newWorld(t, im.RoleAdmin)
	w.there = nil
	w.expect("roles are of who is there", w.ask("set", wants("nick='pistol' role='none'", "")), "not-acceptable")
}

// Sections 8.5, 9.2, 9.5, 9.8, 10.5, 10.8: who may read which list.
func TestWhoReadsLists(t *testing.T) {
	const f = "forbidden"
	for _, c := range []struct {
		me     im.Role
		voice  im.Voice
		hidden bool
		// What is forbidden of the lists, in this order: outcast, member, admin, owner,
		// and participant, moderator.
		want [6]string
	}{
		{im.RoleNone, 0, false, [6]string{f, "", "", "", f, f}}, // the core says the rest
		{im.RoleMember, 0, false, [6]string{f, "", "", "", f, f}},
		{im.RoleMember, 0, true, [6]string{f, f, f, f, f, f}},
		{im.RoleMember, im.VoiceModerator, false, [6]string{f, "", "", "", "", f}},
		{im.RoleAdmin, 0, false, [6]string{}},
		{im.RoleAdmin, 0, true, [6]string{"", "", f, f, "", ""}},
		{im.RoleOwner, 0, true, [6]string{}},
	} {
		w := newWorld(t, c.me)
		w.state.Me.Voice, w.state.Group.Hidden = c.voice, c.hidden
		for i, attr := range []string{"affiliation='outcast'", "affiliation='member'", "affiliation='admin'", "affiliation='owner'", "role='participant'", "role='moderator'"} {
			got := w.ask("get", wants(attr, ""))
			if strings.HasPrefix(got, "<") {
				got = ""
			}
			if got != c.want[i] {
				t.Errorf("%s, voice %d, hidden %v, %s: %q; want %q", c.me, c.voice, c.hidden, attr, got, c.want[i])
			}
		}
	}
}

func TestLists(t *testing.T) {
	w := newWorld(t, im.RoleOwner)
	outcast := w.member("pistol", im.RoleOutcast)
	outcast.Note = "Treason"
	w.members = append(w.members, outcast, w.member("hecate", im.RoleMember), w.member("hag", im.RoleMember))
	w.enter("broom", w.member("hecate", im.RoleMember))
	w.enter("pda", w.member("hecate", im.RoleMember))
	w.expect("9.2", w.ask("get", wants("affiliation='outcast'", "")),
		wants("affiliation='outcast' jid='pistol@example.org'", "<reason>Treason</reason>"))
	w.expect("9.5", w.ask("get", wants("affiliation='member'", "")),
		query(nsAdmin, "<item affiliation='member' jid='hag@example.org' nick='hag'/><item affiliation='member' jid='hecate@example.org' nick='hecate'/>"))
	w.expect("8.5", w.ask("get", wants("role='participant'", "")),
		query(nsAdmin, "<item affiliation='member' jid='hecate@example.org/broom' nick='hecate' role='participant'/>"))
	w.expect("9.8", w.ask("get", wants("role='moderator'", "")),
		query(nsAdmin, "<item affiliation='owner' jid='crone@example.org/desktop' nick='crone' role='moderator'/>"))
	for _, attr := range []string{"", "role='none'", "role='king'", "affiliation='none'", "affiliation='king'", "role='visitor' affiliation='member'"} {
		w.expect(attr, w.ask("get", wants(attr, "")), "bad-request")
	}
	w.there = nil
	w.expect("8.5 from outside", w.ask("get", wants("role='participant'", "")), "not-acceptable")
	// A long list goes on where the page ends.
	after, all := "", []string{}
	for range 3 {
		got := xmpptest.Parse(t, w.ask("get", query(nsAdmin, "<item affiliation='member'/><set xmlns='"+stanza.NSRSM+"'><max>1</max>"+after+"</set>")))
		if x := got.Child(nsAdmin, "item"); x != nil {
			all = append(all, x.Attr("nick"))
			after = "<after>" + got.Child(stanza.NSRSM, "set").ChildText(stanza.NSRSM, "last") + "</after>"
		}
	}
	slices.Sort(all)
	if !slices.Equal(all, []string{"hag", "hecate"}) {
		t.Errorf("XEP-0059: %q", all)
	}
	w.expect("XEP-0059", w.ask("get", query(nsAdmin, "<item affiliation='member'/><set xmlns='"+stanza.NSRSM+"'><before/></set>")), "feature-not-implemented")
}

// What clients ask to be changed is understood or refused.
func FuzzWishes(f *testing.F) {
	f.Add(wants("affiliation='outcast' jid='a@b.net/c'", "<reason>x</reason>"))
	f.Add(wants("role='none' nick='a'", ""))
	f.Fuzz(func(t *testing.T, in string) {
		e, err := xmlstream.Parse([]byte(in), stanza.Client, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		list, err := readWishes(e)
		if err != nil && stanza.Of(err).Condition == stanza.InternalServerError || err == nil && len(list) == 0 || len(list) > mostWishes {
			t.Fatalf("%s: %v %v", in, list, err)
		}
		for _, w := range list {
			if (w.role == "") == (w.affiliation == "") || w.user.Resource != "" {
				t.Fatalf("%+v", w)
			}
		}
	})
}
