// Package blocking is the block list as XMPP clients see it (XEP-0191): requests
// and pushes. The core keeps the list and keeps to it.
//
// Package c2s calls Entry for entries of the log; handlers run on the runner of
// their session.
package blocking

import (
	"context"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// maxItems is the most addresses of one request.
const maxItems = 1000

// Register adds the handlers to m.
func Register(m *iq.Mux) {
	m.Get(iq.Own, stanza.NSBlocking, "blocklist", get)
	m.Set(iq.Own, stanza.NSBlocking, "block", block)
	m.Set(iq.Own, stanza.NSBlocking, "unblock", unblock)
	m.Feature(iq.Server|iq.Own, stanza.NSBlocking)
}

// get answers with the list; from then on the session gets pushes (section 3.2).
func get(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	list, err := r.Session.Core().BlockList(ctx)
	if err != nil {
		return nil, err
	}
	r.Session.Turn(iq.BlockPush, true)
	return render("blocklist", list), nil
}

func block(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	list, err := items(r.Payload)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 { // section 3.3
		return nil, stanza.Errorf(stanza.BadRequest, "name whom to block")
	}
	for _, a := range list {
		if a.Bare() == r.From.Bare() { // section 5, note: not from each other
			return nil, stanza.Errorf(stanza.NotAllowed, "you cannot block yourself")
		}
	}
	return nil, r.Session.Core().Block(ctx, list)
}

// unblock without items takes everything off the list (section 3.5).
func unblock(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	list, err := items(r.Payload)
	if err != nil {
		return nil, err
	}
	return nil, r.Session.Core().Unblock(ctx, list)
}

// items reads addresses, each once. What is in other namespaces is not for us.
func items(e *xmlstream.Element) ([]im.Addr, error) {
	var out []im.Addr
	seen := map[im.Addr]bool{}
	for c := range e.Children() {
		if c.Space != stanza.NSBlocking {
			continue
		}
		jid, given := c.LookupAttr("", "jid")
		if c.Local != "item" || !given {
			return nil, stanza.Errorf(stanza.BadRequest, "an item of the block list has a jid")
		}
		a, err := im.ParseAddr(jid)
		if err != nil {
			return nil, stanza.Errorf(stanza.JIDMalformed, "the jid of an item is malformed")
		}
		if seen[a] {
			continue
		}
		if seen[a] = true; len(out) == maxItems {
			return nil, stanza.Errorf(stanza.PolicyViolation, "at most "+strconv.Itoa(maxItems)+" addresses at once")
		}
		out = append(out, a)
	}
	return out, nil
}

func render(local string, list []im.Addr) *xmlstream.Element {
	out := xmlstream.New(stanza.NSBlocking, local)
	for _, a := range list {
		out.Add(xmlstream.New(stanza.NSBlocking, "item").SetAttr("jid", a.String()))
	}
	return out
}

// Entry returns the pushes that the client of s gets for an entry of kind block, if
// it has asked for the list (sections 3.3 to 3.5).
func Entry(s iq.Session, e *im.Entry) []*xmlstream.Element {
	b := e.Block
	if e.Kind != im.KindBlock || b == nil || !s.Has(iq.BlockPush) {
		return nil
	}
	var out []*xmlstream.Element
	push := func(local string, list []im.Addr) {
		id := local + "-" + strconv.FormatUint(e.Seq, 10)
		out = append(out, stanza.New("iq", "set").SetAttr("id", id).SetAttr("to", s.Addr().String()).Add(render(local, list)))
	}
	switch {
	case b.Cleared:
		push("unblock", nil)
	case len(b.Unblocked) > 0:
		push("unblock", b.Unblocked)
	}
	if len(b.Blocked) > 0 {
		push("block", b.Blocked)
	}
	return out
}
