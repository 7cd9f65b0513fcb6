// Package iq dispatches requests (RFC 6120 section 8.2.3) that the server
// answers itself, for its domain and its rooms or on behalf of an account, and
// collects what service discovery says of those. Packages of XEPs register handlers
// with a Mux; package c2s serves it.
//
// It leaves requests between clients to c2s, and every rule about who may to the
// handlers and the core.
package iq

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Target says for whom the server answers. Values can be joined.
type Target uint8

// The targets.
const (
	Server  Target = 1 << iota // the domain
	Own                        // the asker's account: no 'to', or his bare address
	Account                    // the account of another user of this server
	// Nobody is an account of this server that does not exist. Handlers answer for
	// it what they answer for an account that the asker may know nothing of.
	Nobody
	Rooms // where the rooms of a domain are (XEP-0045)
	Room  // a room; Request.Room says which
)

// Request is a request to the server. A handler may keep the payload.
type Request struct {
	Session Session
	Target  Target
	Set     bool
	From    im.Addr   // full, of Session
	To      im.Addr   // bare; a domain, an account or a room
	Owner   im.UserID // Own, Account: whose
	// Room, with that target, is the room as the asker may see it; its Group has no
	// ID when there is none that he may know of.
	Room    im.GroupState
	ID      string
	Payload *xmlstream.Element
	Stanza  *xmlstream.Element
	// First is set by a handler: stanzas that the client gets right before the
	// result.
	First []*xmlstream.Element
	// Then is set by a handler: stanzas that the client gets right behind the
	// result, before anything else that happens.
	Then []*xmlstream.Element
}

// Handler answers a request: with the payload of a result, which may be nil, or
// an error as stanza.Of reads it. It runs on the runner of the session, so it
// may wait for the storage, and the session's stanzas wait for it.
type Handler func(ctx context.Context, r *Request) (*xmlstream.Element, error)

// Flag is something that a client has turned on for its session.
type Flag uint8

// The flags.
const (
	Interested Flag = 1 << iota // has asked for the roster (RFC 6121 section 2.2)
	Carbons                     // XEP-0280
	BlockPush                   // has asked for the block list (XEP-0191 section 3.2)
	Archive                     // has asked the archive, so it needs no offline messages
)

// Session is the session of a client as handlers see it.
type Session interface {
	// Core is the session in the core, through which everything is done.
	Core() im.Session
	// Addr is the full address of the client.
	Addr() im.Addr
	// Domain is the domain that the client has logged in at.
	Domain() string
	// Device is the device that the session runs on.
	Device() im.Device
	// Send queues a stanza to the client. Any goroutine may call it.
	Send(st *xmlstream.Element)
	// Ask sends a request to the client and calls done on the session's runner with
	// the answer, an error stanza included, or nil when the session ends before.
	Ask(payload *xmlstream.Element, get bool, done func(ctx context.Context, answer *xmlstream.Element))
	// Has and Turn read and change flags; only the session's runner may Turn.
	Has(f Flag) bool
	Turn(f Flag, on bool)
	// Interests sets im.Presence.Interests of the session, and tells the cell when
	// it changed. Only the session's runner may call it.
	Interests(nodes []string)
}

// Identity is one of service discovery (XEP-0030 section 3.1).
type Identity struct{ Category, Type, Name string }

type key struct {
	set          bool
	space, local string
}

type entry struct {
	target Target
	handle Handler
}

// Mux finds the handler of a request. It is filled before it serves; from then
// on any goroutine may call it.
type Mux struct {
	handlers   map[key][]entry
	features   map[Target][]string
	identities map[Target][]Identity
}

// NewMux returns an empty Mux.
func NewMux() *Mux {
	return &Mux{handlers: make(map[key][]entry), features: make(map[Target][]string), identities: make(map[Target][]Identity)}
}

// Get registers the handler of get requests whose payload has the name.
func (m *Mux) Get(t Target, space, local string, h Handler) { m.add(key{false, space, local}, t, h) }

// Set registers the handler of set requests.
func (m *Mux) Set(t Target, space, local string, h Handler) { m.add(key{true, space, local}, t, h) }

func (m *Mux) add(k key, t Target, h Handler) { m.handlers[k] = append(m.handlers[k], entry{t, h}) }

// Feature adds features to what discovery says of targets.
func (m *Mux) Feature(t Target, namespaces ...string) {
	each(t, func(t Target) { m.features[t] = append(m.features[t], namespaces...) })
}

// Identity adds an identity to what discovery says of targets.
func (m *Mux) Identity(t Target, i Identity) {
	each(t, func(t Target) { m.identities[t] = append(m.identities[t], i) })
}

// Features returns the features of one target, sorted, each once.
func (m *Mux) Features(t Target) []string {
	out := slices.Clone(m.features[t])
	slices.Sort(out)
	return slices.Compact(out)
}

// Identities returns the identities of one target.
func (m *Mux) Identities(t Target) []Identity { return m.identities[t] }

func each(t Target, f func(Target)) {
	for _, one := range []Target{Server, Own, Account, Nobody, Rooms, Room} {
		if t&one != 0 {
			f(one)
		}
	}
}

// Serve answers a request. What nobody handles is service-unavailable (RFC 6120
// section 8.4).
func (m *Mux) Serve(ctx context.Context, r *Request) (*xmlstream.Element, error) {
	for _, e := range m.handlers[key{r.Set, r.Payload.Space, r.Payload.Local}] {
		if e.target&r.Target != 0 {
			return e.handle(ctx, r)
		}
	}
	return nil, stanza.Errorf(stanza.ServiceUnavailable, "")
}
