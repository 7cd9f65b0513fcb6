package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Three people and a group on a real server, from its making to its end; and what
// they are told when they ask for something that they may not have.
func TestAGroupOnARealServer(t *testing.T) {
	n, dir := realServer(t, "bob", "carol")
	password := filepath.Join(dir, "pw")
	if err := os.WriteFile(password, []byte("a few unrelated words\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(as string, rest ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := (&app{in: strings.NewReader(""), out: &out, errs: &errs}).run(t.Context(), append([]string{
			"--nas", n.Addrs().NAS, "--ca", n.CA(), "--as", as + "@localhost", "--password-file", password, "--state", filepath.Join(dir, "state"),
		}, rest...))
		return code, out.String(), errs.String()
	}
	// Each line is who, what, and what he is told; "no" before that: by a refusal.
	for _, line := range [][]string{
		{"alice", "group-create tea join=approval --invite bob", "tea@conference.localhost"},
		{"no alice", "group-create tea", "NAME_TAKEN"},
		{"no carol", "send #tea hello", "NOT_MEMBER"},
		{"bob", "join tea --nick Bobby", "you are in tea@conference.localhost as Bobby"},
		{"carol", "join #tea --note please", "an admin has to let you in"},
		{"no bob", "admit tea carol", "FORBIDDEN"},
		{"alice", "admit tea carol", ""},
		{"no carol", "nick tea BOBBY", "NICK_TAKEN"},
		{"carol", "send #tea hello --mention @Bobby", "seq 6"},
		{"bob", "groups", "1 unread, 1 for you"},
		{"bob", "history #tea", "carol: hello"},
		{"bob", "read tea@conference.localhost", ""},
		{"bob", "groups", "0 unread"},
		{"alice", "readers tea 6", "read by 1 of 2"},
		{"no bob", "group-set tea join=open", "FORBIDDEN"},
		{"alice", "group-set tea subject=Assam speak=members history=yes", ""},
		{"carol", "group tea", "Assam"},
		{"alice", "mute tea @Bobby --for 10m", ""},
		{"no bob", "send #tea mmh", "MUTED"},
		{"alice", "unmute tea bob", ""},
		{"no bob", "retract tea 6", "FORBIDDEN"},
		{"carol", "retract tea 6", ""},
		{"bob", "history #tea", "(taken back)"},
		{"alice", "role tea bob admin", ""},
		{"bob", "kick tea carol --reason noise", ""},
		{"no carol", "history #tea", "NOT_MEMBER"},
		{"bob", "ban tea carol", ""},
		{"no carol", "join tea", "NOT_FOUND"},
		{"no alice", "leave tea", "LAST_OWNER"},
		{"alice", "transfer tea bob", ""},
		{"alice", "leave tea", ""},
		{"bob", "pin tea", ""},
		{"bob", "groups", "pinned"},
		{"bob", "dissolve tea", ""},
		{"no bob", "group tea", "NOT_FOUND"},
	} {
		as, want := line[0], exitOK
		if who, refused := strings.CutPrefix(as, "no "); refused {
			as, want = who, exitRefused
		}
		code, out, errs := run(as, strings.Fields(line[1])...)
		if code != want || !strings.Contains(out+errs, line[2]) {
			t.Fatalf("%s %s: exit %d, want %d with %q: %s%s", as, line[1], code, want, line[2], out, errs)
		}
		if strings.Contains(errs, "INTERNAL") {
			t.Errorf("%s %s: %s", as, line[1], errs)
		}
	}
}
