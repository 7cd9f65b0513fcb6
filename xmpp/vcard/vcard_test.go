package vcard

import (
	"context"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func setup(t testing.TB, f Changed) (*xmpptest.Cell, *iq.Mux, *xmpptest.Session) {
	t.Helper()
	m := iq.NewMux()
	Register(m, f)
	c := xmpptest.New()
	c.User("juliet")
	return c, m, c.Session("romeo/orchard")
}

func do(t testing.TB, m *iq.Mux, s *xmpptest.Session, typ, to, children string) (string, string) {
	t.Helper()
	st := xmpptest.Serve(t, m, s, `<iq type='`+typ+`' id='1'`+to+`><vCard xmlns='vcard-temp'>`+children+`</vCard></iq>`)
	return xmpptest.Text(st.Child(NS, "vCard")), xmpptest.Condition(st)
}

const photo = `<PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO>`

func TestVCard(t *testing.T) {
	c, m, s := setup(t, nil)
	other := c.Session("juliet/balcony")
	const to = " to='romeo@example.org'"
	get := func(rule string, who *xmpptest.Session, to, want string, cond stanza.Condition) {
		t.Helper()
		switch {
		case want != "":
			want = `<vCard xmlns='vcard-temp'>` + want + `</vCard>`
		case cond == "":
			want = `<vCard xmlns='vcard-temp'/>`
		}
		if got, is := do(t, m, who, "get", to, ""); got != want || is != string(cond) {
			t.Errorf("%s:\n got %s %s\nwant %s %s", rule, got, is, want, cond)
		}
	}
	get("XEP-0054 3.1: none", s, "", "", "")
	get("XEP-0054 3.1: none, with 'to'", s, to, "", "")
	get("3.3: none", other, to, "", stanza.ServiceUnavailable)
	get("3.3: no account", other, " to='nobody@example.org'", "", stanza.ServiceUnavailable)
	c.Profile("romeo", im.Profile{Name: "Romeo", LastSeen: im.ToNobody})
	get("the profile", other, to, "<FN>Romeo</FN><NICKNAME>Romeo</NICKNAME>", "")
	c.Profile("romeo", im.Profile{LastSeen: im.ToNobody})

	if _, cond := do(t, m, s, "set", "", "<FN>R. Montague</FN>"+photo); cond != "" {
		t.Fatal("3.2:", cond)
	}
	get("3.2: what was set", s, "", "<FN>R. Montague</FN>"+photo, "")
	get("3.3: what was set", other, to, "<FN>R. Montague</FN>"+photo, "")
	mine, err := other.Core().ProfileGet(context.Background(), []im.UserID{c.User("romeo")})
	if err != nil || mine[0].Name != "R. Montague" {
		t.Error("the profile follows", mine, err)
	}
	if own, err := s.Core().ProfileGet(context.Background(), []im.UserID{c.User("romeo")}); err != nil || own[0].LastSeen != im.ToNobody {
		t.Error("a setting was lost", own, err)
	}
	c.Profile("romeo", im.Profile{Name: "Romeo"})
	get("the profile is newer", other, to, "<FN>Romeo</FN>"+photo, "")
	n := len(c.Log("romeo"))
	do(t, m, s, "set", "", photo)
	get("a vCard without a name", other, to, "<FN>Romeo</FN>"+photo, "")
	do(t, m, s, "set", "", "<NICKNAME>Romeo</NICKNAME>"+photo)
	if len(c.Log("romeo")) != n {
		t.Error("the profile was set to what it was")
	}
	do(t, m, s, "set", "", "<FN>"+strings.Repeat("é", maxName)+"</FN>")
	mine, _ = s.Core().ProfileGet(context.Background(), []im.UserID{c.User("romeo")})
	if mine[0].Name != strings.Repeat("é", maxName/2) {
		t.Error("a long name:", mine)
	}
	get("a long name stays in the vCard", s, "", "<FN>"+strings.Repeat("é", maxName)+"</FN>", "")
}

func TestRefused(t *testing.T) {
	c, m, s := setup(t, nil)
	for _, to := range []string{"juliet@example.org", "nobody@example.org"} {
		if _, cond := do(t, m, s, "set", " to='"+to+"'", photo); cond != string(stanza.Forbidden) {
			t.Error("XEP-0054 3.2:", to, cond)
		}
	}
	for _, method := range []string{"EditLeaf", "ProfileGet"} {
		c.Fail[method] = im.Errorf(im.CodeTooMany, "")
		if _, cond := do(t, m, s, "set", "", "<FN>R</FN>"); cond != string(stanza.ResourceConstraint) {
			t.Error(method, cond)
		}
		delete(c.Fail, method)
	}
	for _, method := range []string{"LeafItems", "ProfileGet"} {
		c.Fail[method] = im.Errorf(im.CodeZoneUnavailable, "")
		for _, to := range []string{"", " to='juliet@example.org'"} {
			if _, cond := do(t, m, s, "get", to, ""); cond != string(stanza.ResourceConstraint) {
				t.Error(method, to, cond)
			}
		}
		delete(c.Fail, method)
	}
}

func TestForeignBytes(t *testing.T) {
	c, m, s := setup(t, nil)
	for _, payload := range []string{"", "no xml", "<vCard/>"} {
		err := s.Core().EditLeaf(context.Background(), c.User("romeo"), NS, func(im.Leaf, bool, []string) (im.LeafEdit, error) {
			return im.LeafEdit{Config: []byte{}, Put: []im.Item{{ID: item, Payload: []byte(payload)}}}, nil
		})
		if got, cond := do(t, m, s, "get", "", ""); err != nil || got != `<vCard xmlns='vcard-temp'/>` {
			t.Error(payload, got, cond, err)
		}
	}
}

func TestChanged(t *testing.T) {
	var told *xmlstream.Element
	var fail error
	_, m, s := setup(t, func(_ context.Context, _ iq.Session, card *xmlstream.Element) error {
		told = card
		return fail
	})
	if _, cond := do(t, m, s, "set", "", photo); cond != "" || told.Child(NS, "PHOTO") == nil {
		t.Error("XEP-0398 4.2:", cond, told)
	}
	fail = im.Errorf(im.CodeZoneUnavailable, "")
	if _, cond := do(t, m, s, "set", "", photo); cond != string(stanza.ResourceConstraint) {
		t.Error(cond)
	}
}

func TestStamp(t *testing.T) {
	const mine = `<x xmlns='vcard-temp:x:update'><photo>abc</photo></x>`
	for _, c := range []struct{ rule, hash, in, want string }{
		{"XEP-0398 5", "abc", `<presence/>`, `<presence>` + mine + `</presence>`},
		{"5: empty x", "abc", `<presence><x xmlns='vcard-temp:x:update'/></presence>`, `<presence>` + mine + `</presence>`},
		{"5: empty photo", "abc", `<presence><x xmlns='vcard-temp:x:update'><photo/></x></presence>`, `<presence><x xmlns='vcard-temp:x:update'><photo/></x></presence>`},
		{"5: another hash", "abc", `<presence><x xmlns='vcard-temp:x:update'><photo>def</photo></x></presence>`, `<presence>` + mine + `</presence>`},
		{"5: several", "abc", `<presence><x xmlns='vcard-temp:x:update'/><x xmlns='vcard-temp:x:update'><photo/></x></presence>`, `<presence>` + mine + `</presence>`},
		{"5: no photo", "", `<presence><x xmlns='vcard-temp:x:update'/></presence>`, `<presence><x xmlns='vcard-temp:x:update'/></presence>`},
		{"5: only available presence", "abc", `<presence type='unavailable'/>`, `<presence type='unavailable'/>`},
		{"5: directed, as to a room", "abc", `<presence to='r@c/n'><x xmlns='http://jabber.org/protocol/muc'/></presence>`, `<presence to='r@c/n'><x xmlns='http://jabber.org/protocol/muc'/>` + mine + `</presence>`},
	} {
		st := xmpptest.Parse(t, c.in)
		Stamp(st, c.hash)
		if got := xmpptest.Text(st); got != c.want {
			t.Errorf("%s: %s; want %s", c.rule, got, c.want)
		}
	}
}
