package pki

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"
)

func TestReload(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	f := ensure(t, dir, nil, now)
	var log bytes.Buffer
	r, err := NewReloader(f.Cert, f.Key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	clock := now
	r.now = func() time.Time { return clock }
	first := r.Certificate()
	ensure(t, dir, []string{"new.example"}, now)
	if r.Certificate() != first {
		t.Error("the files were looked at twice within a second")
	}
	clock = clock.Add(2 * time.Second)
	second := r.Certificate()
	if second == first || second.Leaf.VerifyHostname("new.example") != nil {
		t.Error("the new certificate was not taken up")
	}

	good, err := os.ReadFile(f.Cert)
	if err != nil {
		t.Fatal(err)
	}
	breakages := map[string]func() error{
		"rubbish":        func() error { return os.WriteFile(f.Cert, []byte("rubbish"), certMode) },
		"gone":           func() error { return os.Remove(f.Cert) },
		"wide key":       func() error { return os.Chmod(f.Key, 0o644) },
		"of another key": func() error { return otherCert(t, f.Cert) },
	}
	for name, damage := range breakages {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		log.Reset()
		for range 3 {
			clock = clock.Add(2 * time.Second)
			if r.Certificate() != second {
				t.Fatalf("%s: the old certificate was not kept", name)
			}
		}
		if n := strings.Count(log.String(), "was not reloaded"); n != 1 {
			t.Errorf("%s: logged %d times, want once:\n%s", name, n, &log)
		}
		if err := os.Chmod(f.Key, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(f.Cert, good, certMode); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(2 * time.Second)
		if second = r.Certificate(); !strings.Contains(log.String(), "was reloaded") {
			t.Errorf("%s: the repaired certificate was not taken up", name)
		}
	}
}

func otherCert(t *testing.T, path string) error {
	other := ensure(t, t.TempDir(), nil, time.Now())
	data, err := os.ReadFile(other.Cert)
	if err != nil {
		return err
	}
	return writeFile(path, data, certMode)
}

func TestReloaderRefusesAtStart(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	f := ensure(t, dir, nil, now.Add(-500*24*time.Hour))
	if _, err := NewReloader(f.Cert, f.Key, nil); err == nil || !strings.Contains(err.Error(), "ended on") {
		t.Errorf("an ended certificate: %v", err)
	}
	if _, err := NewReloader("/nowhere.pem", "/nowhere.key", nil); err == nil {
		t.Error("files that do not exist were loaded")
	}
}

func TestComingEndIsLoggedDaily(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	f := ensure(t, dir, nil, now)
	var log bytes.Buffer
	r, err := NewReloader(f.Cert, f.Key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	clock := now.Add(serverLife - 10*24*time.Hour)
	r.now = func() time.Time { return clock }
	for range 48 {
		clock = clock.Add(time.Hour)
		r.Certificate()
	}
	if n := strings.Count(log.String(), "ends soon"); n != 2 {
		t.Errorf("logged %d times in two days:\n%s", n, &log)
	}
}
