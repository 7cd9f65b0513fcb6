package mesh

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/pki"
)

// identity is the TLS of a node whose files are in dir.
func identity(t testing.TB, dir string, id im.NodeID) *TLS {
	t.Helper()
	files, err := pki.EnsureMesh(dir, id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own, err := pki.LoadMesh(files, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &TLS{Server: own.MeshServerConfig(), Client: own.MeshClientConfig}
}

func TestLinkWithTLS(t *testing.T) {
	dir := t.TempDir()
	a := start(t, options{id: 1, tls: identity(t, dir, 1)})
	b := start(t, options{id: 2, tls: identity(t, dir, 2)})
	meet(a, b)
	a.next(t, "up 2/1")
	b.next(t, "up 1/1")
	const n = 1000
	for i := range n {
		a.mesh.Forward(2, message(i))
		b.mesh.Forward(1, message(i))
	}
	for range n {
		a.next(t, "got from 2")
		b.next(t, "got from 1")
	}
	b.stop(t)
	a.next(t, "down 2/1")
	wantReason(t, a, endClosed)
}

func TestWrongIdentityIsRefused(t *testing.T) {
	dir, foreign := t.TempDir(), t.TempDir()
	for _, c := range []struct {
		name   string
		dials  *TLS
		listen *TLS
		at     im.NodeID // whose log has the reason
		want   string
	}{
		{"listener has another node's certificate", identity(t, dir, 1), identity(t, dir, 3), 1, "node 2 was dialled and node 3 answered"},
		{"dialler has another node's certificate", identity(t, dir, 4), identity(t, dir, 2), 2, "its certificate is that of node 4"},
		{"listener is of another authority", identity(t, dir, 1), identity(t, foreign, 2), 1, "not of this cell's mesh"},
		{"dialler does not check, listener does", trusting(identity(t, foreign, 1)), identity(t, dir, 2), 2, "unknown authority"},
		{"dialler has no certificate", anonymous(identity(t, dir, 1)), identity(t, dir, 2), 2, "didn't provide a certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := start(t, options{id: 1, tls: c.dials}), start(t, options{id: 2, tls: c.listen})
			log := map[im.NodeID]*fixture{1: a, 2: b}[c.at].log
			found := log.watch(c.want)
			meet(a, b)
			<-found
			a.none(t)
			b.none(t)
		})
	}
}

func trusting(in *TLS) *TLS {
	return &TLS{Server: in.Server, Client: func(p im.NodeID) *tls.Config {
		c := in.Client(p)
		c.VerifyConnection = nil
		return c
	}}
}

func anonymous(in *TLS) *TLS {
	return &TLS{Server: in.Server, Client: func(p im.NodeID) *tls.Config {
		c := in.Client(p)
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return new(tls.Certificate), nil }
		return c
	}}
}

func TestPlaintextOnTLSPort(t *testing.T) {
	dir := t.TempDir()
	b := start(t, options{id: 2, tls: identity(t, dir, 2)})
	found := b.log.watch("connection was refused")
	a := start(t, options{id: 1})
	meet(a, b)
	<-found
	b.none(t)
}

func TestNewRefuses(t *testing.T) {
	ok := func() Config { c := DefaultConfig(); c.Listen = "127.0.0.1:0"; return c }
	open := ok()
	open.Listen, open.Advertise = "0.0.0.0:0", "10.0.0.1:5230"
	short := ok()
	short.DeadAfter = short.Heartbeat
	for _, c := range []struct {
		name string
		cfg  Config
		id   im.NodeID
		tls  TLS
		want string
	}{
		{"plain off loopback", open, 1, Plain, "for loopback only"},
		{"no TLS by mistake", ok(), 1, TLS{}, "lacks Server or Client"},
		{"server that asks for no certificate", ok(), 1, TLS{Server: &tls.Config{}, Client: func(im.NodeID) *tls.Config { return nil }}, "does not verify peers"},
		{"no node id", ok(), 0, Plain, "choose 1 to 1023"},
		{"bad configuration", short, 1, Plain, "dead_after"},
	} {
		_, err := New(c.cfg, im.Node{ID: c.id}, c.tls, newRecorder(), nil, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestPortInUse(t *testing.T) {
	a := start(t, options{id: 1})
	cfg := DefaultConfig()
	cfg.Listen = a.node.Mesh
	m, err := New(cfg, im.Node{ID: 2}, Plain, newRecorder(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "set mesh.listen") {
		t.Errorf("Run on a port in use: %v", err)
	}
}
