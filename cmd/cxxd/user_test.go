package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Accounts that cannot be made, on a server that runs and on one that does not:
// the words are the same, and who is there stays.
func TestBadAccounts(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"stopped", "running"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			addUser(t, dir, "alice@localhost")
			var s *server
			if how == "running" {
				s = start(t, serveArgs(dir))
			}
			for _, c := range []struct {
				name, verb, addr, password string
				says                       []string
			}{
				{"taken", "add", "alice@localhost", goodPassword, []string{"NAME_TAKEN", "alice@localhost", "choose another"}},
				{"taken in other letters", "add", "ALICE@localhost", goodPassword, []string{"NAME_TAKEN", "choose another"}},
				{"empty password", "add", "bob@localhost", "", []string{"first line of the password file", "is empty"}},
				{"password in the second line", "add", "bob@localhost", "\n" + goodPassword, []string{"first line of the password file", "is empty"}},
				{"short password", "add", "bob@localhost", "short", []string{"PASSWORD_WEAK", "too short", "8 characters"}},
				{"common password", "add", "bob@localhost", "password123", []string{"PASSWORD_WEAK", "too easy to guess", "choose another"}},
				{"no domain", "add", "bob", goodPassword, []string{`"bob"`, "name@domain"}},
				{"a resource", "add", "bob@localhost/phone", goodPassword, []string{"name@domain"}},
				{"bad name", "add", "bo b@localhost", goodPassword, []string{`"bo b"`, "characters that a user name cannot have"}},
				{"foreign domain", "add", "bob@elsewhere.net", goodPassword, []string{`"elsewhere.net"`, "not hosted here"}},
				{"nobody's password", "passwd", "nobody@localhost", goodPassword, []string{"NOT_FOUND", "no such user"}},
				{"weak new password", "passwd", "alice@localhost", "short", []string{"PASSWORD_WEAK", "8 characters"}},
			} {
				r := cxxd(t, []string{"user", c.verb, c.addr, "--password-file", "-", "--data", dir}, stdin(c.password))
				refused(t, r, c.says...)
				if c.password != "" && c.password != "short" && strings.Contains(r.out+r.err, c.password) {
					t.Errorf("%s: the password is shown: %s%s", c.name, r.out, r.err)
				}
			}
			for _, verb := range []string{"disable", "enable", "devices", "revoke"} {
				refused(t, cxxd(t, []string{"user", verb, "nobody@localhost", "--data", dir}), "no such user")
			}
			refused(t, cxxd(t, []string{"user", "revoke", "alice@localhost", "7", "--data", dir}), "no such device")
			refused(t, cxxd(t, []string{"user", "revoke", "alice@localhost", "phone", "--data", dir}), `"phone" is not the number of a device`, "cxxd user devices")
			if got := users(t, dir); got != "alice@localhost" {
				t.Errorf("the users are %q", got)
			}
			if s != nil {
				s.stop()
			}
		})
	}
}

const badImport = "addr,password\n" +
	"ann@localhost,a few unrelated words\n" + // 2
	"just a line\n" + // 3
	"ben@localhost,short\n" + // 4
	"alice@localhost,a few unrelated words\n" + // 5
	"\"cyn@localhost,a few unrelated words\n" + // 6: the quote is never closed
	"dan@localhost,\"with, comma and \"\"quotes\"\"\"\n" + // 7
	"eva@elsewhere.net,a few unrelated words\n" + // 8
	"fay@localhost,too,many,fields\n" + // 9
	"\n" + // 10
	"\x1b[31mgus\x07@localhost,a few unrelated words\n" + // 11
	"hal@localhost,say \"friend\" and enter\n" + // 12
	"ida@localhost,a few unrelated words" // 13: no line break at the end

// The good lines of an import are made, each bad one is named with its number,
// and a second import after correction makes the rest.
func TestBadImport(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"stopped", "running"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			addUser(t, dir, "alice@localhost")
			var s *server
			if how == "running" {
				s = start(t, serveArgs(dir))
			}
			file := write(t, t.TempDir(), "users.csv", badImport)
			r := cxxd(t, []string{"user", "import", file, "--data", dir})
			refused(t, r, "8 lines made no account", "correct them and import again")
			if !strings.Contains(r.out, "3 accounts made, 8 lines refused") {
				t.Errorf("%s", r.out)
			}
			want := []string{
				"line 3: just a line: a line is addr,password; this one has 1 fields",
				"line 4: ben@localhost: the password is too short; use at least 8 characters (PASSWORD_WEAK)",
				"line 5: alice@localhost: the name alice@localhost is taken",
				"line 6: the quotes are not right",
				`line 8: eva@elsewhere.net: the domain "elsewhere.net" is not hosted here`,
				"line 9: fay@localhost: a line is addr,password; this one has 4 fields",
				`line 11: \x1b[31mgus\a@localhost: `,
				"line 12: the quotes are not right",
			}
			lines := strings.Split(r.err, "\n")
			for i, w := range want {
				if i >= len(lines) || !strings.HasPrefix(lines[i], w) {
					t.Errorf("%d: no line\n\t%s\nin\n%s", i, w, r.err)
				}
			}
			if strings.Contains(r.err, "\x1b") || strings.Contains(r.err, "unrelated") {
				t.Errorf("what it says is not safe to show: %q", r.err)
			}
			made := strings.Fields(users(t, dir))
			slices.Sort(made)
			if got := strings.Join(made, " "); got != "alice@localhost ann@localhost dan@localhost ida@localhost" {
				t.Errorf("the users are %q", got)
			}
			r = cxxd(t, []string{"user", "import", "-", "--data", dir}, stdin("ann@localhost,another good password\nben@localhost,a few unrelated words\n"))
			refused(t, r, "1 lines made no account")
			if !strings.Contains(r.out, "1 accounts made, 1 lines refused") || !strings.Contains(r.err, "line 1: ann@localhost: the name ann@localhost is taken") {
				t.Errorf("%+v", r)
			}
			r = cxxd(t, []string{"user", "import", "-", "--data", dir}, stdin(""))
			if r.code != 0 || !strings.Contains(r.out, "0 accounts made, 0 lines refused") {
				t.Errorf("an empty import: %+v", r)
			}
			if s != nil {
				s.stop()
			}
		})
	}
}
