package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/im"
)

var binding = im.ChannelBinding{Exporter: []byte("exporter-material-of-32-bytes...."), ServerEnd: []byte("hash of the certificate")}

// The exchanges printed in RFC 5802 section 5 and RFC 7677 section 3.
func TestSCRAMOfTheRFCs(t *testing.T) {
	for _, c := range []struct {
		mechanism, salt, nonce string
		first, reply           string
		final, verifier        string
	}{
		{
			scramSHA1, "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j",
			"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{
			scramSHA256, "W22ZaJ0SNY7soEsUEjb6gQ==", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		t.Run(c.mechanism, func(t *testing.T) {
			f := newFixture(t)
			salt, err := base64.StdEncoding.DecodeString(c.salt)
			if err != nil {
				t.Fatal(err)
			}
			addr := im.Addr{Local: "user", Domain: "example.org"}
			var v []im.Verifier
			for _, fam := range families {
				cred, err := newCredential(fam, "pencil", salt, 4096)
				if err != nil {
					t.Fatal(err)
				}
				v = append(v, im.Verifier{Mechanism: fam.name, Sealed: f.seal.seal(cred.marshal(), aad(addr, fam.name))})
			}
			u, err := f.store.CreateAccount(t.Context(), im.Account{Addr: addr, Verifiers: v})
			if err != nil {
				t.Fatal(err)
			}
			f.nonce = func() string { return c.nonce }
			x, err := f.StartSCRAM(c.mechanism, "example.org", im.ChannelBinding{}, here)
			if err != nil {
				t.Fatal(err)
			}
			out, done, err := x.Step(t.Context(), []byte(c.first))
			if err != nil || done || string(out) != c.reply {
				t.Fatalf("first reply %q, %v, %v", out, done, err)
			}
			out, done, err = x.Step(t.Context(), []byte(c.final))
			if err != nil || !done || string(out) != c.verifier {
				t.Fatalf("final reply %q, %v, %v", out, done, err)
			}
			if x.Account().ID != u {
				t.Errorf("account %v", x.Account().ID)
			}
			_, _, err = x.Step(t.Context(), []byte(c.final))
			wantCode(t, err, im.CodeBadState)
		})
	}
}

// clientLogin plays a client of another making against x.
func clientLogin(ctx context.Context, x im.SCRAM, mechanism, name, password, authzid string, cb scram.ChannelBinding) (messages []string, err error) {
	hash := scram.SHA256
	if strings.HasPrefix(mechanism, scramSHA1) {
		hash = scram.SHA1
	}
	client, err := hash.NewClientUnprepped(name, password, authzid)
	if err != nil {
		return nil, err
	}
	conv := client.NewConversation()
	if strings.HasSuffix(mechanism, plusSuffix) {
		conv = client.NewConversationWithChannelBinding(cb)
	}
	return converse(ctx, x, conv)
}

func converse(ctx context.Context, x im.SCRAM, conv *scram.ClientConversation) (messages []string, err error) {
	msg, err := conv.Step("")
	for err == nil {
		out, done, stepErr := x.Step(ctx, []byte(msg))
		messages = append(messages, string(out))
		if stepErr != nil {
			return messages, stepErr
		}
		if msg, err = conv.Step(string(out)); err == nil && done {
			if !conv.Valid() {
				return messages, errors.New("the server did not prove itself")
			}
			return messages, nil
		}
	}
	return messages, err
}

func exporter(data []byte) scram.ChannelBinding {
	return scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: data}
}

func serverEnd(data []byte) scram.ChannelBinding {
	return scram.ChannelBinding{Type: scram.ChannelBindingTLSServerEndpoint, Data: data}
}

