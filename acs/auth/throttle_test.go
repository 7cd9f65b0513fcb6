package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/im"
)

func (f *fixture) try(ctx context.Context, name, password string, remote netip.Addr) error {
	x, err := f.StartSCRAM(scramSHA256, "example.org", im.ChannelBinding{}, remote)
	if err != nil {
		return err
	}
	_, err = clientLogin(ctx, x, scramSHA256, name, password, "", scram.ChannelBinding{})
	return err
}

func retryAfter(err error) time.Duration {
	var e *im.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// Five wrong passwords at once, then 1 s, 2 s, 4 s and so on to 60 s, whether
// the account exists or not.
func TestThrottleByAccount(t *testing.T) {
	for _, name := range []string{"alice", "mallory"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.FailedHold = 0 })
			f.user(alice)
			for range 5 {
				wantCode(t, f.try(t.Context(), name, "wrong", netip.Addr{}), im.CodeBadCredentials)
			}
			for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
				want *= time.Second
				err := f.try(t.Context(), name, "wrong", netip.Addr{})
				wantCode(t, err, im.CodeAuthBusy)
				if got := retryAfter(err); got != want {
					t.Fatalf("retry after %v, want %v", got, want)
				}
				f.pass(want)
				wantCode(t, f.try(t.Context(), name, "wrong", netip.Addr{}), im.CodeBadCredentials)
			}
			f.pass(throttleForget + time.Minute)
			for range 5 {
				wantCode(t, f.try(t.Context(), name, "wrong", netip.Addr{}), im.CodeBadCredentials)
			}
		})
	}
}

func TestThrottleForgetsAtTheRightPassword(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.FailedHold = 0 })
	f.user(alice)
	for range 3 {
		for range 4 {
			wantCode(t, f.try(t.Context(), "alice", "wrong", netip.Addr{}), im.CodeBadCredentials)
		}
		if err := f.try(t.Context(), "alice", goodPassword, netip.Addr{}); err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing tells a right password from a wrong one while the account waits.
func TestThrottleIsNoOracle(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.FailedHold = 0 })
	f.user(alice)
	if _, err := f.CheckPassword(t.Context(), alice, goodPassword, netip.Addr{}); err != nil { // now in the cache
		t.Fatal(err)
	}
	for range 5 {
		_, err := f.CheckPassword(t.Context(), alice, "wrong password", netip.Addr{})
		wantCode(t, err, im.CodeBadCredentials)
	}
	_, err := f.CheckPassword(t.Context(), alice, goodPassword, netip.Addr{})
	wantCode(t, err, im.CodeAuthBusy)
	wantCode(t, f.try(t.Context(), "alice", goodPassword, netip.Addr{}), im.CodeAuthBusy)
}

// A short wait is spent holding the login, and the try then counts.
func TestThrottleHolds(t *testing.T) {
	f := newFixture(t)
	f.user(alice)
	for range 5 {
		wantCode(t, f.try(t.Context(), "alice", "wrong", netip.Addr{}), im.CodeBadCredentials)
	}
	result := make(chan error, 1)
	go func() { result <- f.try(t.Context(), "alice", goodPassword, netip.Addr{}) }()
	if got := <-f.waits; got != time.Second {
		t.Errorf("held for %v", got)
	}
	f.wake <- time.Time{}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
}

