// Package private is private XML storage (XEP-0049): one element for each name, for
// nobody but its owner. Bookmarks, notes about contacts and the delimiter of
// nested groups are kept by clients this way.
//
// It leaves the keeping to im.Items, and bookmarks, which live in PEP, to who
// implements Bookmarks. Handlers run on the runner of their session.
package private

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// NS qualifies requests.
const NS = "jabber:iq:private"

const (
	leaf        = "private" // where a user's elements are, each an item
	nsBookmarks = "storage:bookmarks"
	maxName     = 1000 // bytes of namespace and name of an element
	maxElements = 20   // of one request
)

// Bookmarks keeps what clients see as the element storage of storage:bookmarks
// (XEP-0048) together with other kinds of bookmarks (XEP-0402 section 6).
type Bookmarks interface {
	// Bookmarks returns the element; stored is what lies in private storage, or nil.
	Bookmarks(ctx context.Context, s iq.Session, stored *xmlstream.Element) (*xmlstream.Element, error)
	// SetBookmarks follows an element that a client has stored.
	SetBookmarks(ctx context.Context, s iq.Session, storage *xmlstream.Element) error
}

type service struct{ bookmarks Bookmarks }

// Register adds the handlers to m. b may be nil.
func Register(m *iq.Mux, b Bookmarks) {
	v := service{b}
	m.Get(iq.Own, NS, "query", v.get)
	m.Set(iq.Own, NS, "query", v.set)
	m.Get(iq.Account|iq.Nobody, NS, "query", refuse)
	m.Set(iq.Account|iq.Nobody, NS, "query", refuse)
	m.Feature(iq.Server|iq.Own, NS)
}

func refuse(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return nil, stanza.Errorf(stanza.Forbidden, "") // XEP-0049 section 2.3
}

// id is the name of an element as an item has it.
func id(e *xmlstream.Element) string { return "{" + e.Space + "}" + e.Local }

// elements returns the children of a query; all need a namespace of their own
// (section 2.3).
func elements(query *xmlstream.Element, none stanza.Condition) ([]*xmlstream.Element, error) {
	all := slices.Collect(query.Children())
	switch {
	case len(all) == 0:
		return nil, stanza.Errorf(none, "private storage is asked for by the name of an element")
	case len(all) > maxElements:
		return nil, stanza.Errorf(stanza.PolicyViolation, "too many elements at once")
	}
	for _, e := range all {
		if e.Space == "" || e.Space == NS || e.Space == stanza.NSClient || len(id(e)) > maxName {
			return nil, stanza.Errorf(stanza.NotAcceptable, "an element of private storage has a namespace of its own")
		}
	}
	return all, nil
}

// get answers with the elements that are asked for; one that was never stored is
// empty.
func (v service) get(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	asked, err := elements(r.Payload, stanza.BadRequest)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range asked {
		if e.Space != asked[0].Space {
			return nil, stanza.Errorf(stanza.BadRequest, "ask for one namespace at a time")
		}
		ids = append(ids, id(e))
	}
	stored, err := load(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	out := xmlstream.New(NS, "query")
	for _, e := range asked {
		x := stored[id(e)]
		if v.bookmarks != nil && e.Is(nsBookmarks, "storage") {
			if x, err = v.bookmarks.Bookmarks(ctx, r.Session, x); err != nil {
				return nil, err
			}
		}
		if x == nil {
			x = xmlstream.New(e.Space, e.Local)
		}
		out.Add(x)
	}
	return out, nil
}

func load(ctx context.Context, r *iq.Request, ids []string) (map[string]*xmlstream.Element, error) {
	_, items, err := r.Session.Core().LeafItems(ctx, r.Owner, leaf, im.ItemQuery{IDs: ids})
	if err != nil && im.CodeOf(err) != im.CodeNotFound {
		return nil, err
	}
	out := make(map[string]*xmlstream.Element, len(items))
	for _, i := range items {
		if e, err := stanza.Parse(i.Payload); err == nil {
			out[i.ID] = e
		}
	}
	return out, nil
}

// set stores elements, all or none. An empty one is as if it had never been there.
func (v service) set(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	all, err := elements(r.Payload, stanza.NotAcceptable)
	if err != nil {
		return nil, err
	}
	e := edit(all, r.From, time.Now())
	err = r.Session.Core().EditLeaf(ctx, r.Owner, leaf, func(_ im.Leaf, exists bool, _ []string) (im.LeafEdit, error) {
		out := e
		if !exists {
			out.Config = []byte{}
		}
		return out, nil
	})
	if err != nil || v.bookmarks == nil {
		return nil, err
	}
	for _, x := range all {
		if x.Is(nsBookmarks, "storage") {
			err = v.bookmarks.SetBookmarks(ctx, r.Session, x)
		}
	}
	return nil, err
}

// edit puts the last element of each name.
func edit(all []*xmlstream.Element, by im.Addr, at time.Time) im.LeafEdit {
	var out im.LeafEdit
	var done []string
	for _, e := range slices.Backward(all) {
		name := id(e)
		if slices.Contains(done, name) {
			continue
		}
		done = append(done, name)
		if e.First() == nil && strings.TrimSpace(e.Text()) == "" && len(e.Attrs) == 0 {
			out.Remove = append(out.Remove, name)
			continue
		}
		out.Put = append(out.Put, im.Item{ID: name, Payload: stanza.Bytes(e), Publisher: by, At: at})
	}
	return out
}
