package pep

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// lastItem is the newest item of a node.
type lastItem struct {
	node string
	conf config
	item im.Item
}

// owned is what an account has for a Backlog.
type owned struct {
	im.Contact
	items []lastItem
}

func users(list []im.Contact) []im.UserID {
	out := make([]im.UserID, len(list))
	for i := range list {
		out[i] = list[i].User
	}
	return out
}

// share tells what fits in one step from accounts that have to wait: because the
// answer leaves them out, or for room. The first with something to send always
// fits.
func share(part []im.Contact, found map[im.UserID][]im.LeafItem, room int) (have []owned, later []im.Contact) {
	items, bytes, full := 0, 0, false
	for _, k := range part {
		leaves, answered := found[k.User]
		o := owned{k, lastItems(leaves)}
		n, size := len(o.items), 0
		for i := range o.items {
			size += len(o.items[i].item.Payload)
		}
		full = full || items > 0 && (items+n > room || bytes+size > stepBytes)
		if !answered || n > 0 && full {
			later = append(later, k)
			continue
		}
		if n > 0 {
			have = append(have, o)
			items, bytes = items+n, bytes+size
		}
	}
	return have, later
}

// lastItems returns the items of leaves that are sent when somebody comes online.
func lastItems(leaves []im.LeafItem) (out []lastItem) {
	for _, l := range leaves {
		node, ok := nodeOf(l.Leaf)
		c := load(l.Leaf)
		if ok && l.Newest != nil && c.Last == lastPresence && c.Notify && c.Persist {
			out = append(out, lastItem{node, c, *l.Newest})
		}
	}
	return out
}

// send sends what the session's user may see.
func (b *Backlog) send(ctx context.Context, have []owned) error {
	core := b.s.Core()
	var others []im.Contact
	for _, o := range have {
		if o.User != core.User() {
			others = append(others, o.Contact)
		}
	}
	var theirs map[im.UserID]im.Contact
	var err error
	if len(others) > 0 {
		theirs, err = core.ContactsOf(ctx, others)
	}
	for _, o := range have {
		a := asker{addr: core.Addr().Bare(), own: o.User == core.User(), contact: theirs[o.User]}
		for i := range o.items {
			if l := &o.items[i]; a.sees() && l.conf.admits(a) == nil {
				l.send(b.s, o.Addr, b.s.Addr())
			}
		}
	}
	return err
}

// sendLast sends the newest item of a node to the session, if there is one.
func sendLast(ctx context.Context, s iq.Session, owner im.UserID, from im.Addr, node string, to im.Addr) error {
	leaf, list, err := s.Core().LeafItems(ctx, owner, LeafName(node), im.ItemQuery{Limit: 1})
	if err != nil || len(list) == 0 {
		return noNode(err)
	}
	l := lastItem{node, load(leaf), list[0]}
	l.send(s, from, to)
	return nil
}

// send sends the item with the time of its publication (XEP-0203).
func (l *lastItem) send(s iq.Session, from, to im.Addr) {
	last := l.item
	if !l.conf.Payloads {
		last.Payload = nil
	}
	st := message(from, about("items", l.node).Add(l.conf.item(nsEvent, &last))).SetAttr("to", to.String())
	st.Add(xmlstream.New(stanza.NSDelay, "delay").SetAttr("from", from.String()).
		SetAttr("stamp", last.At.UTC().Format("2006-01-02T15:04:05Z")))
	s.Send(st)
}
