package im

import (
	"strings"
	"testing"
)

func TestParseAddr(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		// RFC 7622 section 3.5, table 1.
		{"juliet@example.com", "juliet@example.com"},
		{"juliet@example.com/foo", "juliet@example.com/foo"},
		{"juliet@example.com/foo bar", "juliet@example.com/foo bar"},
		{"juliet@example.com/foo@bar", "juliet@example.com/foo@bar"},
		{`foo\20bar@example.com`, `foo\20bar@example.com`},
		{"fussball@example.com", "fussball@example.com"},
		{"π@example.com", "π@example.com"},
		{"Σ@example.com/foo", "σ@example.com/foo"},
		{"king@example.com/♚", "king@example.com/♚"},
		{"example.com", "example.com"},
		{"example.com/foobar", "example.com/foobar"},
		{"a.example.com/b@example.net", "a.example.com/b@example.net"},

		// Case, width, composition.
		{"Alice@EXAMPLE.com", "alice@example.com"},
		{"ＡＢＣ@example.com", "abc@example.com"},
		{"Å@example.com", "å@example.com"},
		{"a\u0300@example.com", "à@example.com"},
		{"İstanbul@example.com", "i\u0307stanbul@example.com"},
		{"пётр@пример.рф", "пётр@пример.рф"},
		{"用户@例子.测试", "用户@例子.测试"},

		// Domains.
		{"a@example.com.", "a@example.com"},
		{"a@ex。ample", "a@ex.ample"},
		{"a@example。", "a@example"},
		{"a@１.com", "a@1.com"},
		{"a@xn--fuball-cta.de", "a@fußball.de"},
		{"a@XN--FUBALL-CTA.de", "a@fußball.de"},
		{"a@localhost", "a@localhost"},
		{"a@127.0.0.1", "a@127.0.0.1"},
		{"a@[::1]", "a@[::1]"},
		{"a@[0:0:0:0:0:0:0:1]", "a@[::1]"},
		{"a@[2001:DB8::A]", "a@[2001:db8::a]"},

		// Resources keep their case and width; other spaces become U+0020.
		{"a@b/Phone", "a@b/Phone"},
		{"a@b/Ｆ", "a@b/Ｆ"},
		{"a@b/x\u00a0y", "a@b/x y"},
		{"a@b/e\u0301", "a@b/é"},
		{"a@b/c/d", "a@b/c/d"},
		{"a@b/ ", "a@b/ "},
		{strings.Repeat("a", 1023) + "@b/" + strings.Repeat("r", 1023), strings.Repeat("a", 1023) + "@b/" + strings.Repeat("r", 1023)},
	} {
		a, err := ParseAddr(c.in)
		if err != nil {
			t.Errorf("ParseAddr(%+q): %v", c.in, err)
			continue
		}
		if a.String() != c.want {
			t.Errorf("ParseAddr(%+q) = %+q, want %+q", c.in, a.String(), c.want)
		}
		if again, err := ParseAddr(a.String()); err != nil || again != a {
			t.Errorf("ParseAddr(%+q) again gives %+q, %v", c.in, again.String(), err)
		}
	}
}

