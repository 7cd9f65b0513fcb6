package auth

import (
	"crypto/sha256"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// enrolled is a fixture with alice and one device of hers.
func enrolled(t testing.TB, edit ...func(*Config)) (f *fixture, acct im.Account, dev im.Device, token string) {
	t.Helper()
	f = newFixture(t, edit...)
	acct = f.user(alice)
	dev, token, err := f.Enroll(t.Context(), acct, login(0))
	if err != nil {
		t.Fatal(err)
	}
	return f, acct, dev, token
}

func TestTokenRotates(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	for i := range 5 {
		f.pass(time.Hour)
		d := login(dev.ID)
		d.ClientVersion = "2"
		d.UDPPort = 7000
		d.Remote = netip.MustParseAddrPort("[::ffff:198.51.100.9]:5000")
		a, got, next, err := f.Token(t.Context(), acct.ID, token, d)
		if err != nil {
			t.Fatal(err)
		}
		if a.ID != acct.ID || a.Addr != alice || got.ID != dev.ID {
			t.Fatalf("logged in %v as %v", a.ID, got.ID)
		}
		if next == token || !strings.HasPrefix(next, "cxt_") {
			t.Fatalf("the token did not change")
		}
		if got.Epoch != dev.Epoch+uint64(i)+1 || !got.LastLogin.Equal(f.now()) || got.ClientVersion != "2" || got.IP != "198.51.100.9" || got.UDPPort != 7000 {
			t.Fatalf("record %+v", got)
		}
		if got.TokenHash != nil || got.PrevHash != nil {
			t.Fatal("hashes leave the package")
		}
		token = next
	}
	stored := f.store.device(acct.ID, dev.ID)
	if strings.Contains(string(stored.TokenHash), token) || len(stored.TokenHash) != sha256.Size {
		t.Error("the stored hash is no hash")
	}
	if got := f.metric("cxx_auth_logins_total", "CXX-TOKEN", "ok"); got != 5 {
		t.Errorf("%v logins counted", got)
	}
}

// One step of a token's life: wait, then come with the token that step i gave.
type use struct {
	after time.Duration
	token int // 0 is the token of the enrolment, n the one that use n gave
	want  im.ErrorCode
}

func TestTokenLives(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		what    string
		uses    []use
		revoked bool
	}{
		{"used in turn", []use{{0, 0, 0}, {0, 1, 0}, {day, 2, 0}}, false},
		{"answer lost, retried within the grace", []use{{0, 0, 0}, {30 * time.Second, 0, 0}, {time.Minute, 2, 0}, {0, 3, 0}}, false},
		{"retried at the end of the grace", []use{{0, 0, 0}, {60 * time.Second, 0, 0}}, false},
		{"old token after the grace", []use{{0, 0, 0}, {61 * time.Second, 0, im.CodeRevoked}, {0, 1, im.CodeRevoked}}, true},
		{"old token a second time", []use{{0, 0, 0}, {time.Second, 0, 0}, {time.Second, 0, im.CodeRevoked}, {0, 2, im.CodeRevoked}}, true},
		{"the missing successor turns up", []use{{0, 0, 0}, {time.Second, 0, 0}, {time.Second, 1, im.CodeRevoked}, {0, 2, im.CodeRevoked}}, true},
		{"successor used: the old one is no retry", []use{{0, 0, 0}, {0, 1, 0}, {time.Second, 0, im.CodeTokenInvalid}, {0, 2, 0}}, false},
		{"thief first, owner later", []use{{0, 0, 0}, {day, 1, 0}, {day, 1, im.CodeRevoked}}, true},
		{"idle too long", []use{{29 * day, 0, 0}, {31 * day, 1, im.CodeTokenInvalid}}, false},
		{"kept alive until the absolute end", []use{{29 * day, 0, 0}, {29 * day, 1, 0}, {29 * day, 2, 0}, {29 * day, 3, 0}, {29 * day, 4, 0}, {29 * day, 5, 0}, {29 * day, 6, im.CodeTokenInvalid}}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			f, acct, dev, token := enrolled(t)
			tokens := []string{token}
			for i, u := range c.uses {
				f.pass(u.after)
				_, _, next, err := f.Token(t.Context(), acct.ID, tokens[u.token], login(dev.ID))
				if got := im.CodeOf(err); got != u.want {
					t.Fatalf("use %d: %v (%v), want %v", i+1, got, err, u.want)
				}
				tokens = append(tokens, next)
			}
			if got := f.store.device(acct.ID, dev.ID); got.Revoked != c.revoked {
				t.Errorf("revoked is %v, want %v", got.Revoked, c.revoked)
			}
			if c.revoked != (len(f.kicked()) == 1) {
				t.Errorf("kicks: %+v", f.kicked())
			}
		})
	}
}

