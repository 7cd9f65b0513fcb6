package stream

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const (
	utf8String = asn1.TagUTF8String
	sequence   = 0x30
	explicit   = 0xa0 // [0], constructed
)

func tlv(tag byte, parts ...[]byte) []byte { return xmpptest.TLV(tag, parts...) }

// otherName is an id-on-xmppAddr whose value has a tag of choice.
func otherName(tag byte, text string) []byte {
	return xmpptest.OtherName(xmpptest.XMPPAddr, tlv(tag, []byte(text)))
}

func addr(s string) im.Addr {
	a, err := im.ParseAddr(s)
	if err != nil {
		panic(err)
	}
	return a
}

// RFC 6120 section 13.7.1.4, RFC 5280 section 4.2.1.6, with names as nobody
// should make them.
func TestAltName(t *testing.T) {
	good := otherName(utf8String, "juliet@example.org")
	huge := []byte{0x06, 0x14, 0x69, 0x83, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}
	for _, c := range []struct {
		what string
		der  []byte
		want string // addresses divided by spaces; "error"
	}{
		{"one", tlv(sequence, good), "juliet@example.org"},
		{"several", tlv(sequence, good, otherName(utf8String, "romeo@example.org")), "juliet@example.org romeo@example.org"},
		{"the same twice", tlv(sequence, good, otherName(utf8String, "JULIET@Example.ORG")), "juliet@example.org"},
		{"of several domains", tlv(sequence, good, otherName(utf8String, "juliet@capulet.example")), "juliet@example.org juliet@capulet.example"},
		{"prepared (RFC 7622)", tlv(sequence, otherName(utf8String, "Juliet@EXAMPLE.org")), "juliet@example.org"},
		{"not ASCII", tlv(sequence, otherName(utf8String, "jülîet@exämple.org")), "jülîet@exämple.org"},
		{"with a resource", tlv(sequence, otherName(utf8String, "juliet@example.org/balcony")), "juliet@example.org/balcony"},
		{"a domain", tlv(sequence, otherName(utf8String, "example.org")), "example.org"},
		{"long form of lengths", tlv(sequence, otherName(utf8String, strings.Repeat("j", 300)+"@example.org")), strings.Repeat("j", 300) + "@example.org"},
		{"none", tlv(sequence), ""},

		{"mail address", tlv(sequence, tlv(0x81, []byte("juliet@example.org"))), ""},
		{"host name", tlv(sequence, tlv(0x82, []byte("juliet@example.org"))), ""},
		{"directory name", tlv(sequence, tlv(0xa4, tlv(sequence))), ""},
		{"URI", tlv(sequence, tlv(0x86, []byte("xmpp:juliet@example.org"))), ""},
		{"beside others", tlv(sequence, tlv(0x82, []byte("example.org")), good, tlv(0x81, []byte("romeo@example.org"))), "juliet@example.org"},
		{"service name (RFC 4985)", tlv(sequence, xmpptest.OtherName(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 7}, tlv(asn1.TagIA5String, []byte("_xmpp-client.example.org")))), ""},
		{"user principal name", tlv(sequence, xmpptest.OtherName(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}, tlv(utf8String, []byte("juliet@example.org"))), good), "juliet@example.org"},
		{"longer type", tlv(sequence, xmpptest.OtherName(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 5, 1}, tlv(utf8String, []byte("juliet@example.org")))), ""},
		{"type that no integer holds", tlv(sequence, tlv(explicit, huge, tlv(explicit, tlv(utf8String, []byte("x")))), good), "juliet@example.org"},

		{"IA5String", tlv(sequence, otherName(asn1.TagIA5String, "juliet@example.org")), "error"},
		{"PrintableString", tlv(sequence, otherName(asn1.TagPrintableString, "juliet@example.org")), "error"},
		{"BMPString", tlv(sequence, otherName(asn1.TagBMPString, "\x00j\x00@\x00x")), "error"},
		{"OCTET STRING", tlv(sequence, otherName(asn1.TagOctetString, "juliet@example.org")), "error"},
		{"UTF8String in pieces", tlv(sequence, otherName(0x2c, string(tlv(utf8String, []byte("juliet@example.org"))))), "error"},
		{"wrong type behind a right one", tlv(sequence, good, otherName(asn1.TagIA5String, "romeo@example.org")), "error"},
		{"no UTF-8", tlv(sequence, otherName(utf8String, "jul\xffiet@example.org")), "error"},
		{"zero byte in the name", tlv(sequence, otherName(utf8String, "juliet\x00@example.org")), "error"},
		{"zero byte in the domain", tlv(sequence, otherName(utf8String, "juliet@example.org\x00.capulet.example")), "error"},
		{"zero byte in the resource", tlv(sequence, otherName(utf8String, "juliet@example.org/\x00")), "error"},
		{"zero byte at the end", tlv(sequence, otherName(utf8String, "juliet@example.org\x00")), "error"},
		{"line break", tlv(sequence, otherName(utf8String, "juliet@example.org\n")), "error"},
		{"white space", tlv(sequence, otherName(utf8String, " juliet@example.org")), "error"},
		{"a URI", tlv(sequence, otherName(utf8String, "xmpp:juliet@example.org")), "error"},
		{"two at signs", tlv(sequence, otherName(utf8String, "juliet@example.org@capulet.example")), "error"},
		{"two names in one", tlv(sequence, otherName(utf8String, "juliet@example.org,romeo@example.org")), "error"},
		{"any host", tlv(sequence, otherName(utf8String, "juliet@*.org")), "error"},
		{"no name", tlv(sequence, otherName(utf8String, "@example.org")), "error"},
		{"empty", tlv(sequence, otherName(utf8String, "")), "error"},

		{"nothing", nil, "error"},
		{"not a sequence", good, "error"},
		{"a set", tlv(0x31, good), "error"},
		{"cut off", tlv(sequence, good)[:20], "error"},
		{"more behind it", append(tlv(sequence, good), 0x05, 0x00), "error"},
		{"universal tag inside", tlv(sequence, tlv(utf8String, []byte("juliet@example.org"))), "error"},
		{"not constructed", tlv(sequence, append([]byte{0x80}, good[1:]...)), "error"},
		{"no type", tlv(sequence, tlv(explicit)), "error"},
		{"no value", tlv(sequence, tlv(explicit, oidXMPPAddr)), "error"},
		{"two values", tlv(sequence, tlv(explicit, oidXMPPAddr, tlv(explicit, tlv(utf8String, []byte("a@b"))), tlv(explicit, tlv(utf8String, []byte("c@d"))))), "error"},
		{"two strings", tlv(sequence, tlv(explicit, oidXMPPAddr, tlv(explicit, tlv(utf8String, []byte("a@b")), tlv(utf8String, []byte("c@d"))))), "error"},
		{"value without its tag", tlv(sequence, tlv(explicit, oidXMPPAddr, tlv(utf8String, []byte("juliet@example.org")))), "error"},
		{"value with another tag", tlv(sequence, tlv(explicit, oidXMPPAddr, tlv(0xa1, tlv(utf8String, []byte("juliet@example.org"))))), "error"},
		{"wrapped in a sequence", tlv(sequence, tlv(explicit, tlv(sequence, oidXMPPAddr, tlv(explicit, tlv(utf8String, []byte("a@b")))))), "error"},
		{"length not in its shortest form", append([]byte{sequence, 0x81, byte(len(good))}, good...), "error"},
		{"length without end", append(append([]byte{sequence, 0x80}, good...), 0, 0), "error"},
	} {
		list, err := parseAltName(c.der)
		got := make([]string, len(list))
		for i, a := range list {
			got[i] = a.String()
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = "error"
		}
		if text != c.want || err != nil && list != nil {
			t.Errorf("%s: %q, %v; want %q", c.what, got, err, c.want)
		}
	}
}

