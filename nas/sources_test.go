package nas

import (
	"net/netip"
	"testing"
	"time"
)

func TestSources(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := newSources(10, 20, 1000)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range 20 {
		if w := s.take(a, now); w != 0 {
			t.Fatalf("request %d has to wait %s", i, w)
		}
	}
	if w := s.take(a, now); w != 100*time.Millisecond {
		t.Fatalf("beyond the burst the wait is %s, want 100ms", w)
	}
	if w := s.take(netip.MustParseAddr("::ffff:192.0.2.1"), now); w == 0 {
		t.Fatal("the same address in IPv6 form was admitted")
	}
	if w := s.take(b, now); w != 0 {
		t.Fatalf("another address has to wait %s", w)
	}
	if w := s.take(a, now.Add(100*time.Millisecond)); w != 0 {
		t.Fatalf("after the wait it has to wait %s again", w)
	}
	if w := s.take(a, now.Add(-time.Hour)); w == 0 {
		t.Fatal("a clock that goes back filled the bucket")
	}
}

func TestSourcesTakeNetworks(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := newSources(1, 1, 1000)
	if s.take(netip.MustParseAddr("2001:db8::1%eth0"), now) != 0 {
		t.Fatal("the first of a network has to wait")
	}
	if s.take(netip.MustParseAddr("2001:db8::ffff:1"), now) == 0 {
		t.Fatal("the second of a /64 does not wait")
	}
	if s.take(netip.MustParseAddr("2001:db8:0:1::1"), now) != 0 {
		t.Fatal("another network has to wait")
	}
}

// A bucket lives on while its generation turns, and memory is bounded.
func TestSourcesMemory(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := newSources(1, 10, 50)
	a := netip.MustParseAddr("192.0.2.1")
	for range 10 {
		s.take(a, now)
	}
	for i := range 60 {
		now = now.Add(time.Second)
		s.take(a, now)
		if w := s.take(a, now); w == 0 {
			t.Fatalf("after %d s two requests a second are admitted", i)
		}
	}
	other := netip.MustParseAddr("198.51.100.0")
	for range 500 {
		s.take(other, now)
		other = other.Next()
	}
	if len(s.young) > 50 || len(s.old) > 50 {
		t.Fatalf("%d and %d addresses are remembered, want at most 50 each", len(s.young), len(s.old))
	}
	if s.take(other, now) == 0 {
		t.Fatal("beyond the bound addresses are not limited")
	}
	now = now.Add(time.Minute)
	if s.take(other, now) != 0 {
		t.Fatal("an address is limited although all is quiet")
	}
}

func TestSourcesOff(t *testing.T) {
	s := newSources(0, 0, 10)
	for range 1000 {
		if s.take(netip.MustParseAddr("192.0.2.1"), time.Now()) != 0 {
			t.Fatal("limited although the limit is off")
		}
	}
}

func BenchmarkSources(b *testing.B) {
	s := newSources(200, 2000, maxSources)
	addrs := make([]netip.Addr, 1000)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
	}
	now, i := time.Now(), 0
	for b.Loop() {
		s.take(addrs[i%len(addrs)], now)
		i++
	}
}
