package stream

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/internal/pki"
)

func TestPlain(t *testing.T) {
	w := start(t, testConfig(), nil)
	c := w.dial(0).login()
	c.send("<message to='a'><body>1</body></message>").until("<message to='a'><body>1</body></message>")
	c.send(closed)
	if got := c.rest(); got != closed {
		t.Errorf("got %q", got)
	}
	if err := <-w.ends; err != nil {
		t.Error(err)
	}
}

func TestStartTLS(t *testing.T) {
	w := start(t, testConfig(), nil)
	c := w.dial(0)
	c.send(header).until("</stream:features>")
	c.send(starttls).until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	conn := c.secure(clientTLS())
	c.login().send("<iq/>").until("<iq/>")
	c.send(closed)
	if got := c.rest(); got != closed {
		t.Errorf("got %q", got)
	}
	if conn.ConnectionState().Version != tls.VersionTLS13 {
		t.Error("not TLS 1.3")
	}
}

// RFC 6120 section 5.4.3.3. White space does no harm: it is dropped, as
// go-sendxmpp sends some.
func TestBytesBehindStartTLS(t *testing.T) {
	w := start(t, testConfig(), nil)
	for _, space := range []string{"\n", " \r\n\t"} {
		c := w.dial(0)
		c.send(header).until("</stream:features>")
		c.send(starttls + space).until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		c.secure(clientTLS())
		c.login().send(closed)
	}
	for _, behind := range []string{"<iq/>", " <iq/>", "\x16", header} {
		c := w.dial(0)
		c.send(header).until("</stream:features>")
		c.send(starttls + behind)
		if got := c.rest(); strings.Contains(got, "proceed") || !strings.Contains(got, "policy-violation") {
			t.Errorf("%q: %q", behind, got)
		}
	}
}

func TestDirectTLS(t *testing.T) {
	w := start(t, testConfig(), nil)
	for _, c := range []struct {
		name string
		edit func(*tls.Config)
		ok   bool
	}{
		{"ALPN (XEP-0368 section 2)", func(*tls.Config) {}, true},
		{"no ALPN", func(c *tls.Config) { c.NextProtos = nil }, true},
		{"other ALPN", func(c *tls.Config) { c.NextProtos = []string{"h2"} }, false},
		{"TLS 1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }, false},
		{"no forward secrecy", func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
			c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}, false},
		{"no AEAD", func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
			c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, false},
	} {
		cfg := clientTLS()
		c.edit(cfg)
		cl := w.dial(1)
		conn := tls.Client(cl.Conn, cfg)
		if err := conn.Handshake(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !c.ok {
			continue
		}
		cl.Conn = conn
		cl.login().send(closed)
		if got := cl.rest(); got != closed { // without close_notify this would be an error
			t.Errorf("%s: got %q", c.name, got)
		}
	}
}

// RFC 9266 and RFC 5929: both sides compute the same.
func TestChannelBinding(t *testing.T) {
	infos := make(chan Info, 1)
	w := start(t, testConfig(), func(c Conn) {
		infos <- c.Info()
		_ = engine(c)
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := clientTLS()
		cfg.MaxVersion = version
		c := w.dialTLS(cfg)
		info, state := <-infos, c.Conn.(*tls.Conn).ConnectionState()
		want, err := pki.Exporter(state)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(info.Binding.Exporter, want) {
			t.Errorf("TLS %x: tls-exporter %x, want %x", version, info.Binding.Exporter, want)
		}
		if want := pki.ServerEndPoint(state.PeerCertificates[0]); !bytes.Equal(info.Binding.ServerEnd, want) {
			t.Errorf("TLS %x: tls-server-end-point %x, want %x", version, info.Binding.ServerEnd, want)
		}
		if !info.Secure || !info.TLS || info.Kind != TCP {
			t.Errorf("info %+v", info)
		}
	}
}

func TestSecureWithoutTLS(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		cfg := testConfig()
		cfg.AllowPlain = allowed
		infos := make(chan Info, 1)
		w := start(t, cfg, func(c Conn) { infos <- c.Info() })
		w.dial(0)
		if info := <-infos; info.Secure != allowed || info.TLS || info.Binding.Exporter != nil {
			t.Errorf("allow_plaintext %t: %+v", allowed, info)
		}
	}
}
