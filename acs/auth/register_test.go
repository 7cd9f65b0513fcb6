package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

func TestRegister(t *testing.T) {
	bob := im.Addr{Local: "bob", Domain: "example.org"}
	for _, c := range []struct {
		what, mode       string
		addr             im.Addr
		password, invite string
		want             im.ErrorCode
	}{
		{"off", RegistrationOff, bob, goodPassword, "", im.CodeRegClosed},
		{"open", RegistrationEnabled, bob, goodPassword, "", 0},
		{"open, invited anyway", RegistrationEnabled, bob, goodPassword, "nonsense", 0},
		{"invited", RegistrationInvite, bob, goodPassword, "code", 0},
		{"not invited", RegistrationInvite, bob, goodPassword, "", im.CodeInviteInvalid},
		{"wrong invitation", RegistrationInvite, bob, goodPassword, "cod", im.CodeInviteInvalid},
		{"name taken", RegistrationEnabled, alice, goodPassword, "", im.CodeNameTaken},
		{"weak password", RegistrationEnabled, bob, "password", "", im.CodePasswordWeak},
		{"other domain", RegistrationEnabled, im.Addr{Local: "bob", Domain: "example.com"}, goodPassword, "", im.CodeInvalid},
		{"no name", RegistrationEnabled, im.Addr{Domain: "example.org"}, goodPassword, "", im.CodeInvalid},
		{"with resource", RegistrationEnabled, im.Addr{Local: "bob", Domain: "example.org", Resource: "x"}, goodPassword, "", im.CodeInvalid},
		{"not prepared", RegistrationEnabled, im.Addr{Local: "Bob", Domain: "example.org"}, goodPassword, "", im.CodeInvalid},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := newFixture(t, func(cfg *Config) { cfg.Registration = c.mode })
			f.user(alice)
			f.store.invites["code"] = 1
			u, err := f.Register(t.Context(), c.addr, c.password, c.invite, here)
			wantCode(t, err, c.want)
			if c.want != 0 {
				return
			}
			if err := f.try(t.Context(), c.addr.Local, c.password, netip.Addr{}); err != nil {
				t.Errorf("login of %v: %v", u, err)
			}
			if c.invite == "code" && f.store.invites["code"] != 0 {
				t.Error("the invitation was not used up")
			}
		})
	}
}

// A name that is taken costs no invitation.
func TestRegisterKeepsTheInvitation(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Registration = RegistrationInvite })
	f.user(alice)
	f.store.invites["code"] = 1
	_, err := f.Register(t.Context(), alice, goodPassword, "code", here)
	wantCode(t, err, im.CodeNameTaken)
	if f.store.invites["code"] != 1 {
		t.Error("the invitation is gone")
	}
}

func TestRegisterLimits(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Registration = RegistrationEnabled; c.RegistrationsPerNode = 5 })
	n := 0
	register := func(from string) error {
		n++
		_, err := f.Register(t.Context(), im.Addr{Local: fmt.Sprintf("new%d", n), Domain: "example.org"}, goodPassword, "", netip.MustParseAddr(from))
		return err
	}
	for range 3 {
		if err := register("192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	f.pass(10 * time.Minute)
	err := register("192.0.2.1")
	wantCode(t, err, im.CodeRateLimited)
	if got := retryAfter(err); got != 50*time.Minute {
		t.Errorf("retry after %v", got)
	}
	for range 2 {
		if err := register("192.0.2.2"); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, register("192.0.2.3"), im.CodeRateLimited) // the node's limit
	f.pass(50 * time.Minute)
	if err := register("192.0.2.1"); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

// Whoever asks for names that are taken is stopped, though no account is made.
func TestRegisterTriesAreLimited(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Registration = RegistrationEnabled })
	f.user(alice)
	for range registerTries {
		_, err := f.Register(t.Context(), alice, goodPassword, "", here)
		wantCode(t, err, im.CodeNameTaken)
	}
	_, err := f.Register(t.Context(), alice, goodPassword, "", here)
	wantCode(t, err, im.CodeRateLimited)
	_, err = f.Register(t.Context(), im.Addr{Local: "bob", Domain: "example.org"}, goodPassword, "", netip.MustParseAddr("192.0.2.99"))
	if err != nil {
		t.Errorf("another address: %v", err)
	}
}
