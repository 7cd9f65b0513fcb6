package auth

import (
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
)

func TestPreparePassword(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{goodPassword, goodPassword},
		{"Tr0ub4dor&3", "Tr0ub4dor&3"},
		{"пароль на завтра", "пароль на завтра"},
		{"correct\u00a0horse\u3000battery", "correct horse battery"}, // spaces become one kind
		{"cafe\u0301 au lait", "café au lait"},
		{strings.Repeat("ab1", 341) + "x", strings.Repeat("ab1", 341) + "x"}, // 1024 bytes
		{"🐎🔋📎✅", "🐎🔋📎✅"},
		{"summer in the city", "summer in the city"},
		{"mysummer2024house", "mysummer2024house"},
	} {
		got, err := PreparePassword(alice, c.in)
		if err != nil || got != c.want {
			t.Errorf("PreparePassword(%q) = %q, %v", c.in, got, err)
		}
	}
}

func TestPreparePasswordRefuses(t *testing.T) {
	long := im.Addr{Local: "maximilian", Domain: "example.org"}
	for _, c := range []struct {
		addr     im.Addr
		in, says string
	}{
		{alice, "", "characters"},
		{alice, "short7!", "too short"},
		{alice, strings.Repeat("ab1", 342), "longer than"},
		{alice, strings.Repeat("ab1", 5000), "longer than"},
		{alice, "tab\tin the middle", "characters"},
		{alice, "bad\xffutf-8 here", "characters"},
		{alice, "ｐａｓｓｐｈｒａｓｅ", "different ways"},
		{alice, "ﬁne passphrase", "different ways"},
		{alice, "password", "tries first"},
		{alice, "PassWord", "tries first"},
		{alice, "iloveyou", "tries first"},
		{alice, "Password2027!", "common password with digits"},
		{alice, "dragon99!", "common password with digits"},
		{alice, "zzzzzzzzzz", "repeats"},
		{alice, "abababab", "repeats"},
		{alice, "zzzzzzzzzx", "repeats"},
		{alice, "aaaaaaaaaaaaaaaaaaa", "repeats"},
		{alice, "efghijkl", "follow each other"},
		{alice, "LKJHGFDSA", "follow each other"},
		{alice, "23456789", "follow each other"},
		{alice, "poiuytrewq", "follow each other"},
		{alice, "alice@example.org", "name of the account"},
		{alice, "alice1999", "name of the account"},
		{alice, "example.org", "name of the account"},
		{long, "Maximilian", "name of the account"},
		{long, "maximilian1!", "name of the account"},
	} {
		_, err := PreparePassword(c.addr, c.in)
		if im.CodeOf(err) != im.CodePasswordWeak || !strings.Contains(err.Error(), c.says) {
			t.Errorf("PreparePassword(%q): %v, want %q", c.in, err, c.says)
		}
		if err != nil && c.in != "" && c.in != "password" && strings.Contains(err.Error(), c.in) {
			t.Errorf("the sentence holds the password: %v", err)
		}
	}
}

func TestCommonPasswords(t *testing.T) {
	full := 0
	for w := range common {
		if strings.ToLower(w) != w {
			t.Errorf("%q is not in lower case", w)
		}
		if len(w) >= minPassword {
			full++
			if _, err := PreparePassword(alice, w); err == nil {
				t.Errorf("%q passes", w)
			}
		}
	}
	if full < 500 {
		t.Errorf("only %d passwords of %d characters or more", full, minPassword)
	}
}

func FuzzPreparePassword(f *testing.F) {
	for _, s := range []string{goodPassword, "password1!", "\xff", "ｐａｓｓ", "a\u0301", "        ", "\u200d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := PreparePassword(alice, s)
		if err != nil {
			if im.CodeOf(err) != im.CodePasswordWeak {
				t.Fatalf("code %v", im.CodeOf(err))
			}
			return
		}
		if again, err := PreparePassword(alice, p); err != nil || again != p {
			t.Fatalf("%+q gives %+q, then %+q, %v", s, p, again, err)
		}
		if login, err := prepare(s); err != nil || login != p {
			t.Fatalf("%+q is kept as %+q and compared as %+q, %v", s, p, login, err)
		}
	})
}
