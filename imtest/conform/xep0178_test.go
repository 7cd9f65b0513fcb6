package conform

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// certified opens a cell that accepts certificates of ca.
func certified(t *testing.T) (world, *xmpptest.Authority) {
	ca := xmpptest.NewAuthority(t)
	return open(t, imtest.Configure(func(c *node.Config) { c.XMPP.ClientCA = ca.File() })), ca
}

// present opens a stream under TLS with a certificate, and returns its features.
func (w world) present(t *testing.T, name string, direct bool, cfg *tls.Config) (r *raw, features string) {
	t.Helper()
	if direct {
		r = dial(t, w.options(1, name, "tls").Addr)
	} else {
		r = dial(t, w.Node(1).XMPPAddr())
		r.say(hello)
		r.until("</stream:features>")
		r.say(starttls)
		r.until("<proceed [^>]*>")
	}
	r.Conn = tls.Client(r.Conn, cfg)
	r.say(hello)
	return r, r.until("</stream:features>")
}

func showing(cert tls.Certificate) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }}
}

// Section 2 and RFC 6120 section 13.8: a login by certificate to the end.
func TestXEP0178(t *testing.T) {
	w, ca := certified(t)
	const bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>"
	for name, direct := range map[string]bool{"STARTTLS": false, "direct TLS": true} {
		t.Run("2 SASL over "+name, func(t *testing.T) {
			t.Parallel()
			user := w.user(t, "cert")
			r, got := w.present(t, user, direct, showing(ca.Issue(nil, user+"@"+domain)))
			if strings.Count(got, "><mechanism>EXTERNAL</mechanism>") != 2 {
				t.Fatalf("features %s", got)
			}
			r.say(auth("EXTERNAL", "="))
			r.until("<success ")
			r.say(hello)
			r.until("</stream:features>")
			r.say(bind)
			if got := r.until("</iq>"); !strings.Contains(got, ">"+user+"@"+domain+"/desk<") {
				t.Errorf("bound to %s", got)
			}
		})
		t.Run("2 SASL2 over "+name, func(t *testing.T) {
			t.Parallel()
			user := w.user(t, "cert")
			r, _ := w.present(t, user, direct, showing(ca.Issue(nil, user+"@"+domain, "other@"+domain)))
			r.say("<authenticate xmlns='" + nsSASL2 + "' mechanism='EXTERNAL'><initial-response>" + b64(user+"@"+domain) + "</initial-response><bind xmlns='urn:xmpp:bind:0'/></authenticate>")
			if got := r.until("</success>"); !strings.Contains(got, "<authorization-identifier>"+user+"@"+domain+"/") {
				t.Errorf("logged in with %s", got)
			}
		})
	}
	t.Run("2 resumed TLS session", func(t *testing.T) {
		t.Parallel()
		user := w.user(t, "cert")
		cfg := showing(ca.Issue(nil, user+"@"+domain))
		cfg.ServerName, cfg.ClientSessionCache = domain, tls.NewLRUClientSessionCache(1)
		for i := range 2 {
			r, _ := w.present(t, user, i == 1, cfg)
			if resumed := r.Conn.(*tls.Conn).ConnectionState().DidResume; resumed != (i == 1) {
				t.Errorf("connection %d: resumed %t", i, resumed)
			}
			r.say(auth("EXTERNAL", "="))
			r.until("<success ")
			r.say(hello + "</stream:stream>")
			r.rest()
		}
	})
	t.Run("2 whoever has none logs in by password", func(t *testing.T) {
		t.Parallel()
		user := w.user(t, "nocert")
		_, got := w.present(t, user, false, &tls.Config{InsecureSkipVerify: true})
		if strings.Contains(got, "EXTERNAL") {
			t.Errorf("features %s", got)
		}
		w.online(t, user, "tls").Quiet()
	})
	victim := w.user(t, "victim")
	t.Run("2 several addresses and none named", func(t *testing.T) {
		t.Parallel()
		r, _ := w.present(t, victim, false, showing(ca.Issue(nil, victim+"@"+domain, "other@"+domain)))
		r.say(auth("EXTERNAL", "="))
		r.until("<failure xmlns='" + nsSASL + "'><invalid-authzid/>")
		r.say(auth("EXTERNAL", b64(victim+"@"+domain)))
		r.until("<success ")
	})
	t.Run("2 address of somebody else", func(t *testing.T) {
		t.Parallel()
		r, _ := w.present(t, victim, false, showing(ca.Issue(nil, "other@"+domain)))
		r.say(auth("EXTERNAL", b64(victim+"@"+domain)))
		r.until("<failure xmlns='" + nsSASL + "'><invalid-authzid/>")
		r.say(auth("EXTERNAL", "="))
		r.until("<failure xmlns='" + nsSASL + "'><not-authorized/>")
	})
}

// An identity is what the certificate says in the one place for it: a name that
// only looks like one, wherever it stands, is none (row 3).
func TestSecurity03CertificateNames(t *testing.T) {
	w, ca := certified(t)
	victim := w.user(t, "admin")
	address := victim + "@" + domain
	for name, edit := range map[string]func(*x509.Certificate){
		"common name": func(c *x509.Certificate) { c.Subject.CommonName = address },
		"unit": func(c *x509.Certificate) {
			c.Subject.OrganizationalUnit = []string{"CN=" + victim + ",", "CN=" + address}
		},
		"mail": func(c *x509.Certificate) { c.EmailAddresses = []string{address} },
		"host": func(c *x509.Certificate) { c.DNSNames = []string{domain, victim + "." + domain} },
		"zero byte": func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{xmpptest.AltName(address + "\x00.example")}
		},
		"other domain": func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{xmpptest.AltName(victim+"@elsewhere.example", domain, address+"/desk")}
		},
		"other type of name": func(c *x509.Certificate) {
			name := xmpptest.OtherName(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}, xmpptest.TLV(asn1.TagUTF8String, []byte(address)))
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: xmpptest.TLV(0x30, name)}}
		},
		"other type of string": func(c *x509.Certificate) {
			name := xmpptest.OtherName(xmpptest.XMPPAddr, xmpptest.TLV(asn1.TagIA5String, []byte(address)))
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: xmpptest.TLV(0x30, name)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, got := w.present(t, victim, false, showing(ca.Issue(edit)))
			if strings.Contains(got, "EXTERNAL") {
				t.Errorf("features %s", got)
			}
			r.say(auth("EXTERNAL", b64(address)))
			r.until("<failure xmlns='" + nsSASL + "'><invalid-mechanism/>")
		})
	}
	other := xmpptest.NewAuthority(t)
	for name, cert := range map[string]tls.Certificate{
		"of another authority": other.Issue(nil, address),
		"expired":              ca.Issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, address),
		"of a server":          ca.Issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, address),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := dial(t, w.options(1, victim, "tls").Addr)
			c := tls.Client(r.Conn, showing(cert))
			_, err := c.Write([]byte(hello))
			if err == nil {
				_, err = c.Read(make([]byte, 1)) // with TLS 1.3 the answer comes here
			}
			if err == nil || !strings.Contains(err.Error(), "remote error: tls: ") {
				t.Errorf("the handshake ends with %v", err)
			}
		})
	}
}
