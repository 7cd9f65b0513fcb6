package conform

import (
	"fmt"
	"testing"

	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// XEP-0388 section 2.6.1: the features stand right behind <success/>, also when
// the login has bound. XEP-0198 section 8.2: there are none behind a resumption.
func TestXEP0388FeaturesBehindSuccess(t *testing.T) {
	const sm = "urn:xmpp:sm:3"
	w := open(t)
	o := w.options(1, w.user(t, "alice"))
	o.SASL2 = true
	for _, tt := range []struct {
		name, inline string
		managed      bool
	}{
		{"bound", "<bind xmlns='urn:xmpp:bind:0'/>", false},
		{"bound and managed", "<bind xmlns='urn:xmpp:bind:0'><enable xmlns='" + sm + "'/></bind>", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := o
			o.Inline = tt.inline
			c := xmpptest.Join(t, o)
			f := c.Features
			if f.Child("urn:ietf:params:xml:ns:xmpp-bind", "bind") != nil || f.Child("urn:xmpp:csi:0", "csi") == nil {
				t.Errorf("a bound client is offered %v", f)
			}
			if offered := f.Child(sm, "sm") != nil; offered == tt.managed {
				t.Errorf("stream management is offered: %v", offered)
			}
		})
	}
	t.Run("resumed", func(t *testing.T) {
		o := o
		o.Inline = "<bind xmlns='urn:xmpp:bind:0'><enable xmlns='" + sm + "' resume='true'/></bind>"
		old := xmpptest.Join(t, o)
		enabled := old.Success.Child("urn:xmpp:bind:0", "bound").Child(sm, "enabled")
		o.Inline = fmt.Sprintf("<resume xmlns='%s' h='0' previd='%s'/>", sm, enabled.Attr("id"))
		c := xmpptest.Join(t, o)
		if c.JID != old.JID {
			t.Errorf("resumed as %s; was %s", c.JID, old.JID)
		}
		c.Ask("get", imtest.Domain, "<ping xmlns='urn:xmpp:ping'/>")
		for _, e := range c.Heard() {
			if e.Local == "features" {
				t.Errorf("a resumed client is offered %v", e)
			}
		}
	})
}
