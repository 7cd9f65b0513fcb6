// Package disco is service discovery (XEP-0030) for the domain and its accounts,
// what the service of rooms can do, and entity capabilities (XEP-0115): those of the
// server, and what a client's say of the events that it wants.
//
// It leaves what is discovered to the packages that register with the iq.Mux, rooms
// to package muc, and the nodes of accounts to who owns them: they hook in with Info
// and Items, before anything is served. From then on any goroutine may call it.
package disco

import (
	"context"
	"sync"

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
	m.Feature(all|iq.Rooms, stanza.NSInfo, stanza.NSItems)
	m.Feature(iq.Server, stanza.NSCaps)
	m.Get(all|iq.Nobody|iq.Rooms, stanza.NSInfo, "query", d.getInfo)
	m.Get(all|iq.Nobody, stanza.NSItems, "query", d.getItems)
	return d
}

// Info adds who answers for nodes of targets.
func (d *Disco) Info(t iq.Target, f InfoFunc) { d.info = append(d.info, hook[InfoFunc]{t, f}) }

// Items adds who lists items of targets.
func (d *Disco) Items(t iq.Target, f ItemsFunc) { d.items = append(d.items, hook[ItemsFunc]{t, f}) }
