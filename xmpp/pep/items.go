package pep

import (
	"context"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// items answers with items of a node (XEP-0060 section 6.5), oldest first.
func (v *Service) items(ctx context.Context, r *request) (*xmlstream.Element, error) {
	ids, err := itemIDs(r.action, false)
	if err != nil {
		return nil, err
	}
	newest, err := positive(r.action, "max_items")
	if err != nil {
		return nil, err
	}
	w, err := parseWindow(r.Payload)
	if err != nil {
		return nil, err
	}
	if r.own() {
		v.refresh(ctx, r)
	}
	c, list, err := r.read(ctx, im.ItemQuery{IDs: ids, Limit: newest})
	switch {
	case err != nil:
		return nil, err
	case !c.Persist: // section 6.5.9.4
		return nil, unsupported("persistent-items")
	case len(ids) > 0 && len(list) == 0:
		return nil, errItem
	}
	page, set, err := w.cut(list)
	if err != nil {
		return nil, err
	}
	out := xmlstream.New(nsPubsub, "items").SetAttr("node", r.node)
	for i := range page {
		out.Add(c.item(nsPubsub, &page[i]))
	}
	return pubsub(nsPubsub, out).Add(set), nil
}

// item renders a stored item.
func (c config) item(space string, i *im.Item) *xmlstream.Element {
	e := xmlstream.New(space, "item").SetAttr("id", i.ID)
	if c.ItemReply == "publisher" {
		e.OptAttr("publisher", i.Publisher.Bare().String())
	}
	return e.Add(payloadOf(i))
}

// payloadOf parses what is stored; nil when there is none.
func payloadOf(i *im.Item) *xmlstream.Element {
	if len(i.Payload) == 0 {
		return nil
	}
	e, err := stanza.Parse(i.Payload)
	if err != nil {
		return nil
	}
	return e
}

// positive reads an attribute that is a number above zero; zero when it is not
// there.
func positive(e *xmlstream.Element, attr string) (int, error) {
	s, given := e.LookupAttr("", attr)
	if !given {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 {
		return 0, stanza.Errorf(stanza.BadRequest, attr+" is a number above zero")
	}
	return int(n), nil
}