func TestSCRAMLogin(t *testing.T) {
	f := newFixture(t)
	acct := f.user(alice)
	umlaut := f.user(im.Addr{Local: "jürgen", Domain: "example.net"})
	only := im.ChannelBinding{ServerEnd: binding.ServerEnd}
	for _, c := range []struct {
		what, mechanism, domain, name, password, authzid string
		server                                           im.ChannelBinding
		client                                           scram.ChannelBinding
		want                                             im.ErrorCode
		user                                             im.UserID
	}{
		{"sha-256", "SCRAM-SHA-256", "example.org", "alice", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, 0, acct.ID},
		{"sha-1", "SCRAM-SHA-1", "example.org", "alice", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, 0, acct.ID},
		{"client without binding on TLS", "SCRAM-SHA-1", "example.org", "alice", goodPassword, "", binding, scram.ChannelBinding{}, 0, acct.ID},
		{"bare address", "SCRAM-SHA-256", "example.org", "alice@example.org", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, 0, acct.ID},
		{"capitals", "SCRAM-SHA-256", "example.org", "Alice", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, 0, acct.ID},
		{"beyond ASCII", "SCRAM-SHA-256", "example.net", "Jürgen", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, 0, umlaut.ID},
		{"plus, exporter", "SCRAM-SHA-256-PLUS", "example.org", "alice", goodPassword, "", binding, exporter(binding.Exporter), 0, acct.ID},
		{"plus, certificate", "SCRAM-SHA-256-PLUS", "example.org", "alice", goodPassword, "", binding, serverEnd(binding.ServerEnd), 0, acct.ID},
		{"plus, sha-1", "SCRAM-SHA-1-PLUS", "example.org", "alice", goodPassword, "", only, serverEnd(binding.ServerEnd), 0, acct.ID},
		{"own authzid", "SCRAM-SHA-256", "example.org", "alice", goodPassword, "alice@example.org", im.ChannelBinding{}, scram.ChannelBinding{}, 0, acct.ID},

		{"authzid of another", "SCRAM-SHA-256", "example.org", "alice", goodPassword, "bob@example.org", im.ChannelBinding{}, scram.ChannelBinding{}, im.CodeForbidden, 0},
		{"authzid with resource", "SCRAM-SHA-256", "example.org", "alice", goodPassword, "alice@example.org/x", im.ChannelBinding{}, scram.ChannelBinding{}, im.CodeForbidden, 0},
		{"authzid of another domain", "SCRAM-SHA-256", "example.org", "alice", goodPassword, "alice@example.net", im.ChannelBinding{}, scram.ChannelBinding{}, im.CodeForbidden, 0},
		{"wrong password", "SCRAM-SHA-256", "example.org", "alice", "correct horse battery!", "", im.ChannelBinding{}, scram.ChannelBinding{}, im.CodeBadCredentials, 0},
		{"unknown user", "SCRAM-SHA-256", "example.org", "mallory", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, im.CodeBadCredentials, 0},
		{"user of another domain", "SCRAM-SHA-256", "example.net", "alice", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, im.CodeBadCredentials, 0},
		{"address of another domain", "SCRAM-SHA-256", "example.net", "alice@example.org", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, im.CodeBadCredentials, 0},
		{"impossible name", "SCRAM-SHA-256", "example.org", "a b\x00", goodPassword, "", im.ChannelBinding{}, scram.ChannelBinding{}, im.CodeBadCredentials, 0},
		{"plus, other connection", "SCRAM-SHA-256-PLUS", "example.org", "alice", goodPassword, "", binding, exporter([]byte("of another connection")), im.CodeChannelBinding, 0},
		{"plus, other certificate", "SCRAM-SHA-256-PLUS", "example.org", "alice", goodPassword, "", binding, serverEnd([]byte("of another server")), im.CodeChannelBinding, 0},
		{"plus, exporter not there", "SCRAM-SHA-256-PLUS", "example.org", "alice", goodPassword, "", only, exporter(binding.Exporter), im.CodeChannelBinding, 0},
		{"plus, tls-unique", "SCRAM-SHA-256-PLUS", "example.org", "alice", goodPassword, "", binding, scram.ChannelBinding{Type: scram.ChannelBindingTLSUnique, Data: []byte("x")}, im.CodeChannelBinding, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			x, err := f.StartSCRAM(c.mechanism, c.domain, c.server, netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = clientLogin(t.Context(), x, c.mechanism, c.name, c.password, c.authzid, c.client)
			if c.want == 0 && err != nil {
				t.Fatal(err)
			}
			wantCode(t, err, c.want)
			if c.want == 0 && x.Account().ID != c.user {
				t.Errorf("account %v, want %v", x.Account().ID, c.user)
			}
		})
	}
}

// A man in the middle hides the -PLUS mechanisms: the client then says "y".
func TestSCRAMDowngrade(t *testing.T) {
	f := newFixture(t)
	f.user(alice)
	for _, c := range []struct {
		what string
		cb   im.ChannelBinding
		want im.ErrorCode
	}{
		{"binding was offered", binding, im.CodeChannelBinding},
		{"only the certificate's was offered", im.ChannelBinding{ServerEnd: binding.ServerEnd}, im.CodeChannelBinding},
		{"none was offered", im.ChannelBinding{}, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			client, err := scram.SHA256.NewClientUnprepped("alice", goodPassword, "")
			if err != nil {
				t.Fatal(err)
			}
			x, err := f.StartSCRAM(scramSHA256, "example.org", c.cb, netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = converse(t.Context(), x, client.NewConversationAdvertisingChannelBinding())
			wantCode(t, err, c.want)
		})
	}
}

