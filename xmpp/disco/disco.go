// Package disco is service discovery (XEP-0030) for the domain and its accounts,
// and entity capabilities (XEP-0115): those of the server, and what a client's say
// of the events that it wants.
//
// It leaves what is discovered to the packages that register with the iq.Mux, and
// the nodes of accounts to who owns them: they hook in with Info and Items.
// Package cmd/node fills it before it serves; from then on any goroutine may call
// it.
package disco

import (
	"context"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Options is what the server says of itself.
type Options struct {
	Name     string // of the software
	Version  string
	Node     string // a URI that names the software (XEP-0115 section 4)
	Contacts Contacts
	Services []Item // of the domain
}

// Item is one of discovery (XEP-0030 section 4).
type Item struct{ JID, Node, Name string }

// Info is what discovery says of an entity or node.
type Info struct {
	Identities []iq.Identity
	Features   []string
	Forms      []*form.Form // XEP-0128
}

// InfoFunc answers for a node; nil when it does not know it.
type InfoFunc func(ctx context.Context, r *iq.Request, node string) (*Info, error)

// ItemsFunc returns what lies below a node, or below the entity itself when node is
// empty. known is false when there is no such node.
type ItemsFunc func(ctx context.Context, r *iq.Request, node string) (items []Item, known bool, err error)

// Disco answers discovery.
type Disco struct {
	mux   *iq.Mux
	opt   Options
	info  []hook[InfoFunc]
	items []hook[ItemsFunc]
	cache *cache
	caps  func() *xmlstream.Element
}

type hook[F any] struct {
	target iq.Target
	call   F
}

// Register adds the handlers to m.
func Register(m *iq.Mux, o Options) *Disco {
	d := &Disco{mux: m, opt: o, cache: newCache(maxCached)}
	d.caps = sync.OnceValue(d.makeCaps)
	const all = iq.Server | iq.Own | iq.Account
	m.Identity(iq.Server, iq.Identity{Category: "server", Type: "im", Name: o.Name})
	m.Identity(iq.Own|iq.Account, iq.Identity{Category: "account", Type: "registered"})
	m.Feature(all, stanza.NSInfo, stanza.NSItems)
	m.Feature(iq.Server, stanza.NSCaps)
	m.Get(all|iq.Nobody, stanza.NSInfo, "query", d.getInfo)
	m.Get(all|iq.Nobody, stanza.NSItems, "query", d.getItems)
	return d
}

// Info adds who answers for nodes of targets.
func (d *Disco) Info(t iq.Target, f InfoFunc) { d.info = append(d.info, hook[InfoFunc]{t, f}) }

// Items adds who lists items of targets.
func (d *Disco) Items(t iq.Target, f ItemsFunc) { d.items = append(d.items, hook[ItemsFunc]{t, f}) }

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
	return i.element(node), nil
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

func (i *Info) element(node string) *xmlstream.Element {
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
