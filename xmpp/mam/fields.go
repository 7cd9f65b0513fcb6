package mam

import (
	"context"

	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsValidate = "http://jabber.org/protocol/xdata-validate" // XEP-0122

// Fields answers which fields a query to any archive can have (section 4.1.5).
func Fields(context.Context, *iq.Request) (*xmlstream.Element, error) {
	f := form.New(form.TypeForm, stanza.NSMAM)
	for _, x := range []form.Field{
		{Var: "with", Type: form.JIDSingle},
		{Var: "start", Type: form.TextSingle},
		{Var: "end", Type: form.TextSingle},
		{Var: "before-id", Type: form.TextSingle},
		{Var: "after-id", Type: form.TextSingle},
		{Var: "ids", Type: form.ListMulti},
		{Var: "include-groupchat", Type: form.Boolean},
	} {
		f.Add(x)
	}
	e := f.Element()
	for c := range e.Children() {
		if c.Attr("var") == "ids" { // any id, not one of a list
			c.AddNew(nsValidate, "validate").SetAttr("datatype", "xs:string").AddNew(nsValidate, "open")
		}
	}
	return xmlstream.New(stanza.NSMAM, "query").Add(e), nil
}

// metadata tells where the archive begins and ends (section 5).
func (s *Service) metadata(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	return s.Metadata(ctx, newAccount(r))
}

// Metadata answers where an archive begins and ends. Who may know is for the
// caller.
func (s *Service) Metadata(ctx context.Context, src Source) (*xmlstream.Element, error) {
	out := xmlstream.New(stanza.NSMAM, "metadata")
	for _, name := range []string{"start", "end"} {
		q := &query{}
		q.page.Max, q.page.Backwards = 1, name == "end"
		p, err := s.find(ctx, src, q, false)
		if err != nil {
			return nil, err
		}
		if len(p.entries) > 0 {
			e := &p.entries[0]
			out.AddNew(stanza.NSMAM, name).SetAttr("id", id(e)).SetAttr("timestamp", message.Stamp(e.MsgID.Time()))
		}
	}
	return out, nil
}
