package auth

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

const newPassword = "staple and a lamp"

func TestCreateAccount(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	if acct.Addr != alice || len(acct.Verifiers) != 2 || !acct.Created.Equal(noon) {
		t.Errorf("account %+v", acct)
	}
	for _, v := range acct.Verifiers {
		if strings.Contains(string(v.Sealed), goodPassword) {
			t.Error("the password is in the verifier")
		}
	}
	_, err := f.CreateAccount(t.Context(), alice, goodPassword)
	wantCode(t, err, im.CodeNameTaken)
	_, err = f.CreateAccount(t.Context(), im.Addr{Local: "bob", Domain: "example.org"}, "12345678")
	wantCode(t, err, im.CodePasswordWeak)
	_, err = f.CreateAccount(t.Context(), im.Addr{Local: "bob", Domain: "elsewhere.org"}, goodPassword)
	wantCode(t, err, im.CodeInvalid)
}

func TestCheckPassword(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	off := f.user(im.Addr{Local: "disabled", Domain: "example.org"})
	f.store.edit(off.ID, func(a *im.Account) { a.Disabled = true })
	for _, c := range []struct {
		what     string
		addr     im.Addr
		password string
		want     im.ErrorCode
	}{
		{"right", alice, goodPassword, 0},
		{"right, again", alice, goodPassword, 0},
		{"right, with a resource", im.Addr{Local: "alice", Domain: "example.org", Resource: "x"}, goodPassword, 0},
		{"wrong", alice, goodPassword + "!", im.CodeBadCredentials},
		{"empty", alice, "", im.CodeBadCredentials},
		{"not UTF-8", alice, "\xff", im.CodeBadCredentials},
		{"very long", alice, strings.Repeat("x", 1<<20), im.CodeBadCredentials},
		{"unknown", im.Addr{Local: "mallory", Domain: "example.org"}, goodPassword, im.CodeBadCredentials},
		{"disabled", off.Addr, goodPassword, im.CodeDisabled},
		{"disabled, wrong", off.Addr, "wrong password", im.CodeBadCredentials},
	} {
		got, err := f.CheckPassword(t.Context(), c.addr, c.password, netip.Addr{})
		if im.CodeOf(err) != c.want || c.want == 0 && got.ID != acct.ID || c.want != 0 && got.ID != 0 {
			t.Errorf("%s: %v, %v", c.what, got.ID, err)
		}
	}
	if strings.Contains(f.log.String(), goodPassword) {
		t.Error("a password reached the log")
	}
}

func TestPlainCache(t *testing.T) {
	now := noon
	c := newPlainCache(time.Minute, func() time.Time { return now })
	p := c.print([]byte("verifier"), "password")
	if c.has(p) {
		t.Error("an empty cache knows a password")
	}
	c.put(p)
	if !c.has(p) || c.has(c.print([]byte("verifier"), "Password")) || c.has(c.print([]byte("other"), "password")) || c.has(c.print([]byte("verifierp"), "assword")) {
		t.Error("the cache must know this password with this verifier only")
	}
	if other := newPlainCache(time.Minute, time.Now); other.print([]byte("verifier"), "password") == p {
		t.Error("another process must have another key")
	}
	now = now.Add(time.Minute)
	if c.has(p) {
		t.Error("the cache keeps for too long")
	}
	off := newPlainCache(0, func() time.Time { return now })
	if off.put(p); off.has(p) {
		t.Error("the cache is off")
	}
}

