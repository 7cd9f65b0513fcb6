package blocking

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func setup(t testing.TB) (*xmpptest.Cell, *iq.Mux, *xmpptest.Session) {
	t.Helper()
	m := iq.NewMux()
	Register(m)
	c := xmpptest.New()
	return c, m, c.Session("juliet/chamber")
}

func TestBlocking(t *testing.T) {
	c, m, s := setup(t)
	other := c.Session("juliet/balcony")
	other.Turn(iq.BlockPush, true)
	const head = `<iq type='result' to='juliet@example.org/chamber' id='1'`
	seen := 0
	for _, x := range []struct{ rule, request, want, push string }{
		{"XEP-0191 3.2: empty", `<iq type='get' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>`, head + `><blocklist xmlns='urn:xmpp:blocking'/></iq>`, ""},
		{
			"3.3: block", `<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='Romeo@example.net'/><item jid='example.com'/><item jid='example.com'/></block></iq>`, head + `/>`,
			`<iq type='set' id='block-1' to='%'><block xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/><item jid='example.com'/></block></iq>`,
		},
		{"3.3: again", `<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='example.com'/></block></iq>`, head + `/>`, ""},
		{
			"XEP-0377: with a report", `<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='a@b/c'><report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'/></item></block></iq>`, head + `/>`,
			`<iq type='set' id='block-2' to='%'><block xmlns='urn:xmpp:blocking'><item jid='a@b/c'/></block></iq>`,
		},
		{"3.2: the list", `<iq type='get' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>`, head + `><blocklist xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/><item jid='example.com'/><item jid='a@b/c'/></blocklist></iq>`, ""},
		{
			"3.4: unblock", `<iq type='set' id='1'><unblock xmlns='urn:xmpp:blocking'><item jid='example.com'/></unblock></iq>`, head + `/>`,
			`<iq type='set' id='unblock-3' to='%'><unblock xmlns='urn:xmpp:blocking'><item jid='example.com'/></unblock></iq>`,
		},
		{"3.4: who was not blocked", `<iq type='set' id='1'><unblock xmlns='urn:xmpp:blocking'><item jid='example.com'/></unblock></iq>`, head + `/>`, ""},
		{
			"3.5: unblock all", `<iq type='set' id='1'><unblock xmlns='urn:xmpp:blocking'/></iq>`, head + `/>`,
			`<iq type='set' id='unblock-4' to='%'><unblock xmlns='urn:xmpp:blocking'/></iq>`,
		},
		{"3.5: again", `<iq type='set' id='1'><unblock xmlns='urn:xmpp:blocking'> </unblock></iq>`, head + `/>`, ""},
	} {
		if got := xmpptest.Text(xmpptest.Serve(t, m, s, x.request)); got != x.want {
			t.Errorf("%s:\n got %s\nwant %s", x.rule, got, x.want)
		}
		all := c.Log("juliet")
		for _, who := range []*xmpptest.Session{s, other} { // section 3.3: to the one who did it, too
			var got, want []string
			for i := seen; i < len(all); i++ {
				got = append(got, xmpptest.Texts(Entry(who, &all[i]))...)
			}
			if x.push != "" {
				want = []string{strings.ReplaceAll(x.push, "%", who.Addr().String())}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, push:\n got %v\nwant %v", x.rule, got, want)
			}
		}
		seen = len(all)
	}
}

func TestEntry(t *testing.T) {
	_, _, s := setup(t)
	e := im.Entry{Seq: 7, Kind: im.KindBlock, Block: &im.Block{Blocked: []im.Addr{{Domain: "a"}}, Unblocked: []im.Addr{{Domain: "b"}}}}
	if got := Entry(s, &e); got != nil {
		t.Error("XEP-0191 3.3: a push to a client that has not asked for the list:", got)
	}
	s.Turn(iq.BlockPush, true)
	if got := Entry(s, &e); len(got) != 2 || got[0].Attr("id") == got[1].Attr("id") {
		t.Error("both:", got)
	}
	for _, e := range []im.Entry{{Kind: im.KindMessage}, {Kind: im.KindBlock}, {Kind: im.KindBlock, Block: &im.Block{}}} {
		if got := Entry(s, &e); got != nil {
			t.Error(got)
		}
	}
}

