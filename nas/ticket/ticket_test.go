package ticket

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

var (
	_   im.TicketChecker = (*Checker)(nil)
	now                  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

const (
	node  = im.NodeID(3)
	epoch = uint64(1<<63 + 7)
)

func issuer(t testing.TB, seed byte) (*Issuer, ed25519.PublicKey) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	i, err := NewIssuer(key)
	if err != nil {
		t.Fatal(err)
	}
	return i, key.Public().(ed25519.PublicKey)
}

func checker(t testing.TB, required bool, keys ...ed25519.PublicKey) *Checker {
	t.Helper()
	c, err := NewChecker(node, epoch, keys, required)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func want(t *testing.T, err error, code im.ErrorCode) {
	t.Helper()
	if im.CodeOf(err) != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	if err != nil && !strings.Contains(err.Error(), " ") {
		t.Fatalf("%v is no sentence", err)
	}
}

func TestCheck(t *testing.T) {
	nas, pub := issuer(t, 1)
	stranger, _ := issuer(t, 2)
	good := nas.Issue(node, epoch, now)
	change := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	long := nas.sign(Ticket{Key: nas.Key(), Node: node, Epoch: epoch, Issued: now, Expires: now.Add(TTL + time.Millisecond)})
	for _, c := range []struct {
		name   string
		ticket []byte
		at     time.Duration
		code   im.ErrorCode
	}{
		{"at once", good, 0, 0},
		{"at the end", good, TTL, 0},
		{"the clock of the ACS is ahead", good, TTL + Skew, 0},
		{"too late", good, TTL + Skew + time.Millisecond, im.CodeTicketExpired},
		{"the clock of the ACS is behind", good, -Skew, 0},
		{"from the future", good, -Skew - time.Millisecond, im.CodeTicketExpired},
		{"another node", nas.Issue(node+1, epoch, now), 0, im.CodeTicketForeign},
		{"before the restart", nas.Issue(node, epoch-1, now), 0, im.CodeTicketForeign},
		{"unknown key", stranger.Issue(node, epoch, now), 0, im.CodeTicketForeign},
		{"known key id, other key", stranger.sign(Ticket{Key: nas.Key(), Node: node, Epoch: epoch, Issued: now, Expires: now.Add(TTL)}), 0, im.CodeTicketForeign},
		{"good for too long", long, 0, im.CodeTicketForeign},
		{"other version", change(0), 0, im.CodeTicketForeign},
		{"changed expiry", change(30), 0, im.CodeTicketForeign},
		{"changed nonce", change(46), 0, im.CodeTicketForeign},
		{"changed signature", change(Size - 1), 0, im.CodeTicketForeign},
		{"too short", good[:Size-1], 0, im.CodeTicketForeign},
		{"too long", append(bytes.Clone(good), 0), 0, im.CodeTicketForeign},
	} {
		t.Run(c.name, func(t *testing.T) {
			want(t, checker(t, true, pub).Check(c.ticket, now.Add(c.at)), c.code)
		})
	}
}

func TestRequired(t *testing.T) {
	_, pub := issuer(t, 1)
	want(t, checker(t, true, pub).Check(nil, now), im.CodeTicketForeign)
	want(t, checker(t, false).Check(nil, now), 0)
	// A ticket that is shown has to be right, wanted or not.
	want(t, checker(t, false, pub).Check([]byte("x"), now), im.CodeTicketForeign)
	if _, err := NewChecker(node, epoch, nil, true); err == nil {
		t.Fatal("tickets are required but nobody can sign them: no error")
	}
	if _, err := NewChecker(node, epoch, []ed25519.PublicKey{{1}}, false); err == nil {
		t.Fatal("a short key was taken")
	}
	if _, err := NewIssuer(nil); err == nil {
		t.Fatal("no key was taken")
	}
}

func TestSingleUse(t *testing.T) {
	nas, pub := issuer(t, 1)
	c := checker(t, true, pub)
	good := nas.Issue(node, epoch, now)
	var wg sync.WaitGroup
	codes := make(chan im.ErrorCode, 50)
	for range 50 {
		wg.Go(func() { codes <- im.CodeOf(c.Check(good, now)) })
	}
	wg.Wait()
	close(codes)
	admitted := 0
	for code := range codes {
		switch code {
		case 0:
			admitted++
		case im.CodeTicketReplayed:
		default:
			t.Fatalf("a replay got %s", code)
		}
	}
	if admitted != 1 {
		t.Fatalf("%d were admitted, want 1", admitted)
	}
	want(t, c.Check(good, now.Add(TTL+Skew)), im.CodeTicketReplayed)
}

// An ACS that knows neither its NAS nor the key must not be filled up.
func TestForeignTakesNoRoom(t *testing.T) {
	nas, pub := issuer(t, 1)
	c := checker(t, true, pub)
	forged := nas.Issue(node, epoch, now)
	forged[Size-1] ^= 1
	for range 100 {
		want(t, c.Check(forged, now), im.CodeTicketForeign)
	}
	if len(c.used.seen) != 0 {
		t.Fatalf("%d forged tickets are remembered", len(c.used.seen))
	}
}

func TestRotation(t *testing.T) {
	a, pubA := issuer(t, 1)
	b, pubB := issuer(t, 2)
	c := checker(t, true, pubA, pubB)
	want(t, c.Check(a.Issue(node, epoch, now), now), 0)
	want(t, c.Check(b.Issue(node, epoch, now), now), 0)
	if err := c.SetKeys([]ed25519.PublicKey{pubB}); err != nil {
		t.Fatal(err)
	}
	want(t, c.Check(a.Issue(node, epoch, now), now), im.CodeTicketForeign)
	want(t, c.Check(b.Issue(node, epoch, now), now), 0)
	if err := c.SetKeys(nil); err == nil {
		t.Fatal("the last key was taken out although tickets are required")
	}
}

func TestNoncesAreForgotten(t *testing.T) {
	n := newNonces(100)
	at := now
	use := func(i int) error {
		tk := Ticket{Issued: at, Expires: at.Add(TTL)}
		tk.Nonce[0], tk.Nonce[1] = byte(i), byte(i>>8)
		return n.use(tk, at)
	}
	for i := range 100 {
		want(t, use(i), 0)
	}
	err := use(100)
	want(t, err, im.CodeRetryLater)
	at = at.Add(keep + time.Millisecond)
	for i := range 100 {
		want(t, use(1000+i), 0)
	}
	for range 50 { // old ones make room one by one
		at = at.Add(keep + time.Millisecond)
		for i := range 100 {
			want(t, use(i), 0)
		}
	}
	if len(n.seen) != 100 || len(n.queue) > 300 {
		t.Fatalf("%d remembered, queue of %d", len(n.seen), len(n.queue))
	}
}

// A clock that jumps forth and back must not let a used ticket pass again.
func TestClockJump(t *testing.T) {
	nas, pub := issuer(t, 1)
	c := checker(t, true, pub)
	used := nas.Issue(node, epoch, now)
	want(t, c.Check(used, now), 0)
	later := now.Add(time.Hour)
	want(t, c.Check(nas.Issue(node, epoch, later), later), 0)
	want(t, c.Check(used, now), im.CodeTicketExpired)
	fresh := now.Add(time.Second)
	want(t, c.Check(nas.Issue(node, epoch, fresh), fresh), 0)
}

// The layout is part of the protocol: NAS and ACS of different versions meet.
func TestLayout(t *testing.T) {
	nas, _ := issuer(t, 1)
	tk := Ticket{
		Key: nas.Key(), Node: 3, Epoch: 0x0102030405060708, Issued: now, Expires: now.Add(TTL),
		Nonce: Nonce{0: 0xaa, 15: 0xbb},
	}
	raw := nas.sign(tk)
	const signed = "01" + "34750f98" + "0003" + "0102030405060708" +
		"000001a20846fe00" + "000001a20847e860" + "aa0000000000000000000000000000bb"
	if got := hex.EncodeToString(raw[:signedSize]); got != signed {
		t.Fatalf("the ticket is\n%s, want\n%s", got, signed)
	}
	back, err := Parse(raw)
	if err != nil || back != tk {
		t.Fatalf("parsed %+v, %v; want %+v", back, err, tk)
	}
}

func FuzzCheck(f *testing.F) {
	nas, pub := issuer(f, 1)
	// The same in every process that the fuzzer starts.
	good := nas.sign(Ticket{Key: nas.Key(), Node: node, Epoch: epoch, Issued: now, Expires: now.Add(TTL), Nonce: Nonce{1}})
	f.Add(good)
	f.Add(good[:10])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := NewChecker(node, epoch, []ed25519.PublicKey{pub}, true)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Check(b, now)
		if err == nil && !bytes.Equal(b, good) {
			t.Fatalf("admitted %x, which no NAS has made", b)
		}
		if tk, err := Parse(b); err == nil && !bytes.Equal(tk.appendSigned(nil), b[:signedSize]) {
			t.Fatalf("%x parses to %+v, which reads differently", b, tk)
		}
	})
}

func BenchmarkIssue(b *testing.B) {
	nas, _ := issuer(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		nas.Issue(node, epoch, now)
	}
}

func BenchmarkCheck(b *testing.B) {
	nas, pub := issuer(b, 1)
	c := checker(b, true, pub)
	c.used = newNonces(1 << 30)
	tickets := make([][]byte, 20000)
	for i := range tickets {
		tickets[i] = nas.Issue(node, epoch, now)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == len(tickets) {
			i, c.used = 0, newNonces(1<<30)
		}
		if err := c.Check(tickets[i], now); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