func TestTokenTheftIsToldToOthers(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	if _, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
		t.Fatal(err)
	}
	f.pass(time.Hour)
	_, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID))
	wantCode(t, err, im.CodeRevoked)
	epoch := f.store.device(acct.ID, dev.ID).Epoch
	if k := f.kicked(); len(k) != 1 || k[0] != (im.Kick{User: acct.ID, Device: dev.ID, Below: epoch + 1, Code: im.CodeRevoked}) {
		t.Errorf("kicks: %+v", k)
	}
	last := f.logged[len(f.logged)-1]
	if last.Kind != im.KindDevice || !last.Device.Revoked || last.Device.ID != dev.ID || last.Seq == 0 || last.Device.TokenHash != nil {
		t.Errorf("entry %+v", last)
	}
	if got := f.metric("cxx_auth_token_reuses_total"); got != 1 {
		t.Errorf("%v reuses counted", got)
	}
	log := f.log.String()
	if !strings.Contains(log, "device revoked after an old token of it was used again") || strings.Contains(log, token) || strings.Contains(log, token[4:]) {
		t.Errorf("the log:\n%s", log)
	}
	// The person logs in again by password and gets a device of a new name.
	again, _, err := f.Enroll(t.Context(), acct, login(dev.ID))
	if err != nil || again.ID == dev.ID {
		t.Errorf("enrolled %v again: %v", again.ID, err)
	}
}

func TestTokenRefusals(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	bob := f.user(im.Addr{Local: "bob", Domain: "example.org"})
	bobs, bobToken, err := f.Enroll(t.Context(), bob, login(0))
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := newToken()
	var sentence string
	for _, c := range []struct {
		what  string
		user  im.UserID
		dev   im.DeviceID
		token string
	}{
		{"empty", acct.ID, dev.ID, ""},
		{"without prefix", acct.ID, dev.ID, token[4:]},
		{"cut", acct.ID, dev.ID, token[:len(token)-1]},
		{"longer", acct.ID, dev.ID, token + "A"},
		{"never given", acct.ID, dev.ID, fresh},
		{"of another user", acct.ID, dev.ID, bobToken},
		{"of another device", bob.ID, bobs.ID, token},
		{"unknown device", acct.ID, dev.ID + 1, token},
		{"no device", acct.ID, 0, token},
		{"unknown user", acct.ID + 1, dev.ID, token},
		{"no user", 0, dev.ID, token},
	} {
		_, _, next, err := f.Token(t.Context(), c.user, c.token, login(c.dev))
		if im.CodeOf(err) != im.CodeTokenInvalid || next != "" {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if sentence == "" {
			sentence = err.Error()
		}
		if err.Error() != sentence {
			t.Errorf("%s: says %q", c.what, err)
		}
	}
	if _, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
		t.Errorf("the good token afterwards: %v", err)
	}
}

func TestTokenOfDisabledAndRevoked(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(f *fixture, a *im.Account)
		want im.ErrorCode
	}{
		{"disabled", func(_ *fixture, a *im.Account) { a.Disabled = true }, im.CodeDisabled},
		{"sessions revoked", func(f *fixture, a *im.Account) { a.RevokedAt = f.now().Add(-time.Millisecond) }, im.CodeRevoked},
	} {
		t.Run(c.what, func(t *testing.T) {
			f, acct, dev, token := enrolled(t)
			_, _, token, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)) // fills the cache
			if err != nil {
				t.Fatal(err)
			}
			f.pass(5 * time.Second)
			f.store.edit(acct.ID, func(a *im.Account) { c.edit(f, a) })
			_, _, _, err = f.Token(t.Context(), acct.ID, token, login(dev.ID))
			wantCode(t, err, c.want)
		})
	}
}

// A token that was rotated by a node which had not heard of a revocation yet
// must not outlive it.
func TestTokenRotatedUnawareOfRevocationIsVoid(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	_, _, token, err := f.Token(t.Context(), acct.ID, token, login(dev.ID))
	if err != nil {
		t.Fatal(err)
	}
	f.pass(time.Second)
	f.store.edit(acct.ID, func(a *im.Account) { a.RevokedAt = f.now() })
	f.pass(time.Second)
	_, _, token, err = f.Token(t.Context(), acct.ID, token, login(dev.ID))
	if err != nil {
		t.Fatalf("the account was remembered, so the token passes once more: %v", err)
	}
	f.pass(5 * time.Second)
	_, _, _, err = f.Token(t.Context(), acct.ID, token, login(dev.ID))
	wantCode(t, err, im.CodeRevoked)
}

func TestTokenCostsOneOperation(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	_, _, token, err := f.Token(t.Context(), acct.ID, token, login(dev.ID))
	if err != nil {
		t.Fatal(err)
	}
	before := f.store.count()
	if _, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
		t.Fatal(err)
	}
	if got := f.store.count() - before; got != 1 {
		t.Errorf("%d store operations, want 1", got)
	}
}

func TestTokenWithoutStorage(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	f.store.breakWith(im.Errorf(im.CodeUnknownOutcome, "no answer to the commit"))
	_, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID))
	wantCode(t, err, im.CodeUnknownOutcome)
}

func FuzzParseToken(f *testing.F) {
	good, _ := newToken()
	for _, s := range []string{good, good[4:], "cxt_", "cxt_" + strings.Repeat("A", 43), "cxt_" + strings.Repeat("-_", 21) + "B", good + "=", "cxt_\n" + good[5:]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, ok := parseToken(s)
		if !ok {
			if h != (tokenHash{}) {
				t.Fatal("a hash of nothing")
			}
			return
		}
		raw, err := tokenEncoding.DecodeString(s[len(tokenPrefix):])
		if err != nil || tokenPrefix+tokenEncoding.EncodeToString(raw) != s {
			t.Fatalf("%q is a second spelling of a token", s)
		}
	})
}
