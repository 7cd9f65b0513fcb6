package pep

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// subscribers lists for the owner who has subscribed (XEP-0060 section 8.8.1).
func (v *Service) subscribers(ctx context.Context, r *request) (*xmlstream.Element, error) {
	return v.people(ctx, r, "subscriptions", func(c *config, add func(jid, role string)) {
		for _, jid := range c.Subs {
			add(jid, "subscribed")
		}
	})
}

// affiliated lists for the owner who stands in a relation to the node (section
// 8.9.1).
func (v *Service) affiliated(ctx context.Context, r *request) (*xmlstream.Element, error) {
	return v.people(ctx, r, "affiliations", func(c *config, add func(jid, role string)) {
		add(r.who().String(), "owner")
		for _, jid := range c.Members {
			add(jid, "member")
		}
	})
}

func (v *Service) people(ctx context.Context, r *request, list string, each func(*config, func(jid, role string))) (*xmlstream.Element, error) {
	leaf, _, err := r.core.LeafItems(ctx, r.Owner, LeafName(r.node), im.ItemQuery{IDs: []string{""}})
	if err != nil {
		return nil, noNode(err)
	}
	c := load(leaf)
	one := list[:len(list)-1]
	out := xmlstream.New(nsOwner, list).SetAttr("node", r.node)
	each(&c, func(jid, role string) {
		out.AddNew(nsOwner, one).SetAttr("jid", jid).SetAttr(one, role)
	})
	return pubsub(nsOwner, out), nil
}

// editSubscribers ends subscriptions of others (section 8.8.2). Nobody is
// subscribed by somebody else.
func (v *Service) editSubscribers(ctx context.Context, r *request) (*xmlstream.Element, error) {
	return v.editPeople(ctx, r, "subscription", func(c *config, a im.Addr, role string) bool {
		i := slices.Index(c.Subs, a.String())
		switch {
		case role == "none" && i >= 0:
			c.Subs = slices.Delete(c.Subs, i, i+1)
		case role == "subscribed":
			return i >= 0
		}
		return role == "none"
	})
}

// affiliate makes addresses members of a node or not (section 8.9.2). There is
// one owner and publisher: the account.
func (v *Service) affiliate(ctx context.Context, r *request) (*xmlstream.Element, error) {
	own := r.who()
	return v.editPeople(ctx, r, "affiliation", func(c *config, a im.Addr, role string) bool {
		if a == own || a.Resource != "" {
			return a == own && role == "owner"
		}
		i := slices.Index(c.Members, a.String())
		switch {
		case role == "none" && i >= 0:
			c.Members = slices.Delete(c.Members, i, i+1)
		case role == "member" && i < 0:
			c.Members = append(c.Members, a.String())
		}
		return (role == "none" || role == "member") && len(c.Members) <= maxPeople
	})
}

// editPeople carries out a list of changes, all or none.
func (v *Service) editPeople(ctx context.Context, r *request, one string, change func(c *config, a im.Addr, role string) bool) (*xmlstream.Element, error) {
	_, err := v.edit(ctx, r, func(c *config, _ []string) (im.LeafEdit, error) {
		for e := range r.action.Children() {
			if !e.Is(nsOwner, one) {
				continue
			}
			a, err := im.ParseAddr(e.Attr("jid"))
			if err != nil || !change(c, a, e.Attr(one)) {
				return im.LeafEdit{}, stanza.Errorf(stanza.NotAcceptable, "the "+one+" of "+e.Attr("jid")+" cannot be that")
			}
		}
		return im.LeafEdit{Config: altered}, nil
	})
	return nil, err
}
