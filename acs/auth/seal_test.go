package auth

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
)

func TestSealOpensOnlyWhatItSealedForTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	s, err := GenerateSeal(path)
	if err != nil {
		t.Fatal(err)
	}
	blob := s.seal([]byte("keys"), aad(alice, scramSHA256))
	if again := s.seal([]byte("keys"), aad(alice, scramSHA256)); bytes.Equal(again, blob) {
		t.Error("two seals of one text are equal: the nonce repeats")
	}
	if got, err := s.open(blob, aad(alice, scramSHA256)); err != nil || string(got) != "keys" {
		t.Fatalf("%q, %v", got, err)
	}
	for _, other := range []string{aad(alice, scramSHA1), aad(im.Addr{Local: "bob", Domain: "example.org"}, scramSHA256), aad(im.Addr{Local: "alice", Domain: "example.net"}, scramSHA256), ""} {
		if _, err := s.open(blob, other); err == nil {
			t.Errorf("opens for %q", other)
		}
	}
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 1
		if _, err := s.open(bad, aad(alice, scramSHA256)); err == nil {
			t.Errorf("opens with byte %d changed", i)
		}
		if _, err := s.open(blob[:i], aad(alice, scramSHA256)); err == nil {
			t.Errorf("opens cut to %d bytes", i)
		}
	}
	stranger, err := GenerateSeal(filepath.Join(t.TempDir(), "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.open(blob, aad(alice, scramSHA256)); err == nil {
		t.Error("a stranger's seal opens it")
	}
}

func TestSealRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	f := newFixture(t)
	old, err := GenerateSeal(path)
	if err != nil {
		t.Fatal(err)
	}
	f.seal = old
	acct := f.user(alice)
	carol := f.user(im.Addr{Local: "carol", Domain: "example.org"})

	rotated, err := RotateSeal(path)
	if err != nil {
		t.Fatal(err)
	}
	f.seal = rotated
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	_, _, err = f.Enroll(t.Context(), acct, login(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.CheckPassword(t.Context(), alice, goodPassword, here); err != nil {
		t.Fatalf("before rewrapping: %v", err)
	}
	if n, err := f.Rewrap(t.Context()); err != nil || n != 2 {
		t.Fatalf("rewrapped %d, %v", n, err)
	}
	if n, err := f.Rewrap(t.Context()); err != nil || n != 0 {
		t.Fatalf("rewrapped %d again, %v", n, err)
	}

	// The old key line goes.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	seen := false
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "key ") && seen {
			continue
		}
		seen = seen || strings.HasPrefix(line, "key ")
		kept = append(kept, line)
	}
	if err := os.WriteFile(path, []byte(strings.Join(kept, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if f.seal, err = LoadSeal(path); err != nil {
		t.Fatal(err)
	}
	for _, a := range []im.Addr{alice, carol.Addr} {
		if _, err := f.CheckPassword(t.Context(), a, goodPassword, here); err != nil {
			t.Errorf("%v without the old key: %v", a, err)
		}
	}
}

func TestCheckSeal(t *testing.T) {
	f := newFixture(t)
	if err := f.CheckSeal(t.Context()); err != nil {
		t.Errorf("without accounts: %v", err)
	}
	f.user(alice)
	if err := f.CheckSeal(t.Context()); err != nil {
		t.Errorf("with the right file: %v", err)
	}
	var err error
	if f.seal, err = GenerateSeal(filepath.Join(t.TempDir(), "other.key")); err != nil {
		t.Fatal(err)
	}
	if err := f.CheckSeal(t.Context()); err == nil || !strings.Contains(err.Error(), "restore it from its copy") {
		t.Errorf("with another file: %v", err)
	}
	f.store.breakWith(im.Errorf(im.CodeZoneUnavailable, "down"))
	wantCode(t, f.CheckSeal(t.Context()), im.CodeZoneUnavailable)
}

func TestSealFiles(t *testing.T) {
	dir := t.TempDir()
	key, salt := keyLine(), "salt "+strings.Repeat("QUFB", 11)+"\n"
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says string
	}{
		"good":         {"# comment\n\n" + key + salt, 0o600, ""},
		"read-only":    {key + salt, 0o400, ""},
		"group":        {key + salt, 0o640, "chmod 600"},
		"world":        {key + salt, 0o604, "chmod 600"},
		"empty":        {"", 0o600, "restore the file"},
		"no salt":      {key, 0o600, "restore the file"},
		"no key":       {salt, 0o600, "restore the file"},
		"two salts":    {key + salt + salt, 0o600, "line 3"},
		"same key":     {key + key + salt, 0o600, "line 2 repeats"},
		"short key":    {"key 00000000 AAAA\n" + salt, 0o600, "line 1 has no key of 32 bytes"},
		"bad id":       {"key 0000 " + strings.Fields(key)[2] + "\n" + salt, 0o600, "8 hexadecimal"},
		"other words":  {"hello\n", 0o600, "line 1"},
		"short salt":   {key + "salt AAAA\n", 0o600, "line 2"},
		"binary":       {"\x00\x01\x02", 0o600, "line 1"},
		"one long row": {strings.Repeat("x", 1<<17), 0o600, "token too long"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadSeal(path)
			if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), strings.Fields(key)[2]) {
				t.Error("the key is in the error")
			}
		})
	}
	if _, err := LoadSeal(filepath.Join(dir, "missing")); err == nil {
		t.Error("a missing file loads")
	}
	if _, err := GenerateSeal(filepath.Join(dir, "good")); err == nil {
		t.Error("a file that exists is overwritten")
	}
}

func TestCredentialForm(t *testing.T) {
	for _, f := range families {
		c, err := newCredential(f, "pencil", []byte("salt-of-16-bytes"), 4096)
		if err != nil {
			t.Fatal(err)
		}
		b := c.marshal()
		got, err := f.unmarshal(b)
		if err != nil || !bytes.Equal(got.salt, c.salt) || got.iterations != 4096 || !bytes.Equal(got.storedKey, c.storedKey) || !bytes.Equal(got.serverKey, c.serverKey) {
			t.Errorf("%s: %v, %v", f.name, got, err)
		}
		for i := range b {
			if _, err := f.unmarshal(b[:i]); err == nil {
				t.Errorf("%s: %d bytes pass", f.name, i)
			}
		}
	}
}

func FuzzUnmarshalCredential(f *testing.F) {
	f.Add([]byte{0, 0, 16, 0, 16}, true)
	f.Add([]byte{0, 0, 0, 0, 255}, false)
	f.Fuzz(func(t *testing.T, b []byte, sha1 bool) {
		fam := families[0]
		if sha1 {
			fam = families[1]
		}
		if c, err := fam.unmarshal(b); err == nil && !bytes.Equal(c.marshal(), b) {
			t.Fatal("a second form of one credential")
		}
	})
}
