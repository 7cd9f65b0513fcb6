package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAGroupFromTheCommandLine(t *testing.T) {
	b := newBench(t)
	b.cell.AddUser("carol", "secret-c")
	out := b.ok("alice", "group-create", "tea", "title=Tea time", "join=approval", "--invite", "bob", "--nick", "Alice", "--json")
	var made groupLine
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Addr != "tea@conference.example.org" || made.Role != "owner" ||
		made.Title != "Tea time" || made.Nick != "Alice" || made.Settings["join"] != "approval" {
		t.Fatalf("%q: %+v, %v", out, made, err)
	}
	if out := b.ok("bob", "groups"); !strings.Contains(out, "tea@conference.example.org") || !strings.Contains(out, "invited") {
		t.Errorf("%q", out)
	}
	if out := b.ok("bob", "join", "tea"); out != "you are in tea@conference.example.org as bob\n" {
		t.Errorf("%q", out)
	}
	if out := b.ok("carol", "join", "#tea", "--note", "me too"); !strings.Contains(out, "an admin has to let you in") {
		t.Errorf("%q", out)
	}
	b.ok("alice", "admit", "tea", "carol")
	if out := b.ok("alice", "group", "tea"); !strings.Contains(out, "carol@example.org") || !strings.Contains(out, "join          approval") || !strings.Contains(out, "3 members") {
		t.Errorf("%q", out)
	}
	if out := b.ok("alice", "send", "#tea", "hello", "--mention", "@bob", "--json"); !strings.Contains(out, `"to":"tea@conference.example.org"`) {
		t.Errorf("%q", out)
	}
	b.ok("alice", "send", "tea@conference.example.org", "and again")
	if out := b.ok("bob", "groups", "--json"); !strings.Contains(out, `"unread":2`) || !strings.Contains(out, `"mentions":1`) {
		t.Errorf("%q", out)
	}
	if out := b.ok("bob", "history", "#tea"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "tea@conference.example.org  Alice: hello") {
		t.Errorf("%q", out)
	}
	b.ok("bob", "read", "#tea")
	if out := b.ok("bob", "groups"); !strings.Contains(out, "0 unread") {
		t.Errorf("%q", out)
	}
	if out := b.ok("alice", "readers", "tea", "7"); !strings.HasPrefix(out, "read by 1 of 2\n") || !strings.Contains(out, "bob") {
		t.Errorf("%q", out)
	}
	b.ok("bob", "nick", "tea", "Bobby")
	b.ok("alice", "group-set", "tea", "history=yes", "subject=Earl Grey")
	b.ok("alice", "mute", "tea", "@Bobby", "--for", "10m")
	if code, _, errs := b.cxx("bob", "send", "#tea", "mmh"); code != exitRefused || !strings.Contains(errs, "muted") {
		t.Errorf("%d %s", code, errs)
	}
	b.ok("alice", "unmute", "tea", "bob")
	b.ok("bob", "send", "#tea", "oops")
	b.ok("alice", "retract", "tea", "13", "--reason", "off topic")
	b.ok("alice", "role", "tea", "bob", "admin")
	b.ok("bob", "kick", "tea", "carol", "--reason", "noise")
	if code, _, errs := b.cxx("carol", "send", "#tea", "why"); code != exitRefused || !strings.Contains(errs, "NOT_MEMBER") {
		t.Errorf("%d %s", code, errs)
	}
	b.ok("bob", "ban", "tea", "carol")
	if code, _, errs := b.cxx("carol", "join", "tea"); code != exitRefused || !strings.Contains(errs, "BANNED") {
		t.Errorf("%d %s", code, errs)
	}
	b.ok("bob", "pin", "tea")
	if out := b.ok("bob", "groups"); !strings.Contains(out, "pinned") {
		t.Errorf("%q", out)
	}
	b.ok("alice", "transfer", "tea", "bob")
	b.ok("alice", "group-set", "tea", "public=yes")
	b.ok("alice", "leave", "tea", "--reason", "bye")
	if out := b.ok("alice", "directory"); !strings.Contains(out, "Tea time") {
		t.Errorf("%q", out)
	}
	b.ok("bob", "dissolve", "tea")
	if out := b.ok("bob", "groups"); out != "" {
		t.Errorf("%q", out)
	}
}