func TestRefused(t *testing.T) {
	var many strings.Builder
	for i := range maxItems + 1 {
		fmt.Fprintf(&many, `<item jid='u%d@b'/>`, i)
	}
	for _, x := range []struct {
		rule, payload string
		want          stanza.Condition
	}{
		{"XEP-0191 3.3: nobody", `<block xmlns='urn:xmpp:blocking'/>`, stanza.BadRequest},
		{"3.3: no item of ours", `<block xmlns='urn:xmpp:blocking'><item xmlns='u' jid='a@b'/></block>`, stanza.BadRequest},
		{"no jid", `<block xmlns='urn:xmpp:blocking'><item/></block>`, stanza.BadRequest},
		{"no jid is not everybody", `<unblock xmlns='urn:xmpp:blocking'><item/></unblock>`, stanza.BadRequest},
		{"another element is not everybody", `<unblock xmlns='urn:xmpp:blocking'><items jid='a@b'/></unblock>`, stanza.BadRequest},
		{"malformed", `<block xmlns='urn:xmpp:blocking'><item jid='a@b'/><item jid='@b'/></block>`, stanza.JIDMalformed},
		{"malformed", `<unblock xmlns='urn:xmpp:blocking'><item jid=''/></unblock>`, stanza.JIDMalformed},
		{"5: own address", `<block xmlns='urn:xmpp:blocking'><item jid='juliet@example.org/balcony'/></block>`, stanza.NotAllowed},
		{"bounded", `<block xmlns='urn:xmpp:blocking'>` + many.String() + `</block>`, stanza.PolicyViolation},
	} {
		c, m, s := setup(t)
		st := xmpptest.Serve(t, m, s, `<iq type='set' id='1'>`+x.payload+`</iq>`)
		if got := xmpptest.Condition(st); got != string(x.want) || len(c.Log("juliet")) != 0 {
			t.Errorf("%s: %q; want %q", x.rule, got, x.want)
		}
	}
}

func TestOthersAndFailures(t *testing.T) {
	c, m, s := setup(t)
	c.User("romeo")
	for _, to := range []string{"romeo@example.org", "nobody@example.org", "example.org"} {
		st := xmpptest.Serve(t, m, s, `<iq type='get' id='1' to='`+to+`'><blocklist xmlns='urn:xmpp:blocking'/></iq>`)
		if xmpptest.Condition(st) != string(stanza.ServiceUnavailable) {
			t.Error("the list of", to, st)
		}
	}
	c.Fail["*"] = im.Errorf(im.CodeZoneUnavailable, "")
	for _, x := range []string{
		`<iq type='get' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>`,
		`<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='a@b'/></block></iq>`,
		`<iq type='set' id='1'><unblock xmlns='urn:xmpp:blocking'/></iq>`,
	} {
		if st := xmpptest.Serve(t, m, s, x); xmpptest.Condition(st) != string(stanza.ResourceConstraint) || s.Has(iq.BlockPush) {
			t.Error(x, st)
		}
	}
}

func FuzzItems(f *testing.F) {
	f.Add(`<item jid='a@b/c'/><item jid='b'/>`)
	f.Fuzz(func(t *testing.T, in string) {
		st, err := stanza.Parse([]byte(`<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'>` + in + `</block></iq>`))
		if err != nil {
			return
		}
		_, m, s := setup(t)
		if _, err := m.Serve(context.Background(), xmpptest.Request(t, s, st)); err != nil {
			return
		}
		list, err := s.Core().BlockList(context.Background())
		if err != nil || len(list) == 0 {
			t.Error(in, list, err)
		}
	})
}
