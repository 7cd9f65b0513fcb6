package xmpptest

import (
	"context"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func TestCell(t *testing.T) {
	c, ctx := New(), context.Background()
	romeo, juliet := c.Session("romeo/orchard"), c.Session("juliet/balcony")
	peer := c.User("juliet")
	for _, say := range []func() error{
		func() error { return romeo.Core().Subscription(ctx, im.Contact{User: peer}, im.Subscribe) },
		func() error {
			return juliet.Core().Subscription(ctx, im.Contact{User: c.User("romeo")}, im.Subscribed)
		},
	} {
		if err := say(); err != nil {
			t.Fatal(err)
		}
	}
	k, err := romeo.Core().Contact(ctx, peer)
	if err != nil || k.Sub != im.SubTo {
		t.Error(k, err)
	}
	last := c.Log("romeo")[1].Contact
	if len(last.Said) != 1 || last.Said[0] != im.Subscribed {
		t.Error(last)
	}
	p, err := romeo.Core().Archive(ctx, im.ArchiveQuery{Kinds: []im.Kind{im.KindContact}, After: 1, Limit: 10})
	if err != nil || len(p.Entries) != 1 || p.Entries[0].Seq != 2 {
		t.Error(p, err)
	}
	c.Fail["Contact"] = im.Errorf(im.CodeZoneUnavailable, "")
	if _, err := romeo.Core().Contact(ctx, peer); im.CodeOf(err) != im.CodeZoneUnavailable {
		t.Error(err)
	}
}

func TestServe(t *testing.T) {
	c, m := New(), iq.NewMux()
	s := c.Session("romeo/orchard")
	c.User("juliet")
	m.Get(iq.Server|iq.Account, "u", "q", func(_ context.Context, r *iq.Request) (*xmlstream.Element, error) {
		return xmlstream.NewText("u", "q", r.To.String()), nil
	})
	for to, want := range map[string]string{
		"example.org":        `<iq type='result' from='example.org' to='romeo@example.org/orchard' id='1'><q xmlns='u'>example.org</q></iq>`,
		"juliet@example.org": `<iq type='result' from='juliet@example.org' to='romeo@example.org/orchard' id='1'><q xmlns='u'>juliet@example.org</q></iq>`,
	} {
		if got := Text(Serve(t, m, s, `<iq type='get' id='1' to='`+to+`'><q xmlns='u'/></iq>`)); got != want {
			t.Error(got)
		}
	}
	if got := Condition(Serve(t, m, s, `<iq type='get' id='1'><q xmlns='u'/></iq>`)); got != string(stanza.ServiceUnavailable) {
		t.Error(got)
	}
}
