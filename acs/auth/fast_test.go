package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

var channel = im.ChannelBinding{Exporter: []byte("exporter of 32 bytes"), ServerEnd: []byte("hash of the certificate")}

func xmppLogin(resource string) im.LoginDevice {
	d := login(0)
	d.Protocol, d.Resource = im.ProtocolXMPP, resource
	return d
}

// fasten is a fixture with alice, an XMPP device of hers, and its token.
func fasten(t testing.TB, mechanism string, edit ...func(*Config)) (f *fixture, acct im.Account, dev im.Device, token string) {
	t.Helper()
	f = newFixture(t, edit...)
	acct = f.user(alice)
	dev, _, err := f.Enroll(t.Context(), acct, xmppLogin("app/1"))
	if err != nil {
		t.Fatal(err)
	}
	token, _, err = f.FastToken(t.Context(), acct.ID, dev.ID, mechanism)
	if err != nil {
		t.Fatal(err)
	}
	return f, acct, dev, token
}

// htSay is the client's message.
func htSay(name, token, mechanism string) []byte {
	binding, _ := htBinding(mechanism, channel)
	return append([]byte(name+"\x00"), htMAC(token, "Initiator", binding)...)
}

func TestHTMessage(t *testing.T) {
	mac := strings.Repeat("m", sha256.Size)
	for _, c := range []struct {
		what, in string
		name     string
		ok       bool
	}{
		{"whole", "alice\x00" + mac, "alice", true},
		{"zero bytes in the MAC", "a\x00" + strings.Repeat("\x00", 32), "a", true},
		{"name of 255 bytes", strings.Repeat("n", 255) + "\x00" + mac, strings.Repeat("n", 255), true},
		{"empty", "", "", false},
		{"no zero byte", "alice", "", false},
		{"no name", "\x00" + mac, "", false},
		{"MAC too short", "alice\x00" + mac[1:], "", false},
		{"MAC too long", "alice\x00" + mac + "m", "", false},
		{"name is no UTF-8", "al\xffice\x00" + mac, "", false},
		{"endless name", strings.Repeat("n", 5000) + "\x00" + mac, "", false},
	} {
		m, err := parseHT([]byte(c.in))
		if (err == nil) != c.ok || m.name != c.name || c.ok && len(m.mac) != sha256.Size {
			t.Errorf("%s: %+v, %v", c.what, m, err)
		}
	}
}

// The values were computed apart from this code, with Python's hmac.
func TestHTMAC(t *testing.T) {
	for _, c := range []struct{ who, binding, want string }{
		{"Initiator", "", "080d9fa917c6da67702df4ff5090d8693b5f8c838c832d6f3662b6822cc7a6b9"},
		{"Responder", "bind", "a061f0663a830ac07fc2ae6822812ecaa4ef2a86cf7651bdfc6f48e707c5da07"},
	} {
		if got := hex.EncodeToString(htMAC("secret", c.who, []byte(c.binding))); got != c.want {
			t.Errorf("%s %q: %s", c.who, c.binding, got)
		}
	}
}

func TestFastMechanisms(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		cb   im.ChannelBinding
		want string
	}{
		{channel, "HT-SHA-256-EXPR HT-SHA-256-ENDP HT-SHA-256-NONE"},
		{im.ChannelBinding{ServerEnd: []byte("x")}, "HT-SHA-256-ENDP HT-SHA-256-NONE"},
		{im.ChannelBinding{}, "HT-SHA-256-NONE"},
	} {
		if got := strings.Join(f.FastMechanisms(c.cb), " "); got != c.want {
			t.Errorf("%+v: %s", c.cb, got)
		}
	}
}