func TestParseAddrRefuses(t *testing.T) {
	for _, c := range []struct{ in, why string }{
		// RFC 7622 section 3.5, table 2.
		{`"juliet"@example.com`, "quotation marks"},
		{"foo bar@example.com", "space in the localpart"},
		{"@example.com/", "empty localpart and resource"},
		{"henryⅣ@example.com", "U+2163 has a compatibility form"},
		{"♚@example.com", "a symbol in the localpart"},
		{"juliet@", "no domain"},
		{"/foobar", "no domain"},

		{"", "nothing"},
		{"@b", "empty localpart"},
		{"a@b/", "empty resource"},
		{"a@b@c", "two @ before the /"},
		{"a:b@c", "colon"},
		{"a&b@c", "ampersand"},
		{"a'b@c", "apostrophe"},
		{"<a>@c", "angle brackets"},

		// Stringprep reads these differently: one person, two names.
		{"fußball@example.com", "folds to fussball"},
		{"ς@example.com", "folds to σ"},
		{"λόγος@example.com", "final sigma folds to σ"},
		{"ᾳ@example.com", "folds to αι"},
		{"क्\u200dष@example.com", "stringprep drops joiners"},
		{"Ꭰ@example.com", "stringprep keeps the capital"},
		{"Ⴀ@example.com", "stringprep keeps the capital"},

		{"a\u00ad@b", "soft hyphen"},
		{"ﬁ@b", "ligature"},
		{"ſ@b", "long s"},
		{"אab@b", "directions mixed"},
		{"\u0660\u06f0@b", "two kinds of Arabic digits"},
		{"a\x00@b", "control character"},
		{"a@b/\x07", "control character in the resource"},
		{"a@b/\u200dx", "joiner out of context"},
		{"\xff@b", "not UTF-8"},
		{"a@\xff", "not UTF-8"},
		{"a@b/\xff", "not UTF-8"},

		{"a@.", "no label"},
		{"a@a..b", "empty label"},
		{"a@com..", "empty label"},
		{"a@.com", "empty label"},
		{"a@-b", "hyphen in front"},
		{"a@b_c", "underscore"},
		{"a@b c", "space"},
		{"a@b:5222", "port"},
		{"a@xn--a", "no A-label"},
		{"a@" + strings.Repeat("x", 64), "label of 64"},
		{"a@" + strings.Repeat("xxxxxxx.", 40) + "com", "name of more than 253"},
		{"a@[::1", "bracket"},
		{"a@[]", "empty brackets"},
		{"a@[::1]]", "bracket"},
		{"a@[1.2.3.4]", "IPv4 in brackets"},
		{"a@[fe80::1%lo]", "zone"},
		{"a@::1", "IPv6 without brackets"},
		{strings.Repeat("a", 1024) + "@b", "localpart too long"},
		{"a@b/" + strings.Repeat("r", 1024), "resource too long"},
		{strings.Repeat("Ａ", 1024) + "@b", "localpart too long after folding"},
		{strings.Repeat("Ａ", 1<<20) + "@b", "localpart far too long"},
		{"a@" + strings.Repeat("x.", 1<<20), "domain far too long"},
		{"a@b/" + strings.Repeat("r", 1<<22), "resource far too long"},
	} {
		if a, err := ParseAddr(c.in); err == nil {
			t.Errorf("ParseAddr(%+q) = %+q, want an error: %s", c.in, a.String(), c.why)
		} else if CodeOf(err) != CodeInvalid {
			t.Errorf("ParseAddr(%+q): code %v, want INVALID", c.in, CodeOf(err))
		}
	}
}

func TestAddrParts(t *testing.T) {
	a := Addr{Local: "alice", Domain: "example.org", Resource: "phone"}
	if got := a.Bare().String(); got != "alice@example.org" {
		t.Errorf("Bare = %q", got)
	}
	if !(Addr{}).IsZero() || a.IsZero() {
		t.Error("IsZero is wrong")
	}
	if a.Slot() != a.Bare().Slot() || a.Slot() != SlotOf("example.org", "alice") {
		t.Error("the slot must depend on domain and localpart only")
	}
}

func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{
		"juliet@example.com/foo", "Σ@example.com", "a@ex。ample", "a@[::1]", "a@b/ x", "fußball@xn--fuball-cta.de",
		"İ@b", "a@com..", "\xff@\xff/\xff", "क्\u200dष@b", "Ꭰ@b", "ǅ@B", "a\u0345@b", "a@b/\u1680",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddr(s)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Fatalf("code %v", CodeOf(err))
			}
			return
		}
		again, err := ParseAddr(a.String())
		if err != nil || again != a {
			t.Fatalf("ParseAddr(%+q) = %+q; again: %+q, %v", s, a.String(), again.String(), err)
		}
		for _, part := range []string{a.Local, a.Domain, a.Resource} {
			if len(part) > maxPart {
				t.Fatalf("a part of %d bytes", len(part))
			}
		}
	})
}

func BenchmarkParseAddr(b *testing.B) {
	for _, s := range []string{"alice@example.org/phone", "пётр@example.org"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseAddr(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
