package sasl

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// Whatever a client sends is answered, ends the stream, or is a login; and only
// the right password is one.
func FuzzStep(f *testing.F) {
	for _, s := range []string{
		"<auth xmlns='" + NS + "' mechanism='PLAIN'>AGp1bGlldABi</auth>",
		"<auth xmlns='" + NS + "' mechanism='SCRAM-SHA-1'>" + b64("n,a==3D=2C,n=juliet,r=x") + "</auth>",
		"<authenticate xmlns='" + NS2 + "' mechanism='HT-SHA-256-NONE'><initial-response>AA==</initial-response><fast xmlns='urn:xmpp:fast:0'/></authenticate>",
		"<authenticate xmlns='" + NS2 + "' mechanism='PLAIN'><bind xmlns='urn:xmpp:bind:0'><tag>x</tag><enable xmlns='urn:xmpp:sm:3' max='1'/></bind></authenticate>",
		"<auth xmlns='" + NS + "' mechanism='EXTERNAL'>=</auth>",
		"<authenticate xmlns='" + NS2 + "' mechanism='EXTERNAL'><initial-response>" + b64("juliet@example.org") + "</initial-response></authenticate>",
		"<response xmlns='" + NS + "'/>", "<abort xmlns='" + NS2 + "'/>",
	} {
		f.Add(s, s)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, one, two string) {
		cfg := w.config()
		cfg.Certified = []im.Addr{{Local: "romeo", Domain: "example.org"}} // who has no account
		n := New(cfg)
		for _, s := range []string{one, two} {
			e, err := stanza.Parse([]byte(s))
			if err != nil || !Is(e) {
				return
			}
			o := n.Step(t.Context(), e)
			if o.Login != nil {
				t.Fatalf("%s logged in", s)
			}
			if o.Reply == nil && o.End == nil {
				t.Fatalf("%s got no answer", s)
			}
			if o.Reply != nil {
				if _, err := stanza.Parse(stanza.Bytes(o.Reply)); err != nil {
					t.Fatalf("%s: the answer %s: %v", s, o.Reply, err)
				}
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "=", "AA==", "AB==", "AAAA\n", "A\r\nAAA", "AA=A", "AAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if b, ok := decode(s); ok && base64.StdEncoding.EncodeToString(b) != s {
			t.Fatalf("%q is another way to write %q", s, b)
		}
	})
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte("\x00juliet\x00secret"))
	f.Add([]byte("a\x00b\x00c\x00d"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := parsePlain(in)
		if err == nil && !bytes.Equal([]byte(m.authzid+"\x00"+m.authcid+"\x00"+m.password), in) {
			t.Fatalf("%q reads as %+v", in, m)
		}
		if err == nil {
			_ = userAddr(m.authcid, "example.org")
		}
	})
}