func TestFastLogsIn(t *testing.T) {
	for _, mechanism := range []string{htExporter, htServerEnd, htNone} {
		t.Run(mechanism, func(t *testing.T) {
			f, acct, dev, token := fasten(t, mechanism)
			if raw, err := tokenEncoding.DecodeString(token); err != nil || len(raw) != sha256.Size {
				t.Fatalf("token %q: %v", token, err)
			}
			f.pass(time.Hour)
			ops := f.store.count()
			d := xmppLogin("")
			d.ClientVersion = "2"
			got, err := f.Fast(t.Context(), mechanism, "example.org", htSay("alice", token, mechanism), channel, d)
			if err != nil {
				t.Fatal(err)
			}
			if n := f.store.count() - ops; n != 2 {
				t.Errorf("the login cost %d store operations", n)
			}
			if got.Account.ID != acct.ID || got.Account.Verifiers != nil || got.Device.ID != dev.ID || got.Device.Resource != "app/1" {
				t.Errorf("logged in %v as %+v", got.Account.ID, got.Device)
			}
			if got.Device.Epoch != dev.Epoch+1 || !got.Device.LastLogin.Equal(f.now()) || got.Device.ClientVersion != "2" {
				t.Errorf("record %+v", got.Device)
			}
			if got.Device.TokenHash != nil || got.Device.PrevHash != nil {
				t.Error("hashes leave the package")
			}
			if binding, _ := htBinding(mechanism, channel); !bytes.Equal(got.Proof, htMAC(token, "Responder", binding)) {
				t.Error("the proof is wrong")
			}
			if got.Renewed {
				t.Error("a fresh token was renewed")
			}
			if n := f.metric("cxx_auth_logins_total", mechanism, "ok"); n != 1 {
				t.Errorf("%v logins counted", n)
			}
			if strings.Contains(f.log.String(), token) {
				t.Error("the token reached the log")
			}
		})
	}
}

// fastUse is one step of a token's life: wait, then come with the token that
// step i gave.
type fastUse struct {
	after    time.Duration
	token    int // 0 is the token of the enrolment, n what step n gave
	ask, end bool
	want     im.ErrorCode
	renewed  bool
}