// Only addresses that stand there come out, prepared, each once; and what was
// read once is read the same when it is written again.
func FuzzAltName(f *testing.F) {
	f.Add(xmpptest.AltName("juliet@example.org").Value)
	f.Add(xmpptest.AltName("juliet@example.org/balcony", "example.org").Value)
	f.Add(tlv(sequence, otherName(asn1.TagIA5String, "juliet@example.org"), tlv(0x82, []byte("example.org"))))
	f.Add(tlv(sequence, otherName(utf8String, "juliet\x00@example.org")))
	f.Fuzz(func(t *testing.T, der []byte) {
		list, err := parseAltName(der)
		if err != nil {
			if list != nil {
				t.Fatalf("%x: %v with %v", der, list, err)
			}
			return
		}
		var again []string
		for i, a := range list {
			if p, err := im.ParseAddr(a.String()); err != nil || p != a || slices.Index(list, a) != i {
				t.Fatalf("%x: %q", der, a)
			}
			again = append(again, a.String())
		}
		if second, err := parseAltName(xmpptest.AltName(again...).Value); err != nil || !slices.Equal(second, list) {
			t.Fatalf("%q reads as %q, %v", again, second, err)
		}
	})
}

// Nothing of the subject counts, whatever it looks like, nor do two lists of
// names.
func TestCertificateNames(t *testing.T) {
	ca := xmpptest.NewAuthority(t)
	mail, err := url.Parse("xmpp:juliet@example.org")
	if err != nil {
		t.Fatal(err)
	}
	leaf := ca.Issue(func(c *x509.Certificate) {
		c.Subject = pkix.Name{
			CommonName: "juliet@example.org", OrganizationalUnit: []string{"CN=admin,", "CN=juliet@example.org,"}, SerialNumber: "juliet@example.org",
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "juliet@example.org"}},
		}
		c.EmailAddresses, c.DNSNames, c.URIs = []string{"juliet@example.org"}, []string{"example.org"}, []*url.URL{mail}
	}).Leaf
	if got, err := xmppAddrs(leaf); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	twice := *ca.Issue(nil, "juliet@example.org").Leaf
	twice.Extensions = append(slices.Clone(twice.Extensions), xmpptest.AltName("romeo@example.org"))
	if got, err := xmppAddrs(&twice); got != nil || !errors.Is(err, errAltName) {
		t.Errorf("%v, %v", got, err)
	}
}

