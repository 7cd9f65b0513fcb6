package disco

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// mayAsk reports whether the asker may know of the account (section 8): he sees
// its user's presence.
func mayAsk(ctx context.Context, r *iq.Request) (bool, error) {
	switch r.Target {
	case iq.Account:
		c, err := r.Session.Core().ContactOf(ctx, r.Owner)
		return c.Sub.Has(im.SubFrom), err
	case iq.Nobody:
		return false, nil
	}
	return true, nil
}

func (d *Disco) getInfo(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	ok, err := mayAsk(ctx, r)
	if err != nil {
		return nil, err
	}
	if !ok { // section 8, rule 1
		return nil, stanza.Errorf(stanza.ServiceUnavailable, "")
	}
	node := r.Payload.Attr("node")
	i, err := d.find(ctx, r, node)
	if err != nil {
		return nil, err
	}
	return i.Element(node), nil
}

// find returns what is said of a node, or of the entity itself.
func (d *Disco) find(ctx context.Context, r *iq.Request, node string) (*Info, error) {
	if node == "" {
		return d.of(r.Target), nil
	}
	if c := d.caps(); r.Target == iq.Server && node == c.Attr("node")+"#"+c.Attr("ver") {
		return d.of(iq.Server), nil // XEP-0115 section 6.2
	}
	for _, h := range d.info {
		if h.target&r.Target == 0 {
			continue
		}
		if i, err := h.call(ctx, r, node); i != nil || err != nil {
			return i, err
		}
	}
	return nil, stanza.Errorf(stanza.ItemNotFound, "there is no such node")
}

// of returns what was registered for a target.
func (d *Disco) of(t iq.Target) *Info {
	i := &Info{Identities: d.mux.Identities(t), Features: d.mux.Features(t)}
	if t == iq.Server {
		i.Forms = d.opt.forms()
	}
	return i
}

// Element renders i as the answer for a node, or for the entity itself when node is
// empty.
func (i *Info) Element(node string) *xmlstream.Element {
	out := xmlstream.New(stanza.NSInfo, "query").OptAttr("node", node)
	for _, x := range i.Identities {
		out.Add(xmlstream.New(stanza.NSInfo, "identity").SetAttr("category", x.Category).SetAttr("type", x.Type).OptAttr("name", x.Name))
	}
	for _, f := range i.Features {
		out.Add(xmlstream.New(stanza.NSInfo, "feature").SetAttr("var", f))
	}
	for _, f := range i.Forms {
		out.Add(f.Element())
	}
	return out
}

func (d *Disco) getItems(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	node := r.Payload.Attr("node")
	out := xmlstream.New(stanza.NSItems, "query").OptAttr("node", node)
	ok, err := mayAsk(ctx, r)
	if err != nil {
		return nil, err
	}
	if !ok { // section 8, rule 2
		return out, nil
	}
	items, known, err := d.list(ctx, r, node)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, stanza.Errorf(stanza.ItemNotFound, "there is no such node")
	}
	for _, i := range items {
		out.Add(xmlstream.New(stanza.NSItems, "item").SetAttr("jid", i.JID).OptAttr("node", i.Node).OptAttr("name", i.Name))
	}
	return out, nil
}

func (d *Disco) list(ctx context.Context, r *iq.Request, node string) (all []Item, known bool, err error) {
	if node == "" {
		known, all = true, d.own(r)
	}
	for _, h := range d.items {
		if h.target&r.Target == 0 {
			continue
		}
		items, ok, err := h.call(ctx, r, node)
		if err != nil {
			return nil, false, err
		}
		all, known = append(all, items...), known || ok
	}
	return all, known, nil
}

// own returns the services of the domain, or the available resources of an account
// (section 4.1).
func (d *Disco) own(r *iq.Request) []Item {
	if r.Target == iq.Server {
		return append([]Item(nil), d.opt.Services...)
	}
	var out []Item
	for _, s := range r.Session.Core().SessionsOf(r.Owner) {
		if s.Presence.Show > im.ShowInvisible {
			out = append(out, Item{JID: r.To.String() + "/" + s.Resource})
		}
	}
	return out
}
