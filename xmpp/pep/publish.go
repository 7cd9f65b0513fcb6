package pep

import (
	"context"
	"crypto/rand"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// post is an item on its way into a node.
type post struct {
	id      string
	payload *xmlstream.Element // may be nil
	data    []byte             // of payload
}

func newPost(id string, payload *xmlstream.Element) post {
	p := post{id: id, payload: payload}
	if payload != nil {
		p.data = stanza.Bytes(payload)
	}
	return p
}

// publish puts items in a node (XEP-0060 section 7.1).
func (v *Service) publish(ctx context.Context, r *request) (*xmlstream.Element, error) {
	f, err := options(r)
	if err != nil {
		return nil, err
	}
	posts, err := parsePosts(r.action)
	if err != nil {
		return nil, err
	}
	c, err := v.put(ctx, r.Session, r.node, posts, chosen(r.node, f), func(c config) error {
		if f == nil {
			return nil
		}
		return c.meets(f)
	})
	if err != nil {
		return nil, err
	}
	v.notify(ctx, r.Session, r.node, c, c.items(r.node, posts, r.who()))
	v.published(ctx, r.Session, r.node, c, posts)
	done := xmlstream.New(nsPubsub, "publish").SetAttr("node", r.node)
	for _, p := range posts {
		done.Add(xmlstream.New(nsPubsub, "item").SetAttr("id", p.id))
	}
	return pubsub(nsPubsub, done), nil
}

// chosen returns what gives a node that is made now its configuration.
func chosen(node string, f *form.Form) func() (config, error) {
	return func() (config, error) {
		if f == nil {
			return defaults(node), nil
		}
		return defaults(node).apply(f)
	}
}

// put writes items of the session's user to a node. fresh configures it when it
// is made by that, check is asked when it is there.
func (v *Service) put(ctx context.Context, s iq.Session, node string, posts []post, fresh func() (config, error), check func(config) error) (c config, err error) {
	items := make([]im.Item, 0, len(posts))
	for _, p := range posts {
		items = append(items, im.Item{ID: p.id, Payload: p.data, Publisher: s.Addr(), At: v.now()})
	}
	err = s.Core().EditLeaf(ctx, s.Core().User(), LeafName(node), func(l im.Leaf, exists bool, _ []string) (edit im.LeafEdit, err error) {
		if exists {
			c = load(l)
			err = check(c)
		} else {
			c, err = fresh()
			edit.Config = c.store()
		}
		if err != nil {
			return im.LeafEdit{}, err
		}
		if err := c.takes(posts); err != nil {
			return im.LeafEdit{}, err
		}
		if c.Persist {
			edit.Put, edit.MaxItems = items, c.keep()
		}
		return edit, nil
	})
	return c, err
}

// parsePosts reads the items of a publish element and gives ids to those without.
func parsePosts(e *xmlstream.Element) (out []post, err error) {
	seen := make(map[string]bool)
	for c := range e.Children() {
		if !c.Is(nsPubsub, "item") {
			continue
		}
		p, err := parsePost(c)
		switch {
		case err != nil:
			return nil, err
		case seen[p.id]:
			return nil, stanza.Errorf(stanza.BadRequest, "two items have the same id")
		case len(out) == maxBatch:
			return nil, fail(stanza.NotAllowed, "max-items-exceeded", "too many items at once")
		}
		seen[p.id] = true
		out = append(out, p)
	}
	return out, nil
}

func parsePost(e *xmlstream.Element) (post, error) {
	var payload *xmlstream.Element
	for c := range e.Children() {
		if payload != nil { // section 7.1.3.5
			return post{}, fail(stanza.BadRequest, "invalid-payload", "an item has one payload")
		}
		payload = c
	}
	id := e.Attr("id")
	if id == "" {
		id = rand.Text()
	}
	if err := checkName(id); err != nil {
		return post{}, err
	}
	p := newPost(id, payload)
	if len(p.data) > maxPayload { // section 7.1.3.4
		return post{}, fail(stanza.NotAcceptable, "payload-too-big", "")
	}
	return p, nil
}

// takes answers nil when items are of the kind that the node is for (XEP-0060
// sections 7.1.3.5 and 7.1.3.6).
func (c config) takes(posts []post) error {
	bad := func(app string) error { return fail(stanza.BadRequest, app, "") }
	switch {
	case len(posts) == 0 && c.Persist:
		return bad("item-required")
	case len(posts) == 0 && c.Payloads:
		return bad("payload-required")
	case len(posts) > 0 && !c.Persist && !c.Payloads:
		return bad("item-forbidden")
	case c.Persist && len(posts) > c.keep():
		return fail(stanza.NotAllowed, "max-items-exceeded", "the node does not keep so many items")
	}
	for _, p := range posts {
		if p.payload == nil && c.Payloads {
			return bad("payload-required")
		}
		if p.payload != nil && c.Type != "" && p.payload.Space != c.Type {
			return bad("invalid-payload")
		}
	}
	return nil
}
