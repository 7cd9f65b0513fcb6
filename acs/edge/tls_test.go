package edge

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// sealer writes TLS 1.3 records with keys of its own making, because crypto/tls
// never updates its keys by itself.
type sealer struct {
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

func expand(t *testing.T, secret []byte, label string, n int) []byte {
	t.Helper()
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 "+label)))
	info = append(info, "tls13 "+label...)
	info = append(info, 0)
	out, err := hkdf.Expand(sha256.New, secret, string(info), n)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *sealer) use(t *testing.T, secret []byte) {
	t.Helper()
	block, err := aes.NewCipher(expand(t, secret, "key", 16))
	if err != nil {
		t.Fatal(err)
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	s.secret, s.iv, s.seq = secret, expand(t, secret, "iv", 12), 0
}

func (s *sealer) record(kind byte, data []byte) []byte {
	inner := append(bytes.Clone(data), kind)
	head := []byte{23, 3, 3}
	head = binary.BigEndian.AppendUint16(head, uint16(len(inner)+s.aead.Overhead()))
	nonce := bytes.Clone(s.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(s.seq >> (56 - 8*i))
	}
	s.seq++
	return s.aead.Seal(head, nonce, inner, head)
}

// A KeyUpdate may be the first thing a client sends, and may ask for one back.
func TestKeyUpdateFirst(t *testing.T) {
	for _, request := range []byte{0, 1} {
		for _, size := range []int{1, 1000} {
			r := newRig(t, nil)
			raw, err := net.Dial("tcp", r.srv.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			cfg := clientTLS()
			cfg.KeyLogWriter = &log
			c := tls.Client(raw, cfg)
			p := r.wrap(c)
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			if c.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
				t.Skip("this machine prefers another cipher suite than the test speaks")
			}
			var s sealer
			for line := range strings.Lines(log.String()) {
				if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
					secret, err := hex.DecodeString(f[2])
					if err != nil {
						t.Fatal(err)
					}
					s.use(t, secret)
				}
			}
			out := s.record(22, []byte{24, 0, 0, 1, request})
			s.use(t, expand(t, s.secret, "traffic upd", sha256.Size))
			out = append(out, s.record(23, frame(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1}))...)
			out = append(out, s.record(23, frame(cxxpb.FrameType_FRAME_LOGIN, tokenLogin(r.core.user("alice"))))...)
			if _, err := (drip{raw, size}).Write(out); err != nil {
				t.Fatal(err)
			}
			p.want(cxxpb.FrameType_FRAME_HELLO_REPLY, nil)
			p.want(cxxpb.FrameType_FRAME_LOGIN_REPLY, nil)
			raw.Close()
			r.stop()
		}
	}
}

// Sessions resume by ticket, also after the server has answered one.
func TestResumption(t *testing.T) {
	r := newRig(t, nil)
	cfg := clientTLS()
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	for i := range 3 {
		c, err := tls.Dial("tcp", r.srv.Addr().String(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		p := r.wrap(c)
		p.enter(r.core, "alice")
		if resumed := c.ConnectionState().DidResume; resumed != (i > 0) {
			t.Errorf("connection %d: resumed %v", i, resumed)
		}
		c.Close()
	}
}

// A record that was tampered with ends the connection with an alert.
func TestTamperedRecord(t *testing.T) {
	r := newRig(t, nil)
	raw, err := net.Dial("tcp", r.srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, clientTLS())
	p := r.wrap(c)
	p.enter(r.core, "alice")
	if _, err := raw.Write([]byte{23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.next(); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("%v", err)
	}
	raw.Close()
	r.empty()
	if n := r.count("cxx_edge_closes_total", reasonTLS); n != 1 {
		t.Errorf("%v closed", n)
	}
}

// Too much before the end of the handshake closes the connection.
func TestHandshakeFlood(t *testing.T) {
	r := newRig(t, nil)
	raw, err := net.Dial("tcp", r.srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	junk := append([]byte{0x16, 3, 1, 0xff, 0xff}, make([]byte, 128<<10)...)
	_, _ = raw.Write(junk)
	_, _ = io.ReadAll(raw) // the end, or a reset
	r.empty()
	if n := r.count("cxx_edge_closes_total", reasonFlood); n != 1 {
		t.Errorf("%v closed", n)
	}
}

// More handshakes than workers wait for their turn; silent ones do not stop the
// others for ever.
func TestHandshakeQueue(t *testing.T) {
	r := newRig(t, func(c *Config, _ *Deps) { c.MaxHandshakes, c.HandshakeTimeout = 2, seconds(1) })
	hello := clientHello(t)
	for range 4 {
		raw, err := net.Dial("tcp", r.srv.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		if _, err := raw.Write(hello); err != nil { // and never the rest
			t.Fatal(err)
		}
	}
	// One that comes meanwhile may be late; a later one must get in.
	for !answersHello(r.srv.Addr().String()) {
	}
	// The silent ones end at their deadline, before that one or after it.
	r.empty()
	if n := r.count("cxx_edge_handshake_failures_total", ""); n < 4 {
		t.Errorf("%v handshakes failed; want those of all four silent clients", n)
	}
}

// answersHello reports whether a new connection gets as far as the answer to its
// Hello. A handshake that seems done to the client can still be cut off.
func answersHello(addr string) bool {
	c, err := tls.Dial("tcp", addr, clientTLS())
	if err != nil {
		return false
	}
	defer c.Close()
	hello := proto.AppendFrame(nil, cxxpb.FrameType_FRAME_HELLO, 0, &cxxpb.Hello{Version: proto.Version})
	if _, err := c.Write(hello); err != nil {
		return false
	}
	_, err = c.Read(make([]byte, 1))
	return err == nil
}

// clientHello records what a client says first.
func clientHello(t *testing.T) []byte {
	t.Helper()
	a, b := net.Pipe()
	go func() { _ = tls.Client(a, clientTLS()).Handshake() }()
	buf := make([]byte, 16<<10)
	n, err := b.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	b.Close()
	return buf[:n]
}

// The server ends every connection with close_notify, so that a client can tell
// the end from a cut: wantClose of other tests sees a clean EOF. Here for the
// case that the last frame is large.
func TestCloseNotifyBehindData(t *testing.T) {
	r := newRig(t, nil)
	p := r.overTLS()
	p.enter(r.core, "alice")
	s := r.core.of(r.core.user("alice"))[0].opening.Sink
	e := entryOf(200_000)
	e.Seq = 1
	s.Push(&e)
	s.Close(im.Errorf(im.CodeReplaced, "the same device has connected again"))
	p.want(cxxpb.FrameType_FRAME_PUSH, nil)
	p.wantError(0, im.CodeReplaced)
	p.wantClose()
}
