package stream

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/internal/socket"
)

// sealer writes records of TLS 1.3 with AES-128-GCM, as a client's side that
// crypto/tls does not have: it never asks for a KeyUpdate.
type sealer struct {
	t      *testing.T
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

// expand is HKDF-Expand-Label (RFC 8446 section 7.1).
func (s *sealer) expand(label string, n int) []byte {
	s.t.Helper()
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(append(info, byte(len("tls13 "+label))), "tls13 "+label...)
	out, err := hkdf.Expand(sha256.New, s.secret, string(append(info, 0)), n)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *sealer) use(secret []byte) {
	s.t.Helper()
	s.secret, s.seq = secret, 0
	block, err := aes.NewCipher(s.expand("key", 16))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		s.t.Fatal(err)
	}
	s.iv = s.expand("iv", 12)
}

func (s *sealer) record(kind byte, data string) []byte {
	inner := append([]byte(data), kind)
	head := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(inner)+s.aead.Overhead()))
	nonce := bytes.Clone(s.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(s.seq >> (56 - 8*i))
	}
	s.seq++
	return s.aead.Seal(head, nonce, inner, head)
}

// RFC 8446 section 4.6.3: also as the first thing, and with an answer.
func TestKeyUpdate(t *testing.T) {
	w := start(t, testConfig(), nil)
	for _, request := range []string{"\x00", "\x01"} {
		var log bytes.Buffer
		cfg := clientTLS()
		cfg.KeyLogWriter = &log
		raw := w.dial(1)
		c := tls.Client(raw.Conn, cfg)
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		s := sealer{t: t}
		for line := range strings.Lines(log.String()) {
			if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
				secret, err := hex.DecodeString(f[2])
				if err != nil {
					t.Fatal(err)
				}
				s.use(secret)
			}
		}
		if c.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
			t.Log("this machine prefers another cipher suite than the test speaks")
			return
		}
		out := s.record(22, "\x18\x00\x00\x01"+request)
		s.use(s.expand("traffic upd", sha256.Size))
		out = append(out, s.record(23, header)...)
		if _, err := raw.Conn.Write(out); err != nil {
			t.Fatal(err)
		}
		(&client{t: t, Conn: c}).until("</stream:features>")
	}
}

// Sessions resume by ticket, and the binding is that of the new connection.
func TestResumption(t *testing.T) {
	w := start(t, testConfig(), nil)
	cfg := clientTLS()
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i := range 3 {
		c := w.dialTLS(cfg).login()
		if resumed := c.Conn.(*tls.Conn).ConnectionState().DidResume; resumed != (i > 0) {
			t.Errorf("connection %d: resumed %t", i, resumed)
		}
		c.send(closed).rest()
	}
}

// The buffers that crypto/tls keeps are given back while a client says nothing.
func TestTrim(t *testing.T) {
	freed := make(chan int, 1)
	w := start(t, testConfig(), func(c Conn) {
		_, _ = c.Next()
		freed <- socket.Trim(c.(*tcpConn).tls)
		_ = engine(c)
	})
	c := w.dialTLS(clientTLS())
	c.send(header)
	if n := <-freed; n < 500 {
		t.Errorf("%d bytes freed", n)
	}
	c.send(auth).until("<success ")
}
