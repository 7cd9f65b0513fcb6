// Package roster is the contact list as XMPP clients see it (RFC 6121 sections 2
// and 3): roster requests with versions, pushes, and subscriptions in both
// directions. The list itself, and the state machine of subscriptions, are the
// core's.
//
// It leaves presence to package presence and to c2s when things are sent. All
// functions run on the runner of the session.
package roster

import (
	"context"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Namespaces of stream features.
const (
	NSVersion     = "urn:xmpp:features:rosterver"    // section 2.6.1
	NSPreApproval = "urn:xmpp:features:pre-approval" // section 3.4.1
)

// maxDelta is the most changes that a client is told one by one when it has an
// older version; with more it gets the whole list.
const maxDelta = 50

// Features returns what a stream that has logged in offers: versions and
// approval in advance.
func Features() []*xmlstream.Element {
	return []*xmlstream.Element{xmlstream.New(NSVersion, "ver"), xmlstream.New(NSPreApproval, "sub")}
}

// Register adds the handlers of roster requests.
func Register(m *iq.Mux) {
	m.Get(iq.Own, stanza.NSRoster, "query", get)
	m.Set(iq.Own, stanza.NSRoster, "query", set)
	m.Get(iq.Account|iq.Nobody, stanza.NSRoster, "query", refuse)
	m.Set(iq.Account|iq.Nobody, stanza.NSRoster, "query", refuse)
}

// refuse answers for the list of somebody else (section 2.3.3).
func refuse(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return nil, stanza.Errorf(stanza.Forbidden, "")
}

// get answers with the list (section 2.1.4), or, to a client that knows a version
// of it, with what has changed (section 2.6.3).
func get(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	core := r.Session.Core()
	ver, versioned := r.Payload.LookupAttr("", "ver")
	if known, ok := parseVersion(ver); ok {
		changes, ok, err := since(ctx, core, known)
		if err != nil {
			return nil, err
		}
		if ok {
			r.Session.Turn(iq.Interested, true)
			for i := range changes {
				r.Then = append(r.Then, push(&changes[i], r.From))
			}
			return nil, nil
		}
	}
	out, err := whole(ctx, core, versioned)
	if err == nil {
		r.Session.Turn(iq.Interested, true)
	}
	return out, err
}

// whole returns the list. Its version is read before it, so that what changes
// meanwhile is at worst told twice.
func whole(ctx context.Context, core im.Session, versioned bool) (*xmlstream.Element, error) {
	out := xmlstream.New(stanza.NSRoster, "query")
	if versioned {
		head, err := newest(ctx, core)
		if err != nil {
			return nil, err
		}
		out.SetAttr("ver", formatVersion(head))
	}
	list, err := core.ContactList(ctx)
	if err != nil {
		return nil, err
	}
	real := make(map[im.Addr]bool, len(list))
	for i := range list {
		real[list[i].Addr] = real[list[i].Addr] || list[i].Listed && !list[i].User.Foreign()
	}
	for i := range list {
		c := &list[i]
		if c.Listed && (!c.User.Foreign() || !real[c.Addr]) {
			out.Add(item(c))
		}
	}
	return out, nil
}

// newest returns the place in the log of the last change of the list: its version.
func newest(ctx context.Context, core im.Session) (uint64, error) {
	page, err := core.Archive(ctx, im.ArchiveQuery{Kinds: contacts, Newest: true, Limit: 1})
	if err != nil || len(page.Entries) == 0 {
		return 0, err
	}
	return page.Entries[0].Seq, nil
}

var contacts = []im.Kind{im.KindContact}

// since returns the last change of each contact above a version, oldest first.
// ok is false when there are too many, or when the log has no such version.
func since(ctx context.Context, core im.Session, known uint64) (changes []im.Entry, ok bool, err error) {
	q := im.ArchiveQuery{Kinds: contacts, Limit: maxDelta + 1}
	if known > 0 {
		q.After = known - 1
	}
	page, err := core.Archive(ctx, q)
	if err != nil || page.More {
		return nil, false, err
	}
	all := page.Entries
	if known > 0 {
		if len(all) == 0 || all[0].Seq != known {
			return nil, false, nil
		}
		all = all[1:]
	}
	latest := make(map[im.UserID]uint64, len(all))
	for i := range all {
		latest[all[i].Peer] = all[i].Seq
	}
	for _, e := range all {
		if e.Contact != nil && latest[e.Peer] == e.Seq {
			changes = append(changes, e)
		}
	}
	return changes, true, nil
}

func parseVersion(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && formatVersion(n) == s
}

func formatVersion(n uint64) string { return strconv.FormatUint(n, 10) }