// asking is a server that accepts certificates of ca and tells what it made of
// them.
func asking(t *testing.T, ca *xmpptest.Authority) (*world, chan Info) {
	t.Helper()
	cfg := testConfig()
	cfg.ClientCA = ca.File()
	infos := make(chan Info, 100)
	return start(t, cfg, func(c Conn) {
		for {
			ev, err := c.Next()
			if err != nil {
				return
			}
			if err := answer(c, ev); err != nil {
				return
			}
			if ev.Kind == xmlstream.Open && c.Info().TLS {
				infos <- c.Info()
			}
		}
	}), infos
}

// shows is a client that shows a certificate, whatever authorities it is asked
// for.
func shows(cert tls.Certificate, version uint16) *tls.Config {
	cfg := clientTLS()
	cfg.MaxVersion = version
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	return cfg
}

// begin opens a stream under TLS, by either way, and reports whether the server
// goes along.
func (w *world) begin(direct bool, cfg *tls.Config) (resumed, ok bool) {
	w.t.Helper()
	listener := 0
	if direct {
		listener = 1
	}
	c := w.dial(listener)
	if !direct {
		c.send(header).until("</stream:features>")
		c.send(starttls).until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	}
	conn := tls.Client(c.Conn, cfg)
	// With TLS 1.3 the client learns by its first read what became of it.
	if _, err := conn.Write([]byte(header)); err != nil {
		return false, false
	}
	var b [512]byte
	n, err := conn.Read(b[:])
	defer conn.Close()
	return conn.ConnectionState().DidResume, err == nil && bytes.Contains(b[:n], []byte("<stream:stream"))
}

// RFC 6120 section 13.8: which certificates give an identity, and which end the
// handshake.
func TestClientCertificate(t *testing.T) {
	ca, other := xmpptest.NewAuthority(t), xmpptest.NewAuthority(t)
	w, infos := asking(t, ca)
	past := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	future := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	server := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	spoof := func(c *x509.Certificate) {
		c.Subject.OrganizationalUnit = []string{"CN=juliet@example.org,"}
		c.EmailAddresses = []string{"juliet@example.org"}
	}
	hostile := func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: oidSubjectAltName, Value: tlv(sequence,
			otherName(utf8String, "juliet@example.org"), otherName(asn1.TagIA5String, "romeo@example.org"))}}
	}
	for _, c := range []struct {
		what string
		cert tls.Certificate
		ok   bool
		want []im.Addr
	}{
		{"none", tls.Certificate{}, true, nil},
		{"one address", ca.Issue(nil, "juliet@example.org"), true, []im.Addr{addr("juliet@example.org")}},
		{"two addresses", ca.Issue(nil, "juliet@example.org", "romeo@example.org"), true, []im.Addr{addr("juliet@example.org"), addr("romeo@example.org")}},
		{"no address", ca.Issue(nil), true, nil},
		{"addresses of another kind", ca.Issue(spoof), true, nil},
		{"malformed names", ca.Issue(hostile), true, nil},
		{"another authority", other.Issue(nil, "juliet@example.org"), false, nil},
		{"expired", ca.Issue(past, "juliet@example.org"), false, nil},
		{"not yet valid", ca.Issue(future, "juliet@example.org"), false, nil},
		{"of a server", ca.Issue(server, "juliet@example.org"), false, nil},
	} {
		for _, direct := range []bool{false, true} {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				_, ok := w.begin(direct, shows(c.cert, version))
				if ok != c.ok {
					t.Errorf("%s, direct=%t, TLS %x: goes along %t", c.what, direct, version, ok)
					continue
				}
				if !ok {
					continue
				}
				if info := <-infos; !slices.Equal(info.Certified, c.want) || !info.Secure {
					t.Errorf("%s, direct=%t, TLS %x: %v", c.what, direct, version, info.Certified)
				}
			}
		}
	}
}