func TestSCRAMFirstMessages(t *testing.T) {
	f := newFixture(t)
	f.user(alice)
	for _, c := range []struct {
		what, mechanism, in string
		want                im.ErrorCode
	}{
		{"empty", scramSHA256, "", im.CodeMalformed},
		{"nonsense", scramSHA256, "hello", im.CodeMalformed},
		{"no nonce", scramSHA256, "n,,n=alice", im.CodeMalformed},
		{"mandatory extension", scramSHA256, "n,,m=x,n=alice,r=abc", im.CodeMalformed},
		{"bad escape", scramSHA256, "n,,n=al=ice,r=abc", im.CodeMalformed},
		{"flag p without -PLUS", scramSHA256, "p=tls-exporter,,n=alice,r=abc", im.CodeChannelBinding},
		{"-PLUS without flag p", scramSHA256 + plusSuffix, "n,,n=alice,r=abc", im.CodeChannelBinding},
		{"too long", scramSHA256, "n,,n=alice,r=" + strings.Repeat("x", scramMax), im.CodeMalformed},
	} {
		t.Run(c.what, func(t *testing.T) {
			x, err := f.StartSCRAM(c.mechanism, "example.org", binding, netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			out, done, err := x.Step(t.Context(), []byte(c.in))
			wantCode(t, err, c.want)
			if done || !strings.HasPrefix(string(out), "e=") {
				t.Errorf("answer %q, done %v", out, done)
			}
			_, _, err = x.Step(t.Context(), []byte("c=biws,r=abc,p="))
			wantCode(t, err, im.CodeBadState)
		})
	}
}

func TestSCRAMSecondMessages(t *testing.T) {
	f := newFixture(t)
	f.user(alice)
	for _, c := range []struct {
		what, in string // NONCE stands for the full nonce
		want     im.ErrorCode
	}{
		{"empty", "", im.CodeMalformed},
		{"no proof", "c=biws,r=NONCE", im.CodeMalformed},
		{"proof is not base64", "c=biws,r=NONCE,p=!!", im.CodeMalformed},
		{"short proof", "c=biws,r=NONCE,p=AAAA", im.CodeBadCredentials},
		{"zero proof", "c=biws,r=NONCE,p=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), im.CodeBadCredentials},
		{"other nonce", "c=biws,r=NONCEx,p=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), im.CodeBadCredentials},
		{"flag changed on the way", "c=eSws,r=NONCE,p=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), im.CodeChannelBinding},
	} {
		t.Run(c.what, func(t *testing.T) {
			f.throttle.right(alice)
			x, err := f.StartSCRAM(scramSHA256, "example.org", im.ChannelBinding{}, netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			out, _, err := x.Step(t.Context(), []byte("n,,n=alice,r=abc"))
			if err != nil {
				t.Fatal(err)
			}
			nonce, _, _ := strings.Cut(strings.TrimPrefix(string(out), "r="), ",")
			out, done, err := x.Step(t.Context(), []byte(strings.ReplaceAll(c.in, "NONCE", nonce)))
			wantCode(t, err, c.want)
			if done || strings.HasPrefix(string(out), "v=") {
				t.Errorf("answer %q, done %v", out, done)
			}
		})
	}
}

// Who does not know a password must not learn which accounts exist.
func TestSCRAMHidesWhoExists(t *testing.T) {
	f := newFixture(t)
	real := f.user(alice)
	off := f.user(im.Addr{Local: "disabled", Domain: "example.org"})
	f.store.edit(off.ID, func(a *im.Account) { a.Disabled = true })
	if _, err := f.store.CreateAccount(t.Context(), im.Account{Addr: im.Addr{Local: "jwtonly", Domain: "example.org"}}); err != nil {
		t.Fatal(err)
	}
	shape := regexp.MustCompile(`^r=abc[A-Za-z0-9+/]{32},s=[A-Za-z0-9+/]{22}==,i=10000$`)
	salt := func(name, mechanism string) string {
		t.Helper()
		x, err := f.StartSCRAM(mechanism, "example.org", im.ChannelBinding{}, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		out, done, err := x.Step(t.Context(), []byte("n,,n="+name+",r=abc"))
		if err != nil || done || !shape.Match(out) {
			t.Fatalf("%s: %q, %v, %v", name, out, done, err)
		}
		_, s, _ := strings.Cut(string(out), ",s=")
		return s
	}
	seen := map[string]string{}
	for _, name := range []string{"alice", "disabled", "jwtonly", "mallory", "nobody", "a b"} {
		for _, m := range []string{scramSHA1, scramSHA256} {
			s := salt(name, m)
			if s != salt(name, m) {
				t.Errorf("%s: the salt for %s changes", m, name)
			}
			if other, ok := seen[s]; ok {
				t.Errorf("%s and %s %s share a salt", other, name, m)
			}
			seen[s] = name + " " + m
		}
	}
	if salt("mallory", scramSHA256) != salt("Mallory@EXAMPLE.org", scramSHA256) {
		t.Error("an unknown user must have one salt under all his spellings, like a real one")
	}
	var first string
	for _, name := range []string{"alice", "disabled", "jwtonly", "mallory"} {
		x, err := f.StartSCRAM(scramSHA256, "example.org", im.ChannelBinding{}, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		messages, err := clientLogin(t.Context(), x, scramSHA256, name, "not the password", "", scram.ChannelBinding{})
		wantCode(t, err, im.CodeBadCredentials)
		got := err.Error() + "|" + messages[len(messages)-1]
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("%s: %q, but alice: %q", name, got, first)
		}
	}
	// With the right password a disabled account may be told.
	x, err := f.StartSCRAM(scramSHA256, "example.org", im.ChannelBinding{}, netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = clientLogin(t.Context(), x, scramSHA256, "disabled", goodPassword, "", scram.ChannelBinding{})
	wantCode(t, err, im.CodeDisabled)
	if strings.Contains(f.log.String(), goodPassword) || !strings.Contains(f.log.String(), real.ID.String()) {
		t.Errorf("the log:\n%s", f.log)
	}
}

// The salt of an unknown user outlives the keys: a change would mark him.
func TestFakeSaltSurvivesRotation(t *testing.T) {
	path := t.TempDir() + "/seal.key"
	before, err := GenerateSeal(path)
	if err != nil {
		t.Fatal(err)
	}
	after, err := RotateSeal(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(before.fakeSalt("x")) != string(after.fakeSalt("x")) || string(before.fakeSalt("x")) == string(before.fakeSalt("y")) {
		t.Error("the fake salt must depend on the name alone")
	}
}

func TestSCRAMWithoutStorage(t *testing.T) {
	f := newFixture(t)
	f.user(alice)
	f.store.breakWith(im.Errorf(im.CodeZoneUnavailable, "the zone is down"))
	for range 50 { // more than would shut out the address or slow the account down
		x, err := f.StartSCRAM(scramSHA256, "example.org", im.ChannelBinding{}, here)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = x.Step(t.Context(), []byte("n,,n=alice,r=abc"))
		wantCode(t, err, im.CodeZoneUnavailable)
	}
}

func TestMechanisms(t *testing.T) {
	f := newFixture(t)
	if got := strings.Join(f.Mechanisms(binding), " "); got != "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1" {
		t.Errorf("with TLS: %s", got)
	}
	if got := strings.Join(f.Mechanisms(im.ChannelBinding{}), " "); got != "SCRAM-SHA-256 SCRAM-SHA-1" {
		t.Errorf("without TLS: %s", got)
	}
	_, err := f.StartSCRAM("SCRAM-SHA-256-PLUS", "example.org", im.ChannelBinding{}, here)
	wantCode(t, err, im.CodeMechanism)
	_, err = f.StartSCRAM("PLAIN", "example.org", binding, here)
	wantCode(t, err, im.CodeMechanism)
	_, err = f.StartSCRAM(scramSHA256, "elsewhere.org", binding, here)
	wantCode(t, err, im.CodeInvalid)

	new := newFixture(t, func(c *Config) { c.Mechanisms = []string{scramSHA256} })
	_, err = new.StartSCRAM(scramSHA1, "example.org", binding, here)
	wantCode(t, err, im.CodeMechanism)
}

// Two messages of any content never log anybody in and never panic.
func FuzzSCRAM(f *testing.F) {
	fx := newFixture(f, func(c *Config) { c.TestMode = true })
	fx.user(alice)
	f.Add("n,,n=alice,r=abc", "c=biws,r=abc,p=AAAA", false)
	f.Add("p=tls-exporter,,n=alice,r=abc", "c=cD10bHMtZXhwb3J0ZXIsLA==,r=abc,p=AAAA", true)
	f.Add("y,a=alice@example.org,n=alice,r=,", "c=,r=,p=", false)
	f.Add("n,,n==2C,r=\xff,x=y", ",,,", false)
	f.Fuzz(func(t *testing.T, first, second string, plus bool) {
		mechanism := scramSHA256
		if plus {
			mechanism += plusSuffix
		}
		x, err := fx.StartSCRAM(mechanism, "example.org", binding, here)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []string{first, second} {
			if _, done, err := x.Step(t.Context(), []byte(in)); done {
				t.Fatalf("logged in with %q, %q", first, second)
			} else if code := im.CodeOf(err); code == im.CodeInternal {
				t.Fatalf("%q, %q: %v", first, second, err)
			}
		}
	})
}
