package roster

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/presence"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// types has the presence type of each event.
var types = map[im.SubEvent]string{
	im.Subscribe:    "subscribe",
	im.Subscribed:   "subscribed",
	im.Unsubscribe:  "unsubscribe",
	im.Unsubscribed: "unsubscribed",
}

// Entry returns what the client of s gets for an entry of kind contact: first what
// the contact said, requests only when the client is available (section 3.1.3), all
// else only when it has asked for the roster (sections 3.1.6, 3.2.3 and 3.3.3);
// then the push, when something that it can see has changed (section 2.1.6).
func Entry(ctx context.Context, s iq.Session, e *im.Entry, available bool) []*xmlstream.Element {
	c := e.Contact
	if e.Kind != im.KindContact || c == nil {
		return nil
	}
	interested := s.Has(iq.Interested)
	var out []*xmlstream.Element
	for _, said := range c.Said {
		if said == im.Subscribe && available || said != im.Subscribe && interested {
			out = append(out, say(c, said, s.Addr()))
		}
	}
	if interested && changed(ctx, s.Core(), e) {
		out = append(out, push(e, s.Addr()))
	}
	return out
}

// say renders what a contact said to the owner of the list.
func say(c *im.Contact, said im.SubEvent, to im.Addr) *xmlstream.Element {
	note, ext := "", ""
	if said == im.Subscribe {
		note, ext = c.Note, string(c.Ext)
	}
	return presence.Unpack(note, ext, types[said], c.Addr.Bare(), to.Bare())
}

// push renders a roster push (section 2.1.6). It has no 'from': it comes from the
// client's own account.
func push(e *im.Entry, to im.Addr) *xmlstream.Element {
	ver := formatVersion(e.Seq)
	it := item(e.Contact)
	if !e.Contact.Listed {
		it = xmlstream.New(stanza.NSRoster, "item").SetAttr("jid", e.Contact.Addr.String()).SetAttr("subscription", "remove")
	}
	query := xmlstream.New(stanza.NSRoster, "query").SetAttr("ver", ver).Add(it)
	return stanza.New("iq", "set").SetAttr("id", "push-"+ver).SetAttr("to", to.String()).Add(query)
}

// changed reports whether the entry shows in the roster: a request does not
// (section 3.1.3), nor does what was never listed. When the log cannot tell, the
// client is told once too often.
func changed(ctx context.Context, core im.Session, e *im.Entry) bool {
	page, err := core.Archive(ctx, im.ArchiveQuery{Kinds: contacts, Peer: e.Peer, Before: e.Seq, Newest: true, Limit: 1})
	if err != nil || len(page.Entries) == 0 || page.Entries[0].Contact == nil {
		return e.Contact.Listed || len(e.Contact.Said) == 0 && e.From != e.Peer
	}
	before := page.Entries[0].Contact
	if before.Listed && e.Contact.Listed {
		return !item(before).Equal(item(e.Contact))
	}
	return before.Listed || e.Contact.Listed
}

// Requests returns the requests that the user has not answered. A client gets them
// each time it becomes available (section 3.1.3).
func Requests(ctx context.Context, s iq.Session) ([]*xmlstream.Element, error) {
	list, err := s.Core().ContactList(ctx)
	if err != nil {
		return nil, err
	}
	var out []*xmlstream.Element
	for i := range list {
		if list[i].Sub.Has(im.SubPendingIn) {
			out = append(out, say(&list[i], im.Subscribe, s.Addr()))
		}
	}
	return out, nil
}