// A resumed session has the identity of the one it goes on with, and no other:
// none when there was none, although the client has a certificate by now.
func TestResumptionKeepsIdentity(t *testing.T) {
	ca := xmpptest.NewAuthority(t)
	w, infos := asking(t, ca)
	juliet := ca.Issue(nil, "juliet@example.org")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, c := range []struct {
			what          string
			first, second tls.Certificate
			want          []im.Addr
		}{
			{"with a certificate", juliet, tls.Certificate{}, []im.Addr{addr("juliet@example.org")}},
			{"without one", tls.Certificate{}, juliet, nil},
		} {
			cache := tls.NewLRUClientSessionCache(1)
			for i, cert := range []tls.Certificate{c.first, c.second} {
				cfg := shows(cert, version)
				cfg.ClientSessionCache = cache
				resumed, ok := w.begin(i == 1, cfg)
				if !ok || resumed != (i == 1) {
					t.Fatalf("TLS %x, %s, connection %d: goes along %t, resumed %t", version, c.what, i, ok, resumed)
				}
				if info := <-infos; !slices.Equal(info.Certified, c.want) {
					t.Errorf("TLS %x, %s, connection %d: %v", version, c.what, i, info.Certified)
				}
			}
		}
	}
}

// Off by default: nobody is asked, and what a client would show is not seen.
func TestNoClientCertificates(t *testing.T) {
	ca := xmpptest.NewAuthority(t)
	infos := make(chan Info, 1)
	w := start(t, testConfig(), func(c Conn) {
		infos <- c.Info()
		_ = engine(c)
	})
	asked := false
	cfg := clientTLS()
	cert := ca.Issue(nil, "juliet@example.org")
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return &cert, nil
	}
	w.dialTLS(cfg).login()
	if info := <-infos; asked || info.Certified != nil {
		t.Errorf("asked %t, %v", asked, info.Certified)
	}
}

func TestAuthoritiesFile(t *testing.T) {
	ca := xmpptest.NewAuthority(t)
	good, err := os.ReadFile(ca.File())
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(good), "MII", "M!I", 1)
	for _, c := range []struct{ what, text, want string }{
		{"one", string(good), ""},
		{"two, and what openssl writes between", string(good) + "subject=CN = x\n" + string(good), ""},
		{"empty", "", "holds no certificate in PEM form"},
		{"DER", "0\x82\x01\x02", "holds no certificate in PEM form"},
		{"a key with it", string(good) + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "leave nothing but certificates"},
		{"one is broken", string(good) + broken, "of 2 blocks"},
		{"no certificate inside", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"},
	} {
		cfg := testConfig()
		cfg.ClientCA = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(cfg.ClientCA, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := askCertificate(&tls.Config{}, cfg.ClientCA); (err == nil) != (c.want == "") || err != nil &&
			(!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "xmpp.client_ca")) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	cfg := testConfig()
	cfg.ClientCA = filepath.Join(t.TempDir(), "missing.pem")
	if _, err := New(cfg, Deps{TLS: &tls.Config{}}, nil); err == nil || !strings.Contains(err.Error(), "missing.pem") {
		t.Errorf("no file: %v", err)
	}
	cfg.TLSListen = nil
	if _, err := New(cfg, Deps{}, nil); err == nil || !strings.Contains(err.Error(), "xmpp.client_ca needs") {
		t.Errorf("no TLS: %v", err)
	}
}
