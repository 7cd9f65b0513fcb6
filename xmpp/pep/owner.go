package pep

import (
	"context"
	"crypto/rand"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// create makes a node, configured if the request says how (XEP-0060 section 8.1).
func (v *Service) create(ctx context.Context, r *request) (*xmlstream.Element, error) {
	node := r.node
	if node == "" {
		node = rand.Text()
	}
	c, err := wished(r, node)
	if err != nil {
		return nil, err
	}
	err = r.core.EditLeaf(ctx, r.Owner, LeafName(node), func(_ im.Leaf, exists bool, _ []string) (im.LeafEdit, error) {
		if exists {
			return im.LeafEdit{}, stanza.Errorf(stanza.Conflict, "there is such a node already")
		}
		return im.LeafEdit{Config: c.store()}, nil
	})
	if err != nil {
		return nil, err
	}
	return pubsub(nsPubsub, xmlstream.New(nsPubsub, "create").SetAttr("node", node)), nil
}

// wished reads the configure element beside create (section 8.1.3).
func wished(r *request, node string) (config, error) {
	c := defaults(node)
	e := r.Payload.Child(nsPubsub, "configure")
	if e == nil {
		return c, nil
	}
	if _, named := e.LookupAttr("", "node"); named || r.Payload.First() != r.action {
		return c, stanza.Errorf(stanza.BadRequest, "configure follows create and names no node")
	}
	if form.Child(e) == nil {
		return c, nil
	}
	f, err := configured(e)
	if err != nil || f == nil {
		return c, err
	}
	return c.apply(f)
}

// configuration answers with the form to configure a node (section 8.2.1).
func (v *Service) configuration(ctx context.Context, r *request) (*xmlstream.Element, error) {
	leaf, _, err := r.core.LeafItems(ctx, r.Owner, LeafName(r.node), im.ItemQuery{IDs: []string{""}})
	if err != nil {
		return nil, noNode(err)
	}
	e := about("configure", r.node)
	e.Space = nsOwner
	return pubsub(nsOwner, e.Add(load(leaf).form(form.TypeForm).Element())), nil
}

// configure takes the filled-in form (sections 8.2.4 and 8.2.5).
func (v *Service) configure(ctx context.Context, r *request) (*xmlstream.Element, error) {
	f, err := configured(r.action)
	if err != nil {
		return nil, err
	}
	c, err := v.edit(ctx, r, func(c *config, _ []string) (edit im.LeafEdit, err error) {
		if f == nil {
			return edit, nil
		}
		if *c, err = c.apply(f); err != nil {
			return edit, err
		}
		return im.LeafEdit{Config: altered, Purge: !c.Persist, MaxItems: c.keep()}, nil
	})
	if err != nil || f == nil || !c.NotifyConfig {
		return nil, err
	}
	e := about("configuration", r.node)
	if c.Payloads {
		e.Add(c.form(form.TypeResult).Element())
	}
	v.notify(ctx, r.Session, r.node, c, e)
	return nil, nil
}

// defaults answers with the form of a node that nobody has configured (section
// 8.3).
func (v *Service) defaults(_ context.Context, r *request) (*xmlstream.Element, error) {
	if typ := r.action.Attr("type"); typ != "" && typ != "leaf" {
		return nil, unsupported("collections")
	}
	e := xmlstream.New(nsOwner, "default").Add(defaults("").form(form.TypeForm).Element())
	return pubsub(nsOwner, e), nil
}