func TestChangePassword(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	var devs []im.DeviceID
	var tokens []string
	for range 3 {
		dev, token, err := f.Enroll(t.Context(), acct, login(0))
		if err != nil {
			t.Fatal(err)
		}
		devs, tokens = append(devs, dev.ID), append(tokens, token)
	}
	if _, err := f.CheckPassword(t.Context(), alice, goodPassword, here); err != nil { // remembered
		t.Fatal(err)
	}

	_, err := f.ChangePassword(t.Context(), acct.ID, "wrong password", newPassword, true, devs[0])
	wantCode(t, err, im.CodeBadCredentials)
	_, err = f.ChangePassword(t.Context(), acct.ID, goodPassword, "password", true, devs[0])
	wantCode(t, err, im.CodePasswordWeak)
	_, err = f.ChangePassword(t.Context(), acct.ID+1, goodPassword, newPassword, true, devs[0])
	wantCode(t, err, im.CodeNotFound)

	ended, err := f.ChangePassword(t.Context(), acct.ID, goodPassword, newPassword, true, devs[0])
	if err != nil {
		t.Fatal(err)
	}
	want := []im.DeviceID{devs[1], devs[2]}
	slices.Sort(want)
	if slices.Sort(ended); !slices.Equal(ended, want) {
		t.Errorf("ended %v, want %v", ended, want)
	}
	for i, wantErr := range []im.ErrorCode{0, im.CodeTokenInvalid, im.CodeTokenInvalid} {
		_, _, _, err := f.Token(t.Context(), acct.ID, tokens[i], login(devs[i]))
		if im.CodeOf(err) != wantErr {
			t.Errorf("token %d: %v", i, err)
		}
	}
	_, err = f.CheckPassword(t.Context(), alice, goodPassword, here)
	wantCode(t, err, im.CodeBadCredentials)
	if _, err := f.CheckPassword(t.Context(), alice, newPassword, here); err != nil {
		t.Error(err)
	}
}

func TestChangePasswordKeepsOthers(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	ended, err := f.ChangePassword(t.Context(), acct.ID, goodPassword, newPassword, false, 0)
	if err != nil || len(ended) != 0 {
		t.Fatalf("ended %v, %v", ended, err)
	}
	if _, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
		t.Error(err)
	}
}

func TestSetPasswordEndsEverything(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	f.pass(time.Second)
	ended, err := f.SetPassword(t.Context(), acct.ID, newPassword, true)
	if err != nil || !slices.Equal(ended, []im.DeviceID{dev.ID}) {
		t.Fatalf("ended %v, %v", ended, err)
	}
	_, _, _, err = f.Token(t.Context(), acct.ID, token, login(dev.ID))
	wantCode(t, err, im.CodeTokenInvalid)
	after, err := f.CheckPassword(t.Context(), alice, newPassword, here)
	if err != nil || !after.RevokedAt.Equal(f.now()) {
		t.Fatalf("revoked at %v, %v", after.RevokedAt, err)
	}
	// The device comes back by password at the same millisecond.
	again, token, err := f.Enroll(t.Context(), after, login(dev.ID))
	if err != nil || again.ID != dev.ID {
		t.Fatalf("%v, %v", again.ID, err)
	}
	if _, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
		t.Error(err)
	}
}

func TestGate(t *testing.T) {
	g := newGate(1, 1)
	working, finish, done := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	go func() {
		done <- g.run(t.Context(), func() { close(working); <-finish })
	}()
	<-working
	ctx, cancel := context.WithCancel(t.Context())
	g.waiting <- struct{}{} // one waits
	err := g.run(ctx, func() { t.Error("ran beyond the limit") })
	wantCode(t, err, im.CodeAuthBusy)
	<-g.waiting
	cancel()
	if err := g.run(ctx, func() { t.Error("ran after its end") }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(finish)
	if err := <-done; err != nil {
		t.Error(err)
	}
	ran := false
	if err := g.run(t.Context(), func() { ran = true }); err != nil || !ran {
		t.Errorf("afterwards: %v, %v", ran, err)
	}
}

func TestErrorsForClients(t *testing.T) {
	behind := errors.New("dial tcp 10.0.0.7:3306: refused")
	for _, c := range []struct {
		err  error
		want im.ErrorCode
	}{
		{behind, im.CodeInternal},
		{context.DeadlineExceeded, im.CodeTimeout},
		{context.Canceled, im.CodeTimeout},
		{im.Errorf(im.CodeNotFound, "x"), im.CodeNotFound},
	} {
		got := asError(c.err)
		if got.Code != c.want || strings.Contains(got.Detail, "3306") {
			t.Errorf("%v gives %v %q", c.err, got.Code, got.Detail)
		}
	}
}
