package roster

import (
	"context"
	"slices"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Limits of what a user may write about a contact: those of the core, in bytes.
const (
	maxName   = 256
	maxGroups = 50
)

// item renders an entry of the list (section 2.1.2).
func item(c *im.Contact) *xmlstream.Element {
	out := xmlstream.New(stanza.NSRoster, "item").SetAttr("jid", c.Addr.String()).OptAttr("name", c.Name)
	out.SetAttr("subscription", subscription(c.Sub))
	if c.Sub.Has(im.SubPendingOut) {
		out.SetAttr("ask", "subscribe")
	}
	if c.Sub.Has(im.SubPreApproved) {
		out.SetAttr("approved", "true")
	}
	for _, g := range c.Groups {
		out.Add(xmlstream.NewText(stanza.NSRoster, "group", g))
	}
	return out
}

func subscription(s im.Subscription) string {
	switch s & im.SubBoth {
	case im.SubTo:
		return "to"
	case im.SubFrom:
		return "from"
	case im.SubBoth:
		return "both"
	}
	return "none"
}

// set changes one entry of the list (sections 2.3 to 2.5). The client's other
// sessions, and itself, learn it from the log.
func set(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	it, err := onlyItem(r.Payload)
	if err != nil {
		return nil, err
	}
	addr, err := itemAddr(it)
	if err != nil {
		return nil, err
	}
	if addr == r.From.Bare() { // section 2.3.3, interoperability note
		return nil, stanza.Errorf(stanza.NotAllowed, "you cannot be a contact of yourself")
	}
	core := r.Session.Core()
	user, err := resolve(ctx, core, addr)
	if err != nil {
		return nil, err
	}
	if it.Attr("subscription") == "remove" {
		return nil, remove(ctx, core, user, addr)
	}
	groups, err := itemGroups(it)
	if err != nil {
		return nil, err
	}
	name := it.Attr("name")
	if len(name) > maxName {
		return nil, stanza.Errorf(stanza.NotAcceptable, "a name has at most "+strconv.Itoa(maxName)+" bytes")
	}
	return nil, acceptable(core.ContactPut(ctx, im.Contact{User: user, Addr: addr, Name: name, Groups: groups}))
}

// acceptable turns the core's word for too long into that of section 2.3.3.
func acceptable(err error) error {
	if c := im.CodeOf(err); c == im.CodeTooLarge || c == im.CodeInvalid {
		return stanza.Errorf(stanza.NotAcceptable, stanza.Of(err).Text)
	}
	return err
}

// remove takes an entry off the list (section 2.5). One that was made before its
// account existed is found under its address.
func remove(ctx context.Context, core im.Session, user im.UserID, addr im.Addr) error {
	for _, id := range []im.UserID{user, im.ForeignID(addr)} {
		c, err := core.Contact(ctx, id)
		if err != nil {
			return err
		}
		if c.Listed {
			return core.ContactRemove(ctx, id)
		}
	}
	return stanza.Errorf(stanza.ItemNotFound, "that address is not in the roster") // section 2.5.3
}

// onlyItem returns the one item that a set has (section 2.1.5).
func onlyItem(query *xmlstream.Element) (*xmlstream.Element, error) {
	var it *xmlstream.Element
	for c := range query.Children() {
		if !c.Is(stanza.NSRoster, "item") {
			continue
		}
		if it != nil {
			it = nil
			break
		}
		it = c
	}
	if it == nil {
		return nil, stanza.Errorf(stanza.BadRequest, "a roster set has one item")
	}
	return it, nil
}

func itemAddr(it *xmlstream.Element) (im.Addr, error) {
	jid, given := it.LookupAttr("", "jid")
	if !given {
		return im.Addr{}, stanza.Errorf(stanza.BadRequest, "a roster item needs a jid")
	}
	a, err := im.ParseAddr(jid)
	if err != nil {
		return im.Addr{}, stanza.Errorf(stanza.JIDMalformed, "the jid of the item is malformed")
	}
	return a.Bare(), nil
}

// itemGroups reads the groups of an item (section 2.3.3).
func itemGroups(it *xmlstream.Element) ([]string, error) {
	var out []string
	for c := range it.Children() {
		if !c.Is(stanza.NSRoster, "group") {
			continue
		}
		g := c.Text()
		switch {
		case g == "":
			return nil, stanza.Errorf(stanza.NotAcceptable, "the name of a group is empty")
		case len(g) > maxName:
			return nil, stanza.Errorf(stanza.NotAcceptable, "the name of a group has at most "+strconv.Itoa(maxName)+" bytes")
		case slices.Contains(out, g):
			return nil, stanza.Errorf(stanza.BadRequest, "a group is there twice")
		case len(out) == maxGroups:
			return nil, stanza.Errorf(stanza.NotAcceptable, "a contact is in at most "+strconv.Itoa(maxGroups)+" groups")
		}
		out = append(out, g)
	}
	return out, nil
}

// resolve returns the id under which an address stands in contact lists. Whether
// it has an account makes no difference to the client.
func resolve(ctx context.Context, core im.Session, a im.Addr) (im.UserID, error) {
	if a.Local == "" {
		return im.ForeignID(a), nil
	}
	id, err := core.Resolve(ctx, a)
	if im.CodeOf(err) == im.CodeNotFound {
		return im.ForeignID(a), nil
	}
	return id, err
}
