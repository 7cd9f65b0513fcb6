package edge

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// patience bounds what a test waits for; nothing is decided by it.
const patience = 20 * time.Second

var testCert = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// rig is a running server with a fake core.
type rig struct {
	t      testing.TB
	srv    *Server
	core   *core
	logins *fakeLogins
	reg    *prometheus.Registry
	http   *httptest.Server
	stop   func()
}

func short(d time.Duration) config.Duration { return config.Duration(d) }

func newRig(t testing.TB, change func(*Config, *Deps)) *rig {
	t.Helper()
	k := newCore()
	r := &rig{t: t, core: k, logins: &fakeLogins{core: k}, reg: prometheus.NewRegistry()}
	cfg := Default()
	cfg.Listen, cfg.Plaintext, cfg.AllowPlain = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}, true
	cfg.Loops, cfg.TestMode = 2, true
	deps := Deps{
		Sessions: k, Logins: r.logins, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: r.reg,
		TLS:     &tls.Config{Certificates: []tls.Certificate{testCert()}},
		Domains: []string{"localhost", "example.org"}, Version: "test",
	}
	if change != nil {
		change(&cfg, &deps)
	}
	srv, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	r.srv = srv
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	mux := http.NewServeMux()
	mux.Handle(WebSocketPath, srv.WebSocket())
	r.http = httptest.NewServer(mux)
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		r.http.Close()
	})
	t.Cleanup(r.stop)
	return r
}

// count reads a counter or gauge: "cxx_edge_closes_total", "idle".
func (r *rig) count(name string, labels ...string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			if matches(m, labels) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func matches(m *dto.Metric, labels []string) bool {
	for i, want := range labels {
		if i >= len(m.Label) || want != "" && m.Label[i].GetValue() != want {
			return false
		}
	}
	return true
}

// peer is a client that speaks frames and nothing else.
type peer struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	id   uint32
}

func (r *rig) plain() *peer {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.srv.Addrs()[1].String())
	if err != nil {
		r.t.Fatal(err)
	}
	return r.wrap(nc)
}

func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{proto.ALPN}, MinVersion: tls.VersionTLS13}
}

func (r *rig) overTLS() *peer {
	r.t.Helper()
	nc, err := tls.Dial("tcp", r.srv.Addr().String(), clientTLS())
	if err != nil {
		r.t.Fatal(err)
	}
	return r.wrap(nc)
}

func (r *rig) wrap(nc net.Conn) *peer {
	p := &peer{t: r.t, conn: nc, r: bufio.NewReader(nc)}
	r.t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	return p
}

func frame(t cxxpb.FrameType, m proto.Message) []byte { return proto.AppendFrame(nil, t, 0, m) }

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

func (p *peer) send(t cxxpb.FrameType, m proto.Message) {
	p.t.Helper()
	p.write(frame(t, m))
}

// next reads a frame.
func (p *peer) next() (proto.Frame, error) {
	n, err := binary.ReadUvarint(p.r)
	if err != nil || n == 0 {
		return proto.Frame{}, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p.r, b); err != nil {
		return proto.Frame{}, err
	}
	f := proto.Frame{Type: cxxpb.FrameType(b[0] & 63), Flags: b[0] &^ 63, Body: b[1:]}
	f.Body, err = proto.Inflate(f)
	return f, err
}

// want reads a frame, which must be of type t, into m.
func (p *peer) want(t cxxpb.FrameType, m proto.Message) {
	p.t.Helper()
	f, err := p.next()
	if err != nil {
		p.t.Fatalf("want %s: %v", t, err)
	}
	if f.Type != t {
		if f.Type == cxxpb.FrameType_FRAME_ERROR {
			var e cxxpb.Error
			_ = proto.Unmarshal(f.Body, &e)
			p.t.Fatalf("want %s, got error %v", t, &e)
		}
		p.t.Fatalf("want %s, got %s", t, f.Type)
	}
	if m != nil {
		if err := proto.Unmarshal(f.Body, m); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *peer) wantError(id uint32, code im.ErrorCode) *cxxpb.Error {
	p.t.Helper()
	var e cxxpb.Error
	p.want(cxxpb.FrameType_FRAME_ERROR, &e)
	if e.Id != id || e.Code != uint32(code) {
		p.t.Fatalf("want error %d %s, got %v", id, code, &e)
	}
	return &e
}

// wantClose reads until the server closes and fails on a frame before that.
func (p *peer) wantClose() {
	p.t.Helper()
	f, err := p.next()
	if err == nil {
		p.t.Fatalf("want the end, got %s", f.Type)
	}
	if err != io.EOF {
		p.t.Fatalf("want a clean end, got %v", err)
	}
}

func (p *peer) hello() *cxxpb.HelloReply {
	p.t.Helper()
	p.send(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1, Features: 1, ClientName: "test"})
	var m cxxpb.HelloReply
	p.want(cxxpb.FrameType_FRAME_HELLO_REPLY, &m)
	return &m
}

// enter says hello and logs in as name.
func (p *peer) enter(k *core, name string) *cxxpb.LoginReply {
	p.t.Helper()
	p.hello()
	p.send(cxxpb.FrameType_FRAME_LOGIN, tokenLogin(k.user(name)))
	var m cxxpb.LoginReply
	p.want(cxxpb.FrameType_FRAME_LOGIN_REPLY, &m)
	if !m.Done || m.Id != 1 {
		p.t.Fatalf("login reply: %v", &m)
	}
	return &m
}

func tokenLogin(u im.UserID) *cxxpb.Login {
	return &cxxpb.Login{Id: 1, Mechanism: mechToken, User: uint64(u), Data: []byte("good")}
}

// call makes a request and returns the reply.
func (p *peer) call(m *cxxpb.Call) *cxxpb.Reply {
	p.t.Helper()
	p.id++
	m.Id = p.id
	p.send(cxxpb.FrameType_FRAME_CALL, m)
	var r cxxpb.Reply
	p.want(cxxpb.FrameType_FRAME_REPLY, &r)
	if r.Id != m.Id {
		p.t.Fatalf("reply to %d has id %d", m.Id, r.Id)
	}
	return &r
}

// empty waits until no connection is left.
func (r *rig) empty() {
	r.t.Helper()
	timeout := time.After(patience)
	for r.srv.Connections() > 0 {
		select {
		case <-r.srv.changed:
		case <-timeout:
			r.t.Fatalf("%d connections are left", r.srv.Connections())
		}
	}
}

var dials = map[string]func(*rig) *peer{"plaintext": (*rig).plain, "tls": (*rig).overTLS}
