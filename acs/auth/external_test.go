package auth

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
)

func TestExternal(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	off := f.user(im.Addr{Local: "disabled", Domain: "example.org"})
	f.store.edit(off.ID, func(a *im.Account) { a.Disabled = true })
	for _, c := range []struct {
		what string
		addr im.Addr
		want im.ErrorCode
	}{
		{"own", alice, 0},
		{"with a resource", im.Addr{Local: "alice", Domain: "example.org", Resource: "x"}, 0},
		{"unknown", im.Addr{Local: "mallory", Domain: "example.org"}, im.CodeBadCredentials},
		{"same name elsewhere", im.Addr{Local: "alice", Domain: "example.net"}, im.CodeBadCredentials},
		{"no account's address", im.Addr{Domain: "example.org"}, im.CodeBadCredentials},
		{"disabled", off.Addr, im.CodeDisabled},
	} {
		got, err := f.External(t.Context(), c.addr, here)
		if im.CodeOf(err) != c.want || c.want == 0 && got.ID != acct.ID || c.want != 0 && got.ID != 0 || got.Verifiers != nil {
			t.Errorf("%s: %+v, %v", c.what, got, err)
		}
	}
	for outcome, want := range map[string]float64{"ok": 2, "BAD_CREDENTIALS": 3, "DISABLED": 1} {
		if got := f.metric("cxx_auth_logins_total", "EXTERNAL", outcome); got != want {
			t.Errorf("%v logins came to %s, want %v", got, outcome, want)
		}
	}
	for _, want := range []string{"mechanism=EXTERNAL", "reason=DISABLED", "user=" + off.ID.String(), "remote=192.0.2.0/24"} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, f.log)
		}
	}
}

// The storage's own troubles are none of the client's.
func TestExternalStorageFails(t *testing.T) {
	f := newFixture(t)
	f.user(alice)
	f.store.fail = errors.New("disk on fire")
	_, err := f.External(t.Context(), alice, here)
	wantCode(t, err, im.CodeInternal)
	if strings.Contains(asError(err).Detail, "fire") {
		t.Errorf("the client is told %v", err)
	}
}

// Who guesses passwords does not keep out whoever has a certificate.
func TestExternalIsNotThrottled(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.FailedHold, c.FailedSource = 0, 6 })
	f.user(alice)
	for range 6 {
		_, _ = f.CheckPassword(t.Context(), alice, "wrong", here)
	}
	_, err := f.CheckPassword(t.Context(), alice, goodPassword, here)
	wantCode(t, err, im.CodeAuthBusy)
	if _, err := f.External(t.Context(), alice, here); err != nil {
		t.Error(err)
	}
	if _, err := f.External(t.Context(), alice, netip.Addr{}); err != nil {
		t.Error(err)
	}
}