// XEP-0484 sections 3.5 and 3.6, and the lifetimes of contract section 4.
func TestFastTokenLives(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		what    string
		uses    []fastUse
		revoked bool
	}{
		{"used again and again", []fastUse{{0, 0, false, false, 0, false}, {day, 0, false, false, 0, false}, {day, 0, false, false, 0, false}}, false},
		{"renewed when old", []fastUse{{8 * day, 0, false, false, 0, true}, {day, 1, false, false, 0, false}, {8 * day, 1, false, false, 0, true}, {day, 3, false, false, 0, false}}, false},
		{"renewed on request", []fastUse{{0, 0, true, false, 0, true}, {0, 1, false, false, 0, false}}, false},
		{"the new one never arrived", []fastUse{{0, 0, true, false, 0, true}, {5 * day, 0, false, false, 0, true}, {day, 2, false, false, 0, false}}, false},
		{"what never arrived is void", []fastUse{{0, 0, true, false, 0, true}, {day, 0, false, false, 0, true}, {0, 1, false, false, im.CodeTokenInvalid, false}, {0, 2, false, false, 0, false}}, false},
		{"two logins cross", []fastUse{{0, 0, true, false, 0, true}, {0, 1, false, false, 0, false}, {time.Minute, 0, false, false, im.CodeTokenInvalid, false}, {0, 1, false, false, 0, false}}, false},
		{"replaced one comes back", []fastUse{{0, 0, true, false, 0, true}, {0, 1, false, false, 0, false}, {61 * time.Second, 0, false, false, im.CodeRevoked, false}, {0, 1, false, false, im.CodeRevoked, false}}, true},
		{"ended", []fastUse{{0, 0, false, true, 0, false}, {0, 0, false, false, im.CodeTokenInvalid, false}}, false},
		{"ended when old: no new one", []fastUse{{8 * day, 0, false, true, 0, false}, {0, 0, false, false, im.CodeTokenInvalid, false}}, false},
		{"ended, and a new one asked for", []fastUse{{0, 0, true, true, 0, true}, {0, 0, false, false, im.CodeTokenInvalid, false}, {0, 1, false, false, 0, false}}, false},
		{"idle too long", []fastUse{{29 * day, 0, false, false, 0, true}, {31 * day, 1, false, false, im.CodeRevoked, false}}, false},
		{"kept alive until the absolute end", []fastUse{{29 * day, 0, false, false, 0, true}, {29 * day, 1, false, false, 0, false}, {29 * day, 1, false, false, 0, true}, {29 * day, 3, false, false, 0, false}, {29 * day, 3, false, false, 0, true}, {29 * day, 5, false, false, 0, false}, {29 * day, 5, false, false, im.CodeRevoked, false}}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			f, acct, dev, token := fasten(t, htExporter)
			tokens := []string{token}
			for i, u := range c.uses {
				f.pass(u.after)
				d := xmppLogin("")
				d.NewToken, d.EndToken = u.ask, u.end
				got, err := f.Fast(t.Context(), htExporter, "example.org", htSay("alice", tokens[u.token], htExporter), channel, d)
				if code := im.CodeOf(err); code != u.want || got.Renewed != u.renewed {
					t.Fatalf("use %d: %v (%v), renewed %v", i+1, code, err, got.Renewed)
				}
				next, expires, err := f.FastToken(t.Context(), acct.ID, dev.ID, htExporter)
				if err == nil && !expires.After(f.now()) && u.want == 0 {
					t.Fatalf("use %d: expires %v", i+1, expires)
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

// Wrong tokens, devices and users all look the same (contract section 4), and a
// token is good for its mechanism and device only (XEP-0484 section 3.4).
func TestFastRefusals(t *testing.T) {
	f, acct, _, token := fasten(t, htExporter)
	bob := f.user(im.Addr{Local: "bob", Domain: "example.org"})
	bobs, _, err := f.Enroll(t.Context(), bob, xmppLogin("app/1"))
	if err != nil {
		t.Fatal(err)
	}
	bobToken, _, err := f.FastToken(t.Context(), bob.ID, bobs.ID, htExporter)
	if err != nil {
		t.Fatal(err)
	}
	phone, cxt, err := f.Enroll(t.Context(), acct, login(0))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = f.FastToken(t.Context(), acct.ID, phone.ID, htExporter)
	wantCode(t, err, im.CodeTokenInvalid)
	other := im.ChannelBinding{Exporter: []byte("another connection"), ServerEnd: []byte("another server")}
	var sentence string
	for _, c := range []struct {
		what      string
		mechanism string
		message   []byte
		cb        im.ChannelBinding
	}{
		{"unknown user", htExporter, htSay("nobody", token, htExporter), channel},
		{"impossible user", htExporter, htSay("no body", token, htExporter), channel},
		{"user of another domain", htExporter, htSay("alice@example.net", token, htExporter), channel},
		{"token of another user", htExporter, htSay("alice", bobToken, htExporter), channel},
		{"token of a C-XX device", htExporter, htSay("alice", cxt, htExporter), channel},
		{"empty token", htExporter, htSay("alice", "", htExporter), channel},
		{"other channel", htExporter, htSay("alice", token, htExporter), other},
		{"weaker mechanism", htNone, htSay("alice", token, htNone), channel},
		{"other mechanism", htServerEnd, htSay("alice", token, htServerEnd), channel},
	} {
		_, err := f.Fast(t.Context(), c.mechanism, "example.org", c.message, c.cb, xmppLogin(""))
		if im.CodeOf(err) != im.CodeTokenInvalid {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if sentence == "" {
			sentence = err.Error()
		}
		if err.Error() != sentence {
			t.Errorf("%s: says %q", c.what, err)
		}
		f.throttle.right(alice)
	}
	for _, c := range []struct {
		what      string
		mechanism string
		domain    string
		message   []byte
		cb        im.ChannelBinding
		want      im.ErrorCode
	}{
		{"no TLS, no binding", htExporter, "example.org", htSay("alice", token, htExporter), im.ChannelBinding{}, im.CodeMechanism},
		{"unknown mechanism", "HT-SHA-512-EXPR", "example.org", htSay("alice", token, htExporter), channel, im.CodeMechanism},
		{"foreign domain", htExporter, "elsewhere.example", htSay("alice", token, htExporter), channel, im.CodeInvalid},
		{"nonsense", htExporter, "example.org", []byte("alice"), channel, im.CodeMalformed},
	} {
		_, err := f.Fast(t.Context(), c.mechanism, c.domain, c.message, c.cb, xmppLogin(""))
		if im.CodeOf(err) != c.want {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if _, err := f.Fast(t.Context(), htExporter, "example.org", htSay("alice", token, htExporter), channel, xmppLogin("")); err != nil {
		t.Errorf("the good token afterwards: %v", err)
	}
}

func TestFastCostsTheSameForUnknownUsers(t *testing.T) {
	f, _, _, token := fasten(t, htExporter)
	cost := func(name string) int {
		before := f.store.count()
		_, err := f.Fast(t.Context(), htExporter, "example.org", htSay(name, token+"x", htExporter), channel, xmppLogin(""))
		wantCode(t, err, im.CodeTokenInvalid)
		return f.store.count() - before
	}
	if known, unknown := cost("alice"), cost("nobody"); known != unknown {
		t.Errorf("a known user costs %d operations, an unknown one %d", known, unknown)
	}
}

// A wrong token counts like a wrong password, for known and unknown users; a
// good one gets in all the same (contract section 3).
func TestFastGuessesCount(t *testing.T) {
	f, _, _, token := fasten(t, htExporter, func(c *Config) { c.FailedHold = 0 })
	for _, name := range []string{"alice", "nobody"} {
		codes := map[im.ErrorCode]int{}
		for range f.cfg.FailedFree + 4 {
			d := xmppLogin("")
			d.Remote = netip.AddrPort{} // only the account is looked at here
			_, err := f.Fast(t.Context(), htExporter, "example.org", htSay(name, "guess", htExporter), channel, d)
			codes[im.CodeOf(err)]++
		}
		if codes[im.CodeAuthBusy] == 0 || codes[im.CodeTokenInvalid] < f.cfg.FailedFree {
			t.Errorf("%s: %v", name, codes)
		}
	}
	if _, err := f.Fast(t.Context(), htExporter, "example.org", htSay("alice", token, htExporter), channel, xmppLogin("")); err != nil {
		t.Errorf("the good token: %v", err)
	}
}

func TestFastOfDisabledAndRevoked(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(f *fixture, a *im.Account, d *im.Device)
		want im.ErrorCode
	}{
		{"account disabled", func(_ *fixture, a *im.Account, _ *im.Device) { a.Disabled = true }, im.CodeDisabled},
		{"sessions revoked", func(f *fixture, a *im.Account, _ *im.Device) { a.RevokedAt = f.now().Add(-time.Millisecond) }, im.CodeRevoked},
		{"device replaced by an eleventh", func(_ *fixture, _ *im.Account, d *im.Device) { d.Revoked = true }, im.CodeRevoked},
		{"device logged out", func(_ *fixture, _ *im.Account, d *im.Device) { d.Revoked = true; clearTokens(d) }, im.CodeTokenInvalid},
		{"token taken by a new password", func(_ *fixture, _ *im.Account, d *im.Device) { clearTokens(d) }, im.CodeTokenInvalid},
	} {
		t.Run(c.what, func(t *testing.T) {
			f, acct, dev, token := fasten(t, htExporter)
			f.pass(5 * time.Second)
			f.store.edit(acct.ID, func(a *im.Account) {
				d := f.store.devices[acct.ID][dev.ID]
				c.edit(f, a, &d)
				f.store.devices[acct.ID][dev.ID] = d
			})
			_, err := f.Fast(t.Context(), htExporter, "example.org", htSay("alice", token, htExporter), channel, xmppLogin(""))
			wantCode(t, err, c.want)
		})
	}
}

// A login by password replaces the token (XEP-0484 section 3.3).
func TestEnrollReplacesFastToken(t *testing.T) {
	f, acct, dev, token := fasten(t, htNone)
	again, _, err := f.Enroll(t.Context(), acct, xmppLogin("app/1"))
	if err != nil || again.ID != dev.ID {
		t.Fatalf("the device was not found again: %v, %v", again.ID, err)
	}
	_, err = f.Fast(t.Context(), htNone, "example.org", htSay("alice", token, htNone), channel, xmppLogin(""))
	wantCode(t, err, im.CodeTokenInvalid)
}

// Who may resume a session keeps its epoch, or the session would be fenced; a
// new one after all has a higher one (XEP-0198 section 5, contract clause 1.11).
func TestFastLater(t *testing.T) {
	f, acct, dev, token := fasten(t, htNone)
	f.pass(time.Hour)
	d := xmppLogin("")
	d.Later = true
	got, err := f.Fast(t.Context(), htNone, "example.org", htSay("alice", token, htNone), channel, d)
	if err != nil || got.Device.Epoch != dev.Epoch || !got.Device.LastLogin.Equal(f.now()) {
		t.Fatalf("%+v, %v", got.Device, err)
	}
	begun, err := f.Begin(t.Context(), acct.ID, dev.ID)
	if err != nil || begun.Epoch != dev.Epoch+1 || begun.TokenHash != nil {
		t.Errorf("%+v, %v", begun, err)
	}
	_, err = f.Begin(t.Context(), acct.ID, dev.ID+1)
	wantCode(t, err, im.CodeTokenInvalid)
	if _, err := f.SetPassword(t.Context(), acct.ID, goodPassword+"!", true); err != nil {
		t.Fatal(err)
	}
	_, err = f.Begin(t.Context(), acct.ID, dev.ID)
	wantCode(t, err, im.CodeRevoked)
}

func TestFastStorageFails(t *testing.T) {
	f, acct, dev, token := fasten(t, htNone)
	f.store.breakWith(im.Errorf(im.CodeZoneUnavailable, "down"))
	_, err := f.Fast(t.Context(), htNone, "example.org", htSay("alice", token, htNone), channel, xmppLogin(""))
	wantCode(t, err, im.CodeZoneUnavailable)
	_, _, err = f.FastToken(t.Context(), acct.ID, dev.ID, htNone)
	wantCode(t, err, im.CodeZoneUnavailable)
	f.store.breakWith(errors.New("odd"))
	_, err = f.Fast(t.Context(), htNone, "example.org", htSay("alice", token, htNone), channel, xmppLogin(""))
	wantCode(t, err, im.CodeInternal)
}

// Devices whose client picks a new resource at each login push out others only
// beyond the limit, the one unused for longest first.
func TestRandomResourcesPushNobodyOut(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	phone, _, err := f.Enroll(t.Context(), acct, login(0))
	if err != nil {
		t.Fatal(err)
	}
	var oldest im.Device
	for i := range f.cfg.DeviceLimit - 1 {
		f.pass(time.Minute)
		d, _, err := f.Enroll(t.Context(), acct, xmppLogin("random-"+string(rune('a'+i))))
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 { // the first comes again below
			oldest = d
		}
	}
	if len(f.kicked()) != 0 {
		t.Fatalf("kicked below the limit: %+v", f.kicked())
	}
	if _, _, err := f.Enroll(t.Context(), acct, xmppLogin("random-a")); err != nil || len(f.kicked()) != 0 {
		t.Fatalf("a known resource: %v, kicked %+v", err, f.kicked())
	}
	if _, _, err := f.Enroll(t.Context(), acct, xmppLogin("one-more")); err != nil {
		t.Fatal(err)
	}
	if k := f.kicked(); len(k) != 1 || k[0].Device != oldest.ID {
		t.Errorf("kicked %+v, want the XMPP device unused for longest and not the phone %s", k, phone.ID)
	}
}

func TestUnregister(t *testing.T) {
	f, acct, _, token := fasten(t, htNone)
	if err := f.Unregister(t.Context(), acct.ID); err != nil {
		t.Fatal(err)
	}
	if k := f.kicked(); !slices.Equal(k, []im.Kick{{User: acct.ID, Code: im.CodeDisabled}}) {
		t.Errorf("kicks: %+v", k)
	}
	_, err := f.CheckPassword(t.Context(), alice, goodPassword, here)
	wantCode(t, err, im.CodeBadCredentials)
	_, err = f.Fast(t.Context(), htNone, "example.org", htSay("alice", token, htNone), channel, xmppLogin(""))
	wantCode(t, err, im.CodeTokenInvalid)
	_, err = f.CreateAccount(t.Context(), alice, goodPassword)
	wantCode(t, err, im.CodeNameTaken)
	wantCode(t, f.Unregister(t.Context(), acct.ID+1), im.CodeNotFound)
}

func FuzzHTMessage(f *testing.F) {
	f.Add([]byte("alice\x00" + strings.Repeat("m", 32)))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := parseHT(in)
		if err == nil && !bytes.Equal(append([]byte(m.name+"\x00"), m.mac...), in) {
			t.Fatalf("%q reads as %+v", in, m)
		}
	})
}
