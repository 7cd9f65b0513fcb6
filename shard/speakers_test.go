package shard_test

import (
	"fmt"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// A writer does not read again who may speak in a group, and yet knows at once what
// another node has changed, with an entry in the timeline or without.
func testSpeakersKnown(t *testing.T, f factory) {
	stores := f(t, 1, 2)
	here, there := stores[0], stores[len(stores)-1]
	a, b := create(t, here, "a"), create(t, here, "b")
	g := newGroup(t, here, "team", a, b).ID
	visitor := im.Member{User: b, Role: im.RoleVisitor, Nick: "passing", Passing: true}
	seq := uint64(1)
	say := func(when string, want im.ErrorCode, nick string) {
		t.Helper()
		got, err := try(here, post(b, g, when))
		if im.CodeOf(err) != want || err == nil && (got.Nick != nick || got.FromSeq != seq+1) {
			t.Fatalf("%s: %+v %v; want %v, %q at %d", when, got, err, want, nick, seq+1)
		}
		if err == nil {
			seq++
		}
	}
	change := func(when string, logged bool, f func(e *im.GroupEdit)) {
		t.Helper()
		out, err := edit(t, there, g, []im.UserID{b}, func(e *im.GroupEdit) {
			if f(e); logged {
				e.Log = []im.Entry{{MsgID: im.MsgID(1000 + seq), Kind: im.KindGroup, From: a, Group: &im.GroupEvent{What: im.GroupChanged}}}
			}
		})
		if err != nil {
			t.Fatal(when, err)
		}
		seq += uint64(len(out))
	}
	say("at first", 0, "n1")
	say("again", 0, "n1")
	for _, logged := range []bool{true, false} {
		name := func(what string) string { return fmt.Sprintf("%s, logged %v", what, logged) }
		for _, c := range []struct {
			what string
			do   func(e *im.GroupEdit)
			want im.ErrorCode
			nick string
		}{
			{"muted", func(e *im.GroupEdit) { e.Group.Speak, e.SetGroup = im.WhoAdmins, true }, im.CodeMuted, ""},
			{"open", func(e *im.GroupEdit) { e.Group.Speak, e.SetGroup = im.WhoAnyone, true }, 0, "n1"},
			{"gone", func(e *im.GroupEdit) { e.Drop = []im.UserID{b} }, im.CodeNotMember, ""},
			{"passing", func(e *im.GroupEdit) { e.Put = []im.Member{visitor} }, 0, "passing"},
			{"gone again", func(e *im.GroupEdit) { e.Drop = []im.UserID{b} }, im.CodeNotMember, ""},
			{"back", func(e *im.GroupEdit) { e.Put = []im.Member{{User: b, Role: im.RoleMember, Nick: "n1"}} }, 0, "n1"},
		} {
			change(name(c.what), logged, c.do)
			say(name(c.what), c.want, c.nick)
			say(name(c.what+", twice"), c.want, c.nick)
		}
	}
	if _, err := try(there, post(b, g, "from there")); err != nil {
		t.Fatal(err)
	}
	seq++
	say("behind a message of another node", 0, "n1")
	change("dissolved", true, func(e *im.GroupEdit) { e.Dissolve = true })
	say("dissolved", im.CodeNotFound, "")
}
