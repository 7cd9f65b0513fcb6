package auth

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/im"
)

// The server's side alone: the client's messages of an exchange are made
// outside of the clock, for a nonce that repeats.
func BenchmarkSCRAMServer(b *testing.B) {
	for _, m := range []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1"} {
		b.Run(m, func(b *testing.B) {
			f := newFixture(b)
			f.user(alice)
			f.log = nil
			f.Logins.log = slog.New(slog.DiscardHandler)
			f.nonce = func() string { return "0123456789abcdef0123456789abcdef" }
			hash := scram.SHA256
			if m == scramSHA1 {
				hash = scram.SHA1
			}
			client, err := hash.NewClientUnprepped("alice", goodPassword, "")
			if err != nil {
				b.Fatal(err)
			}
			client.WithNonceGenerator(func() string { return "fedcba9876543210fedcba9876543210" })
			conv := client.NewConversation()
			if m != scramSHA1 {
				conv = client.NewConversationWithChannelBinding(exporter(binding.Exporter))
			}
			x, err := f.StartSCRAM(m, "example.org", binding, netip.Addr{})
			if err != nil {
				b.Fatal(err)
			}
			first, err := conv.Step("")
			if err != nil {
				b.Fatal(err)
			}
			out, _, err := x.Step(b.Context(), []byte(first))
			if err != nil {
				b.Fatal(err)
			}
			second, err := conv.Step(string(out))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				x, err := f.StartSCRAM(m, "example.org", binding, netip.Addr{})
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := x.Step(b.Context(), []byte(first)); err != nil {
					b.Fatal(err)
				}
				if _, done, err := x.Step(b.Context(), []byte(second)); err != nil || !done {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkToken(b *testing.B) {
	f, acct, dev, token := enrolled(b)
	d := login(dev.ID)
	b.ReportAllocs()
	for b.Loop() {
		_, _, next, err := f.Token(b.Context(), acct.ID, token, d)
		if err != nil {
			b.Fatal(err)
		}
		token = next
	}
}

func BenchmarkPlain(b *testing.B) {
	for _, c := range []struct {
		what string
		keep time.Duration
	}{{"remembered", time.Minute}, {"each time", 0}} {
		b.Run(c.what, func(b *testing.B) {
			f := newFixture(b)
			f.user(alice)
			f.plain.keep = c.keep
			for b.Loop() {
				if _, err := f.CheckPassword(b.Context(), alice, goodPassword, here); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewVerifiers(b *testing.B) {
	f := newFixture(b)
	for b.Loop() {
		if _, err := f.NewVerifiers(alice, goodPassword); err != nil {
			b.Fatal(err)
		}
	}
}

// An unknown user must cost what a known one does.
func BenchmarkSCRAMFirst(b *testing.B) {
	f := newFixture(b)
	f.user(alice)
	for _, name := range []string{"alice", "mallory"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				x, err := f.StartSCRAM(scramSHA256, "example.org", im.ChannelBinding{}, here)
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := x.Step(b.Context(), []byte("n,,n="+name+",r=abc")); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
