package nas

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestConnectionsPerAddress(t *testing.T) {
	cfg := Default()
	cfg.PerAddress = 2
	bubble(t, cfg, []im.Node{acsNode(1)}, func(t *testing.T, p *pipes, _ *Server, one *client) {
		synctest.Wait()
		two := &client{t: t, nc: p.dial()}
		defer two.nc.Close()
		synctest.Wait()
		three := &client{t: t, nc: p.dial()}
		three.expectEnd()
		one.nc.Close()
		synctest.Wait()
		again := &client{t: t, nc: p.dial()}
		defer again.nc.Close()
		again.send(helloFrame)
		again.expect(cxxpb.FrameType_FRAME_HELLO_REPLY, nil)
	})
}

func TestConnectionCap(t *testing.T) {
	cfg := Default()
	cfg.Connections = 2
	bubble(t, cfg, []im.Node{acsNode(1)}, func(t *testing.T, p *pipes, _ *Server, one *client) {
		two := &client{t: t, nc: p.dial()}
		defer two.nc.Close()
		synctest.Wait()
		here, there := net.Pipe()
		defer here.Close()
		select {
		case p.conns <- there:
			t.Fatal("a connection beyond the cap was accepted")
		default:
		}
		one.nc.Close()
		p.conns <- there
		three := &client{t: t, nc: here}
		three.send(helloFrame)
		three.expect(cxxpb.FrameType_FRAME_HELLO_REPLY, nil)
	})
}

func TestPlaintextIsForLoopback(t *testing.T) {
	alloc, _ := newAlloc(t, Default())
	if _, err := NewServer(Default(), alloc, nil, "", slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("plaintext was allowed without the flag")
	}
	cfg := Default()
	cfg.Plaintext = true
	s, err := NewServer(cfg, alloc, nil, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), public{newPipes()}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Fatalf("plaintext on a public address gave %v", err)
	}
}

type public struct{ *pipes }

func (public) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

func TestOverTLS(t *testing.T) {
	cfg := Default()
	alloc, checker := newAlloc(t, cfg, acsNode(1))
	cert, roots := certificate(t)
	s, err := NewServer(cfg, alloc, &tls.Config{Certificates: []tls.Certificate{cert}}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := serve(t, s, ln)
	defer stop()
	dial := func(change func(*tls.Config)) (net.Conn, error) {
		conf := &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{proto.ALPN}}
		change(conf)
		nc, err := tls.Dial("tcp", ln.Addr().String(), conf)
		if err != nil {
			return nil, err
		}
		return nc, nil
	}
	nc, err := dial(func(*tls.Config) {})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := &client{t: t, nc: nc}
	c.send(append(append([]byte{}, helloFrame...), askFrame...))
	c.expect(cxxpb.FrameType_FRAME_HELLO_REPLY, nil)
	var a cxxpb.Allocated
	c.expect(cxxpb.FrameType_FRAME_ALLOCATED, &a)
	if err := checker.Check(a.Ticket, time.Now()); err != nil {
		t.Fatalf("the ticket is refused: %v", err)
	}
	if err := checker.Check(a.Ticket, time.Now()); im.CodeOf(err) != im.CodeTicketReplayed {
		t.Fatalf("the ticket used twice gives %v", err)
	}
	// An oversized frame is refused with words, though its bytes are unread.
	c.send(append([]byte{0x81, 0x20, 16}, make([]byte, 8192)...))
	c.expectError(0, im.CodeFrameTooLarge)
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.2":    func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"other ALPN": func(c *tls.Config) { c.NextProtos = []string{"h2"} },
	} {
		if nc, err := dial(change); err == nil {
			nc.Close()
			t.Errorf("%s was accepted", name)
		}
	}
	// At the end open connections are closed.
	last, err := dial(func(*tls.Config) {})
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	stop()
	if _, err := last.Read(make([]byte, 1)); err == nil {
		t.Fatal("a connection outlived the server")
	}
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