func TestListenToAGroup(t *testing.T) {
	b := newBench(t)
	l := b.listen("bob")
	l.next("groups_ready")
	b.ok("alice", "group-create", "tea", "--invite", "bob")
	if v := l.next("invitation"); v["from"] != "alice@example.org" || v["group"] != "tea@conference.example.org" || v["state"] != "invited" {
		t.Errorf("%v", v)
	}
	b.ok("bob", "join", "tea", "--nick", "Bobby")
	if v := l.next("membership"); v["role"] != "member" || v["nick"] != "Bobby" || v["state"] != "joined" {
		t.Errorf("%v", v)
	}
	b.ok("alice", "send", "#tea", "hello", "--all")
	if v := l.next("group_message"); v["text"] != "hello" || v["nick"] != "alice" || v["mentioned"] != true || v["seq"] != 4.0 {
		t.Errorf("%v", v)
	}
	b.ok("bob", "send", "#tea", "from elsewhere")
	if v := l.next("group_sent"); v["text"] != "from elsewhere" || v["from"] != "bob@example.org" {
		t.Errorf("%v", v)
	}
	b.ok("alice", "group-set", "tea", "subject=Earl Grey")
	if v := l.next("group"); v["state"] != "subject" || v["by"] != "alice" {
		t.Errorf("%v", v)
	}
	l.close()

	b.ok("alice", "send", "#tea", "while away")
	b.ok("alice", "kick", "tea", "bob", "--reason", "noise")
	l = b.listen("bob")
	if v := l.next("membership"); v["state"] != "kicked" || v["reason"] != "noise" || v["role"] != "none" {
		t.Errorf("%v", v)
	}
	l.close()
}

func TestBadInputAboutGroups(t *testing.T) {
	b := newBench(t)
	b.cell.AddGroup("tea", b.alice)
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no group", []string{"group", "nope"}, exitRefused, "there is no group nope"},
		{"a group without a name", []string{"group", "#"}, exitRefused, "empty"},
		{"a name that cannot be", []string{"group", "a b@c@d"}, exitRefused, "cannot be the name"},
		{"no setting", []string{"group-set", "tea"}, exitUsage, "SETTING"},
		{"an unknown setting", []string{"group-set", "tea", "colour=red"}, exitUsage, "there is no setting"},
		{"a wrong value", []string{"group-set", "tea", "join=maybe"}, exitUsage, "open, approval, invite"},
		{"create without a name", []string{"group-create"}, exitUsage, "NAME"},
		{"a taken name", []string{"group-create", "tea"}, exitRefused, "NAME_TAKEN"},
		{"nobody to invite", []string{"invite", "tea"}, exitUsage, "GROUP and WHO"},
		{"a stranger", []string{"invite", "tea", "nobody"}, exitRefused, "no user nobody"},
		{"a nickname of nobody", []string{"kick", "tea", "@nobody"}, exitRefused, "nobody in the group is called"},
		{"an unknown role", []string{"role", "tea", "bob", "king"}, exitUsage, "none, outcast, visitor"},
		{"a role one cannot give", []string{"role", "tea", "bob", "invited"}, exitUsage, "none, outcast, visitor"},
		{"a mute without sense", []string{"mute", "tea", "bob", "--for", "soon"}, exitUsage, "10m, 24h or forever"},
		{"two to hand over to", []string{"transfer", "tea", "bob", "carol"}, exitUsage, "GROUP and WHO"},
		{"no number", []string{"retract", "tea", "first"}, exitUsage, "number of a message"},
		{"number zero", []string{"readers", "tea", "0"}, exitUsage, "number of a message"},
		{"a number with a tail", []string{"readers", "tea", "1x"}, exitUsage, "number of a message"},
		{"a mention of a user's", []string{"send", "bob", "hi", "--all"}, exitUsage, "for messages to a group"},
		{"the last owner", []string{"leave", "tea"}, exitOK, ""},
		{"not in it any more", []string{"send", "#tea", "hi"}, exitRefused, "NOT_MEMBER"},
	} {
		code, _, errs := b.cxx("alice", c.args...)
		if code != c.code || !strings.Contains(errs, c.says) || code != exitOK && strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit %d, want %d: %s", c.name, code, c.code, errs)
		}
	}
	b.cell.AddGroup("closed", b.alice)
	b.ok("alice", "group-set", "closed", "join=invite")
	if code, _, errs := b.cxx("bob", "join", "closed"); code != exitRefused || !strings.Contains(errs, "MEMBERS_ONLY") {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, errs := b.cxx("bob", "kick", "closed", "alice"); code != exitRefused || !strings.Contains(errs, "NOT_MEMBER") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestPlainGroupText(t *testing.T) {
	l := eventLine{Type: "group", Group: "g", Status: "\x1b[2Jevil\nname has joined"}
	if got := l.human(); got != "g: [2Jevil name has joined" {
		t.Errorf("%q", got)
	}
}
