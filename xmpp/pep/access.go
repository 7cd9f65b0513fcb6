package pep

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// asker is who wants to read, as the owner of the node sees him.
type asker struct {
	addr    im.Addr // bare
	own     bool
	contact im.Contact // the owner's entry for him
}

// sees reports whether he may see the owner's presence.
func (a asker) sees() bool { return a.own || a.contact.Sub.Has(im.SubFrom) }

// asker returns who has sent the request.
func (r *request) asker(ctx context.Context) (asker, error) {
	if r.as != nil {
		return *r.as, nil
	}
	a := asker{addr: r.who(), own: r.own()}
	if !a.own {
		var err error
		if a.contact, err = r.core.ContactOf(ctx, r.Owner); err != nil {
			return a, err
		}
	}
	r.as = &a
	return a, nil
}

// admits answers nil when a may subscribe and read (XEP-0060 sections 6.1.3 and
// 6.5).
func (c *config) admits(a asker) error {
	switch {
	case a.own || c.Access == accessOpen || len(c.Members) > 0 && slices.Contains(c.Members, a.addr.String()):
		return nil
	case c.Access == accessWhitelist:
		return fail(stanza.NotAllowed, "closed-node", "the node is for those on its list")
	case !a.sees():
		return errStranger
	case c.Access == accessRoster && !slices.ContainsFunc(a.contact.Groups, c.allows):
		return fail(stanza.NotAuthorized, "not-in-roster-group", "the node is for other groups of contacts")
	}
	return nil
}

// allows reports whether a group of contacts may read. Both lists may be long, and
// all contacts are looked at for each event; those of a node are sorted.
func (c *config) allows(group string) bool {
	_, ok := slices.BinarySearch(c.Groups, group)
	return ok
}

// admit is admits, and remembers that the asker knows of the node.
func (r *request) admit(ctx context.Context, c *config) error {
	a, err := r.asker(ctx)
	if err == nil {
		err = c.admits(a)
	}
	r.open = r.open || err == nil
	return err
}

// hide keeps from one who may not see the owner's presence what he could find out
// by trying: which nodes there are, and whether there is the account. What he gets
// does not depend on them, unless a node is open to him.
func (r *request) hide(ctx context.Context, err error) error {
	if err == nil || r.own() || r.open {
		return err
	}
	a, failed := r.asker(ctx)
	switch {
	case failed != nil:
		return failed
	case !a.sees():
		return r.stranger()
	}
	return err
}

// stranger is the answer to who may not know whether there is the account.
func (r *request) stranger() error {
	if r.op.owner {
		return errForbidden
	}
	return errStranger
}

// read returns a node and items of it, if the asker may see them.
func (r *request) read(ctx context.Context, q im.ItemQuery) (config, []im.Item, error) {
	leaf, items, err := r.core.LeafItems(ctx, r.Owner, LeafName(r.node), q)
	if err != nil {
		return config{}, nil, noNode(err)
	}
	c := load(leaf)
	return c, items, r.admit(ctx, &c)
}
