package pep

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
)

// nodeOf returns the node that a leaf holds.
func nodeOf(l im.Leaf) (string, bool) { return strings.CutPrefix(l.Name, leafPrefix) }

// Backlog sends a session the last items of nodes that it has become interested
// in (XEP-0163 section 4.3.4), its own user's and those of contacts, a part at a
// time. Only the newly interested side does so, so nothing comes twice. It belongs
// to the runner of the session.
type Backlog struct {
	s     iq.Session
	names []string // of the leaves of the nodes
	left  []im.Contact
}

// What one step of a Backlog takes at most. Of accounts it asks for as many as may
// have something to send, but of not so few that most questions are in vain.
const (
	stepAccounts = 128
	fewAccounts  = 16
	stepItems    = 128
	stepBytes    = 256 << 10 // of payloads
)

// Fresh returns the nodes of now that are not in before, both as
// im.Presence.Interests has them.
func Fresh(before, now string) (nodes []string) {
	for node := range strings.Lines(now) {
		if node = strings.TrimSuffix(node, "\n"); node != "" && !wants(before, node) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// Backlog starts sending what a session lacks: all nodes it is interested in when
// it becomes available, later those of Fresh. Call Next until it is done.
func (v *Service) Backlog(ctx context.Context, s iq.Session, nodes []string) (*Backlog, error) {
	b := newBacklog(s, nodes)
	if len(nodes) == 0 {
		return b, nil
	}
	core := s.Core()
	list, err := core.ContactList(ctx)
	if err != nil {
		return nil, err
	}
	b.left = append(b.left, im.Contact{User: core.User(), Addr: core.Addr().Bare(), Sub: im.SubBoth})
	for _, k := range list {
		if k.Sub.Has(im.SubTo) && !k.User.Foreign() && k.User != core.User() {
			b.left = append(b.left, k)
		}
	}
	return b, nil
}

func newBacklog(s iq.Session, nodes []string) *Backlog {
	b := &Backlog{s: s, names: make([]string, len(nodes))}
	for i, n := range nodes {
		b.names[i] = LeafName(n)
	}
	return b
}

// Next sends the next part, not more than room items but of one account all;
// false: that was all. Contacts whose leaves cannot be read are given up.
func (b *Backlog) Next(ctx context.Context, room int) (more bool, err error) {
	n := min(len(b.left), stepAccounts, max(room, fewAccounts))
	part := b.left[:n]
	b.left = b.left[n:]
	core := b.s.Core()
	found, err := core.LeavesOf(ctx, users(part), b.names)
	have, later := share(part, found, min(room, stepItems))
	if err != nil || len(found) == 0 {
		later = slices.DeleteFunc(later, func(k im.Contact) bool { _, answered := found[k.User]; return !answered })
	}
	b.left = append(later, b.left...)
	return len(b.left) > 0, errors.Join(err, b.send(ctx, have))
}

// LastItems is a whole Backlog.
func (v *Service) LastItems(ctx context.Context, s iq.Session, nodes []string) error {
	b, err := v.Backlog(ctx, s, nodes)
	if err != nil {
		return err
	}
	return b.all(ctx)
}

// LastItemsOf sends the last items of one account: of a contact whose presence
// the session's user may see from now on.
func (v *Service) LastItemsOf(ctx context.Context, s iq.Session, k im.Contact, nodes []string) error {
	b := newBacklog(s, nodes)
	b.left = append(b.left, k)
	return b.all(ctx)
}

func (b *Backlog) all(ctx context.Context) (err error) {
	for more := true; more && ctx.Err() == nil; {
		var e error
		if more, e = b.Next(ctx, stepItems); e != nil {
			err = e
		}
	}
	return err
}
