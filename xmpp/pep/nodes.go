package pep

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
)

// NodeInfo is a node as service discovery shows it.
type NodeInfo struct {
	Name  string
	Title string
	// Meta is the form of XEP-0060 section 5.4.
	Meta *form.Form
}

// Nodes lists the nodes of the account in r that the asker may read (XEP-0163
// section 6.2): the items of the account for disco#items. One who may not see the
// account and for whom nothing is open gets the error of a stranger.
func (v *Service) Nodes(ctx context.Context, q *iq.Request) ([]NodeInfo, error) {
	r := &request{Request: q, core: q.Session.Core()}
	a, err := r.asker(ctx)
	if err != nil {
		return nil, err
	}
	leaves, err := r.core.Leaves(ctx, r.Owner)
	if err != nil {
		return nil, err
	}
	var out []NodeInfo
	for _, l := range leaves {
		if node, ok := nodeOf(l); ok {
			if c := load(l); c.admits(a) == nil {
				out = append(out, NodeInfo{Name: node, Title: c.Title, Meta: c.meta(r.To)})
			}
		}
	}
	if len(out) == 0 && !a.sees() {
		return nil, errStranger
	}
	return out, nil
}

// Node tells of one node, and the ids of its items, for disco#info and
// disco#items with a node.
func (v *Service) Node(ctx context.Context, q *iq.Request, node string) (NodeInfo, []string, error) {
	r := &request{Request: q, core: q.Session.Core(), node: node}
	c, items, err := r.read(ctx, im.ItemQuery{})
	if err != nil {
		return NodeInfo{}, nil, r.hide(ctx, err)
	}
	ids := make([]string, 0, len(items))
	for _, i := range items {
		ids = append(ids, i.ID)
	}
	return NodeInfo{Name: node, Title: c.Title, Meta: c.meta(r.To)}, ids, nil
}

func (c config) meta(owner im.Addr) *form.Form {
	f := form.New(form.TypeResult, formMeta)
	f.Add(form.Field{Var: "pubsub#owner", Type: form.JIDMulti, Values: []string{owner.String()}})
	for _, name := range []string{"type", "title", "description", "access_model", "publish_model", "max_items"} {
		x, _ := lookup("pubsub#" + name)
		if values := x.get(&c); len(values) > 0 && values[0] != "" {
			f.Add(form.Field{Var: x.name, Type: x.typ, Label: x.label, Values: values})
		}
	}
	return f
}
