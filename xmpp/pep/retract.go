package pep

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// retract removes items (XEP-0060 section 7.2).
func (v *Service) retract(ctx context.Context, r *request) (*xmlstream.Element, error) {
	ids, err := itemIDs(r.action, true)
	if err != nil {
		return nil, err
	}
	c, err := v.edit(ctx, r, func(c *config, have []string) (im.LeafEdit, error) {
		for _, id := range ids {
			if !slices.Contains(have, id) {
				return im.LeafEdit{}, errItem
			}
		}
		return im.LeafEdit{Remove: ids}, nil
	})
	if err != nil {
		return nil, err
	}
	if asked, _ := form.ParseBool(r.action.Attr("notify")); asked || c.NotifyRetract {
		v.notify(ctx, r.Session, r.node, c, retracted(r.node, ids))
	}
	v.removed(ctx, r.Session, r.node, c)
	return nil, nil
}

// itemIDs reads the ids of the item children. needed: there has to be one
// (section 7.2.3.4).
func itemIDs(e *xmlstream.Element, needed bool) (ids []string, err error) {
	for c := range e.Children() {
		if !c.Is(nsPubsub, "item") {
			continue
		}
		id := c.Attr("id")
		if id == "" {
			return nil, fail(stanza.BadRequest, "item-required", "an item has no id")
		}
		if err := checkName(id); err != nil {
			return nil, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if len(ids) > maxBatch {
			return nil, fail(stanza.NotAllowed, "max-items-exceeded", "too many items at once")
		}
	}
	if needed && len(ids) == 0 {
		return nil, fail(stanza.BadRequest, "item-required", "the request names no item")
	}
	return ids, nil
}

// purge removes all items of a node (XEP-0060 section 8.5).
func (v *Service) purge(ctx context.Context, r *request) (*xmlstream.Element, error) {
	c, err := v.edit(ctx, r, func(c *config, _ []string) (im.LeafEdit, error) {
		if !c.Persist {
			return im.LeafEdit{}, unsupported("persistent-items")
		}
		return im.LeafEdit{Purge: true}, nil
	})
	if err != nil {
		return nil, err
	}
	v.notify(ctx, r.Session, r.node, c, about("purge", r.node))
	v.removed(ctx, r.Session, r.node, c)
	return nil, nil
}

// remove deletes a node (XEP-0060 section 8.4).
func (v *Service) remove(ctx context.Context, r *request) (*xmlstream.Element, error) {
	c, err := v.edit(ctx, r, func(*config, []string) (im.LeafEdit, error) {
		return im.LeafEdit{Delete: true}, nil
	})
	if err != nil {
		return nil, err
	}
	if c.NotifyDelete {
		v.notify(ctx, r.Session, r.node, c, about("delete", r.node))
	}
	v.removed(ctx, r.Session, r.node, c)
	return nil, nil
}

// edit changes a node that is there and returns its configuration: change gets
// it with the ids of the items and may alter it, which it says by setting
// Config to anything.
func (v *Service) edit(ctx context.Context, r *request, change func(c *config, ids []string) (im.LeafEdit, error)) (c config, err error) {
	err = r.core.EditLeaf(ctx, r.Owner, LeafName(r.node), func(l im.Leaf, exists bool, ids []string) (im.LeafEdit, error) {
		if !exists {
			return im.LeafEdit{}, errNode
		}
		c = load(l)
		edit, err := change(&c, ids)
		if err == nil && edit.Config != nil {
			edit.Config = c.store()
		}
		return edit, err
	})
	return c, err
}

// altered marks an edit as one that changes the configuration.
var altered = []byte{}
