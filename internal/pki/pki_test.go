package pki

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// shake makes a handshake over a pipe and returns both sides' view of it.
func shake(t *testing.T, server, client *tls.Config) (atServer, atClient tls.ConnectionState, err error) {
	t.Helper()
	near, far := net.Pipe()
	s, c := tls.Server(far, server), tls.Client(near, client)
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err != nil {
			_ = far.Close()
		} else {
			_, err = s.Write([]byte{1})
		}
		done <- err
	}()
	err = c.Handshake()
	if err == nil {
		_, err = c.Read(make([]byte, 1)) // with TLS 1.3 a refusal of the client comes late
	}
	_ = near.Close()
	serr := <-done
	_ = far.Close()
	if serr != nil {
		err = serr // what the server says is the better reason
	}
	return s.ConnectionState(), c.ConnectionState(), err
}

func poolOf(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		t.Fatal("no certificate in " + path)
	}
	return pool
}

func ensure(t *testing.T, dir string, hosts []string, now time.Time) Files {
	t.Helper()
	f, err := EnsureServer(dir, hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestServerCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	cert, ca, err := Server(dir, Config{Hosts: []string{"chat.example.org", "10.1.2.3"}}, []string{"bücher.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := ServerConfig(cert, tls.VersionTLS13, ALPNClient)
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "chat.example.org", "10.1.2.3", "xn--bcher-kva.example"} {
		_, cs, err := shake(t, server, &tls.Config{RootCAs: poolOf(t, ca), ServerName: name, NextProtos: []string{ALPNClient}})
		if err != nil || cs.Version != tls.VersionTLS13 || cs.NegotiatedProtocol != ALPNClient {
			t.Errorf("%s: version %x, protocol %q, %v", name, cs.Version, cs.NegotiatedProtocol, err)
		}
	}
	for name, client := range map[string]*tls.Config{
		"other name":      {RootCAs: poolOf(t, ca), ServerName: "example.com"},
		"TLS 1.2":         {RootCAs: poolOf(t, ca), ServerName: "localhost", MaxVersion: tls.VersionTLS12},
		"other protocol":  {RootCAs: poolOf(t, ca), ServerName: "localhost", NextProtos: []string{"h2"}},
		"other authority": {RootCAs: x509.NewCertPool(), ServerName: "localhost"},
	} {
		if _, _, err := shake(t, server, client); err == nil {
			t.Errorf("%s: the handshake succeeded", name)
		}
	}
	for _, path := range []string{"ca.key", "tls/server.key"} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

func TestServerConfigForXMPP(t *testing.T) {
	dir := t.TempDir()
	cert, ca, err := Server(dir, DefaultConfig(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := ServerConfig(cert, tls.VersionTLS12, ALPNXMPPClient)
	client := &tls.Config{RootCAs: poolOf(t, ca), ServerName: "localhost", MaxVersion: tls.VersionTLS12}
	if _, _, err := shake(t, server, client); err != nil {
		t.Errorf("TLS 1.2 without ALPN: %v", err)
	}
	client.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	if _, _, err := shake(t, server, client); err == nil {
		t.Error("a suite without authenticated encryption was accepted")
	}
	client.CipherSuites, client.MinVersion, client.MaxVersion = nil, tls.VersionTLS11, tls.VersionTLS11
	if _, _, err := shake(t, ServerConfig(cert, tls.VersionTLS10), client); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestSessionsResume(t *testing.T) {
	cert, ca, err := Server(t.TempDir(), DefaultConfig(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := ServerConfig(cert, tls.VersionTLS13, ALPNClient)
	client := &tls.Config{RootCAs: poolOf(t, ca), ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for i, want := range []bool{false, true} {
		if _, cs, err := shake(t, server, client); err != nil || cs.DidResume != want {
			t.Errorf("connection %d: resumed %v, %v", i, cs.DidResume, err)
		}
	}
}

func TestEnsureServerKeepsAndRenews(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	f := ensure(t, dir, []string{"a.example"}, now)
	read := func() string {
		data, err := os.ReadFile(f.Cert)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	key, err := os.ReadFile(f.Key)
	if err != nil {
		t.Fatal(err)
	}
	first := read()
	ensure(t, dir, []string{"a.example"}, now.Add(300*24*time.Hour))
	ensure(t, dir, nil, now)
	if read() != first {
		t.Error("a good certificate was made anew")
	}
	ensure(t, dir, []string{"b.example"}, now)
	second := read()
	if second == first {
		t.Error("a certificate that lacks a host was kept")
	}
	ensure(t, dir, nil, now.Add(370*24*time.Hour))
	if read() == second {
		t.Error("a certificate that ends within 30 days was kept")
	}
	if again, _ := os.ReadFile(f.Key); string(again) != string(key) {
		t.Error("the key was changed by a renewal")
	}
	if _, err := NewReloader(f.Cert, f.Key, nil); err != nil {
		t.Errorf("the renewed pair: %v", err)
	}
}

func TestEnsureServerWithoutAuthorityKey(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	f := ensure(t, dir, nil, now)
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	ensure(t, dir, []string{"new.example"}, now) // what is there has to do
	if err := os.Remove(f.Cert); err != nil {
		t.Fatal(err)
	}
	if _, err := EnsureServer(dir, nil, now); err == nil || !strings.Contains(err.Error(), "cxxd keygen") {
		t.Errorf("without the authority's key: %v", err)
	}
}

func TestServerFilesPutThereByHandAreKept(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	f := ensure(t, dir, nil, now)
	before, _ := os.ReadFile(f.Cert)
	for _, gone := range []string{"ca.pem", "ca.key"} {
		if err := os.Remove(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
	ensure(t, dir, []string{"other.example"}, now)
	if after, _ := os.ReadFile(f.Cert); string(after) != string(before) {
		t.Error("a certificate of another authority was overwritten")
	}
}

// Two processes that start at once on one data directory get the same files.
func TestEnsureAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	secrets := make([]string, 8)
	for i := range secrets {
		all.Go(func() {
			f, err := EnsureServer(dir, nil, time.Now())
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := NewReloader(f.Cert, f.Key, nil); err != nil {
				t.Error(err)
			}
			b, err := EnsureSecret(SecretFile(dir, SecretFakeSalt), 32)
			if err != nil {
				t.Error(err)
			}
			secrets[i] = string(b)
		})
	}
	all.Wait()
	for _, s := range secrets {
		if s != secrets[0] || len(s) != 32 {
			t.Fatal("processes made different secrets")
		}
	}
}

func TestWideModesAreRefused(t *testing.T) {
	dir := t.TempDir()
	f := ensure(t, dir, nil, time.Now())
	if _, _, err := EnsureTicketKey(dir); err != nil {
		t.Fatal(err)
	}
	secret := SecretFile(dir, "x")
	if _, err := EnsureSecret(secret, 32); err != nil {
		t.Fatal(err)
	}
	private, _ := TicketFiles(dir)
	for path, load := range map[string]func() error{
		f.Key:                        func() error { _, err := NewReloader(f.Cert, f.Key, nil); return err },
		filepath.Join(dir, "ca.key"): func() error { _, err := EnsureServer(dir, []string{"y"}, time.Now()); return err },
		private:                      func() error { _, err := LoadTicketKey(private); return err },
		secret:                       func() error { _, err := EnsureSecret(secret, 32); return err },
	} {
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := load(); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("%s with mode 0640: %v", filepath.Base(path), err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret", "a")
	one, err := EnsureSecret(path, 32)
	if err != nil || len(one) != 32 {
		t.Fatalf("%d bytes, %v", len(one), err)
	}
	if two, err := EnsureSecret(path, 32); err != nil || string(two) != string(one) {
		t.Errorf("the second time: %v, %v", two, err)
	}
	if _, err := EnsureSecret(path, 64); err == nil {
		t.Error("a secret that is too short was accepted")
	}
	token, err := EnsureToken(path)
	if err != nil || len(token) != 43 {
		t.Errorf("token %q, %v", token, err)
	}
	for name, text := range map[string]string{"short": "1234\n", "empty": ""} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := EnsureToken(path); err == nil {
			t.Errorf("the %s token was accepted", name)
		}
		if _, err := EnsureSecret(path, 32); err == nil {
			t.Errorf("the %s secret was accepted", name)
		}
	}
}

func TestTicketKeys(t *testing.T) {
	dir := t.TempDir()
	private, list, err := EnsureTicketKey(dir)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d public keys, %v", len(list), err)
	}
	if !ed25519.Verify(list[0], []byte("x"), ed25519.Sign(private, []byte("x"))) {
		t.Error("the pair does not belong together")
	}
	file, public := TicketFiles(dir)
	if err := os.Remove(file); err != nil { // rotation
		t.Fatal(err)
	}
	next, list, err := EnsureTicketKey(dir)
	if err != nil || len(list) != 2 || !list[0].Equal(next.Public()) || !list[1].Equal(private.Public()) {
		t.Fatalf("after a rotation: %d keys, %v", len(list), err)
	}
	loaded, err := LoadTicketKeys(public)
	if err != nil || len(loaded) != 2 || !loaded[0].Equal(list[0]) {
		t.Errorf("loaded %d keys, %v", len(loaded), err)
	}
	if _, err := LoadTicketKeys(file); err == nil {
		t.Error("a private key was taken for public ones")
	}
}

func TestCell(t *testing.T) {
	dir := t.TempDir()
	seal := func(path string) error { return writeFile(path, []byte("seal"), keyMode) }
	made, err := Cell(dir, []string{"chat.example.org"}, []int{1, 2}, seal)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range made {
		info, err := os.Stat(m.Path)
		if err != nil {
			t.Errorf("%s: %v", m.Path, err)
			continue
		}
		if private := info.Mode().Perm()&0o077 == 0; private != m.Secret {
			t.Errorf("%s has mode %v, secret %v", m.Path, info.Mode(), m.Secret)
		}
	}
	before, _ := os.ReadFile(MeshFiles(dir, 1).Cert)
	if more, err := Cell(dir, nil, []int{1, 2, 3}, seal); err != nil || len(more) != len(made)+2 {
		t.Errorf("with one node more: %d files of %d, %v", len(more), len(made), err)
	}
	if after, _ := os.ReadFile(MeshFiles(dir, 1).Cert); string(after) != string(before) {
		t.Error("the certificate of node 1 was made anew")
	}
	for _, nodes := range [][]int{{0}, {1024}, {4, 4}} {
		if _, err := Cell(t.TempDir(), nil, nodes, nil); err == nil {
			t.Errorf("nodes %v were accepted", nodes)
		}
	}
	if _, err := Cell(t.TempDir(), []string{"host:5222"}, nil, nil); err == nil {
		t.Error("a host with a port was accepted")
	}
}

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		cfg Config
		key string
	}{
		{DefaultConfig(), ""},
		{Config{Cert: "c.pem", Key: "c.key"}, ""},
		{Config{Cert: "c.pem"}, "key"},
		{Config{Hosts: []string{"a b"}}, "hosts"},
	} {
		err := c.cfg.Validate()
		if (err == nil) != (c.key == "") || err != nil && !strings.Contains(err.Error(), c.key) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}
