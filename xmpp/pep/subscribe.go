package pep

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// subscribe adds the asker's address to who gets events whatever his interests
// (XEP-0060 section 6.1). The owner is subscribed to everything anyway.
func (v *Service) subscribe(ctx context.Context, r *request) (*xmlstream.Element, error) {
	jid, err := r.subscriber()
	if err != nil {
		return nil, err
	}
	if jid.Bare() != r.who() { // section 6.1.3.1
		return nil, fail(stanza.BadRequest, "invalid-jid", "only you can subscribe your address")
	}
	// First without the lock of an account that may be somebody else's.
	c, _, err := r.read(ctx, im.ItemQuery{IDs: []string{""}})
	if err != nil {
		return nil, err
	}
	err = r.core.EditLeaf(ctx, r.Owner, LeafName(r.node), func(l im.Leaf, exists bool, _ []string) (im.LeafEdit, error) {
		if !exists {
			return im.LeafEdit{}, errNode
		}
		c = load(l)
		if err := r.admit(ctx, &c); err != nil || r.own() || slices.Contains(c.Subs, jid.String()) {
			return im.LeafEdit{}, err
		}
		if len(c.Subs) >= maxPeople || c.subsOf(r.who()) >= maxSubs {
			return im.LeafEdit{}, fail(stanza.PolicyViolation, "too-many-subscriptions", "")
		}
		c.Subs = append(c.Subs, jid.String())
		return im.LeafEdit{Config: c.store()}, nil
	})
	if err != nil {
		return nil, err
	}
	if c.Last != lastNever && c.Notify {
		v.note(r.Session, "the last item was not sent", sendLast(ctx, r.Session, r.Owner, r.To, r.node, jid))
	}
	return pubsub(nsPubsub, subscription(r.node, jid.String(), "subscribed")), nil
}

// subsOf counts the subscriptions of one user: nobody takes the places of all.
func (c *config) subsOf(who im.Addr) (n int) {
	for _, jid := range c.Subs {
		if a, err := im.ParseAddr(jid); err == nil && a.Bare() == who {
			n++
		}
	}
	return n
}

// unsubscribe undoes subscribe (XEP-0060 section 6.2).
func (v *Service) unsubscribe(ctx context.Context, r *request) (*xmlstream.Element, error) {
	jid, err := r.subscriber()
	if err != nil {
		return nil, err
	}
	if jid.Bare() != r.who() { // section 6.2.3.3
		return nil, stanza.Errorf(stanza.Forbidden, "only you can end a subscription of your address")
	}
	c, _, err := r.read(ctx, im.ItemQuery{IDs: []string{""}})
	switch {
	case slices.Contains(c.Subs, jid.String()): // also who may not read any more
	case err != nil:
		return nil, err
	default:
		return nil, errNotSubscribed
	}
	err = r.core.EditLeaf(ctx, r.Owner, LeafName(r.node), func(l im.Leaf, exists bool, _ []string) (im.LeafEdit, error) {
		if !exists {
			return im.LeafEdit{}, errNode
		}
		c := load(l)
		i := slices.Index(c.Subs, jid.String())
		if i < 0 {
			return im.LeafEdit{}, errNotSubscribed
		}
		c.Subs = slices.Delete(c.Subs, i, i+1)
		return im.LeafEdit{Config: c.store()}, nil
	})
	if err != nil {
		return nil, err
	}
	return pubsub(nsPubsub, subscription(r.node, jid.String(), "none")), nil
}

// errNotSubscribed is the answer of section 6.2.3.2.
var errNotSubscribed = &stanza.Error{
	Type: "cancel", Condition: stanza.UnexpectedRequest, App: xmlstream.New(nsErrors, "not-subscribed"),
}

// subscriber reads the address that a request is for.
func (r *request) subscriber() (im.Addr, error) {
	a, err := im.ParseAddr(r.action.Attr("jid"))
	if err != nil || a.Local == "" {
		return a, fail(stanza.BadRequest, "invalid-jid", "the request needs an address in jid")
	}
	return a, nil
}

func subscription(node, jid, state string) *xmlstream.Element {
	return xmlstream.New(nsPubsub, "subscription").SetAttr("node", node).SetAttr("jid", jid).SetAttr("subscription", state)
}

// subscriptions lists the asker's own ones (XEP-0060 section 5.6).
func (v *Service) subscriptions(ctx context.Context, r *request) (*xmlstream.Element, error) {
	out := xmlstream.New(nsPubsub, "subscriptions").OptAttr("node", r.node)
	return v.mine(ctx, r, out, func(node string, c *config) {
		for _, jid := range c.Subs {
			if a, err := im.ParseAddr(jid); err == nil && a.Bare() == r.who() {
				out.Add(subscription(node, jid, "subscribed"))
			}
		}
	})
}

// affiliations lists what the asker is to the nodes (XEP-0060 section 5.7).
func (v *Service) affiliations(ctx context.Context, r *request) (*xmlstream.Element, error) {
	out := xmlstream.New(nsPubsub, "affiliations").OptAttr("node", r.node)
	return v.mine(ctx, r, out, func(node string, c *config) {
		role := ""
		switch {
		case r.own():
			role = "owner"
		case slices.Contains(c.Members, r.who().String()):
			role = "member"
		default:
			return
		}
		out.AddNew(nsPubsub, "affiliation").SetAttr("node", node).SetAttr("affiliation", role)
	})
}

// mine fills out by looking at all nodes, or at the one that is named.
func (v *Service) mine(ctx context.Context, r *request, out *xmlstream.Element, look func(node string, c *config)) (*xmlstream.Element, error) {
	a, err := r.asker(ctx)
	if err != nil {
		return nil, err
	}
	leaves, err := r.core.Leaves(ctx, r.Owner)
	if err != nil {
		return nil, err
	}
	for _, l := range leaves {
		if node, ok := nodeOf(l); ok && (r.node == "" || r.node == node) {
			c := load(l)
			look(node, &c)
		}
	}
	if out.First() == nil && !a.sees() {
		return nil, errStranger
	}
	return pubsub(nsPubsub, out), nil
}
