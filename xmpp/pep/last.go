package pep

import (
	"context"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// nodeOf returns the node that a leaf holds.
func nodeOf(l im.Leaf) (string, bool) { return strings.CutPrefix(l.Name, leafPrefix) }

// Backlog sends a session the last items of nodes that it has become interested
// in (XEP-0163 section 4.3.4), its own user's and those of contacts, a few
// accounts at a time. Only the newly interested side does so, so nothing comes
// twice. It belongs to the runner of the session.
type Backlog struct {
	s     iq.Session
	nodes map[string]bool
	left  []im.Contact
}

// stride is how many accounts one step of a Backlog looks at.
const stride = 16

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
	b := &Backlog{s: s, nodes: make(map[string]bool, len(nodes))}
	for _, n := range nodes {
		b.nodes[n] = true
	}
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

// Next sends the next part; false: that was all.
func (b *Backlog) Next(ctx context.Context) (more bool, err error) {
	n := min(stride, len(b.left))
	part := b.left[:n]
	b.left = b.left[n:]
	for _, k := range part {
		if e := b.account(ctx, k); e != nil {
			err = e
		}
	}
	return len(b.left) > 0, err
}

// LastItems is a whole Backlog.
func (v *Service) LastItems(ctx context.Context, s iq.Session, nodes []string) error {
	b, err := v.Backlog(ctx, s, nodes)
	for more := err == nil; more && ctx.Err() == nil; {
		var e error
		if more, e = b.Next(ctx); e != nil {
			err = e
		}
	}
	return err
}

// LastItemsOf sends the last items of one account: of a contact whose presence
// the session's user may see from now on.
func (v *Service) LastItemsOf(ctx context.Context, s iq.Session, k im.Contact, nodes []string) error {
	b := &Backlog{s: s, nodes: make(map[string]bool, len(nodes)), left: []im.Contact{k}}
	for _, n := range nodes {
		b.nodes[n] = true
	}
	_, err := b.Next(ctx)
	return err
}

func (b *Backlog) account(ctx context.Context, k im.Contact) error {
	core := b.s.Core()
	leaves, err := core.Leaves(ctx, k.User)
	if err != nil {
		return err
	}
	a := asker{addr: core.Addr().Bare(), own: k.User == core.User()}
	asked := a.own
	for _, l := range leaves {
		node, ok := nodeOf(l)
		c := load(l)
		if !ok || !b.nodes[node] || c.Last != lastPresence || !c.Notify || !c.Persist {
			continue
		}
		if !asked {
			own, theirs, err := core.Blocked(ctx, k.Addr)
			if err != nil || own || theirs {
				return err
			}
			if a.contact, err = core.ContactOf(ctx, k.User); err != nil {
				return err
			}
			asked = true
		}
		if !a.sees() || c.admits(a) != nil {
			continue
		}
		if err := sendLast(ctx, b.s, k.User, k.Addr, node, b.s.Addr()); err != nil {
			return err
		}
	}
	return nil
}

// sendLast sends the newest item of a node to the session, if there is one, with
// the time of its publication (XEP-0203).
func sendLast(ctx context.Context, s iq.Session, owner im.UserID, from im.Addr, node string, to im.Addr) error {
	leaf, list, err := s.Core().LeafItems(ctx, owner, LeafName(node), im.ItemQuery{Limit: 1})
	if err != nil || len(list) == 0 {
		return noNode(err)
	}
	c, last := load(leaf), &list[0]
	if !c.Payloads {
		last.Payload = nil
	}
	st := message(from, about("items", node).Add(c.item(nsEvent, last))).SetAttr("to", to.String())
	st.Add(xmlstream.New(stanza.NSDelay, "delay").SetAttr("from", from.String()).
		SetAttr("stamp", last.At.UTC().Format("2006-01-02T15:04:05Z")))
	s.Send(st)
	return nil
}