// Many tries at the same moment get one place each, none for free.
func TestThrottleAtOnce(t *testing.T) {
	f := newFixture(t)
	f.user(alice)
	const n = 50
	results := make(chan error, n)
	for range n {
		go func() { results <- f.throttle.enter(t.Context(), alice) }()
	}
	var free, busy int
	// 5 at once, then places at +1 s and +3 s; the next would be at +7 s.
	for range n - 2 {
		switch err := <-results; {
		case err == nil:
			free++
		case im.CodeOf(err) == im.CodeAuthBusy:
			busy++
		default:
			t.Error(err)
		}
	}
	if free != 5 || busy != n-7 {
		t.Errorf("%d got in, %d were sent away", free, busy)
	}
	first, second := <-f.waits, <-f.waits
	if first+second != 4*time.Second {
		t.Errorf("held for %v and %v", first, second)
	}
	close(f.wake)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestThrottleEndsWithTheConnection(t *testing.T) {
	f := newFixture(t)
	for range 5 {
		if err := f.throttle.enter(t.Context(), alice); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- f.throttle.enter(ctx, alice) }()
	<-f.waits
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(f.throttle.held) != 0 {
		t.Error("the place of a held login was not given back")
	}
}

func TestThrottleHoldsOnlySoMany(t *testing.T) {
	f := newFixture(t)
	for range throttleHeld {
		f.throttle.held <- struct{}{}
	}
	for range 5 {
		if err := f.throttle.enter(t.Context(), alice); err != nil {
			t.Fatal(err)
		}
	}
	err := f.throttle.enter(t.Context(), alice)
	wantCode(t, err, im.CodeAuthBusy)
	if retryAfter(err) != time.Second {
		t.Errorf("retry after %v", retryAfter(err))
	}
}

func TestThrottleByAddress(t *testing.T) {
	f, acct, dev, token := enrolled(t)
	for i := range 20 {
		wantCode(t, f.try(t.Context(), fmt.Sprintf("user%d", i), "wrong", here), im.CodeBadCredentials)
	}
	err := f.try(t.Context(), "alice", goodPassword, here)
	wantCode(t, err, im.CodeAuthBusy)
	if retryAfter(err) != 15*time.Minute {
		t.Errorf("retry after %v", retryAfter(err))
	}
	_, err = f.CheckPassword(t.Context(), alice, goodPassword, here)
	wantCode(t, err, im.CodeAuthBusy)
	if err := f.try(t.Context(), "alice", goodPassword, netip.MustParseAddr("192.0.2.8")); err != nil {
		t.Errorf("the neighbour: %v", err)
	}
	if _, _, _, err := f.Token(t.Context(), acct.ID, token, login(dev.ID)); err != nil {
		t.Errorf("a good device token: %v", err)
	}
	f.pass(15 * time.Minute)
	if err := f.try(t.Context(), "alice", goodPassword, here); err != nil {
		t.Errorf("after a quarter of an hour: %v", err)
	}
}

func TestThrottleByAddressCountsPerMinute(t *testing.T) {
	f := newFixture(t)
	for i := range 60 {
		if err := f.throttle.open(here); err != nil {
			t.Fatalf("failure %d: %v", i, err)
		}
		f.throttle.failed(here)
		f.pass(4 * time.Second)
	}
}

func TestSourceOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := sourceOf(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("sourceOf(%s) = %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"192.0.2.7": "192.0.2.0/24", "2001:db8:1:2:3::6": "2001:db8:1::/48"} {
		if got := network(netip.MustParseAddr(in)); got != want {
			t.Errorf("network(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestTestModeLiftsTheLimits(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.TestMode = true; c.ScramIterations = 4096 })
	f.user(alice)
	for range 40 {
		wantCode(t, f.try(t.Context(), "alice", "wrong", here), im.CodeBadCredentials)
	}
}

func TestLRUIsBounded(t *testing.T) {
	l := newLRU[int, int](3)
	for i := range 10 {
		l.put(i, i)
		l.put(0, -i) // stays, as the one used last
	}
	if len(l.index) != 3 || l.order.Len() != 3 {
		t.Errorf("%d keys", len(l.index))
	}
	if v, ok := l.get(0); !ok || v != -9 {
		t.Errorf("key 0: %d, %v", v, ok)
	}
	l.remove(0)
	l.remove(0)
	if _, ok := l.get(0); ok || len(l.index) != 2 {
		t.Error("key 0 was not removed")
	}
}
