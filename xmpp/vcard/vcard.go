// Package vcard is the vCards of users (XEP-0054), which anybody may read, and the
// hash of their photo in presence (XEP-0153, XEP-0398). A user who has none is
// shown with the name of his profile; the profile and the vCard say the same name.
//
// It leaves avatars in PEP to package pep, which writes the photo into the same
// leaf. Handlers run on the runner of their session.
package vcard

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// NS qualifies vCards; it is also the name of their leaf.
const NS = "vcard-temp"

const (
	item    = "current" // the item of the leaf
	maxName = 256       // bytes of a profile's name
)

// Changed is called on the runner of a session that has just set its user's vCard.
type Changed func(ctx context.Context, s iq.Session, card *xmlstream.Element) error

type service struct{ changed Changed }

// Register adds the handlers to m. changed may be nil.
func Register(m *iq.Mux, changed Changed) {
	v := service{changed}
	m.Get(iq.Own, NS, "vCard", v.own)
	m.Get(iq.Account, NS, "vCard", v.others)
	m.Set(iq.Own, NS, "vCard", v.set)
	m.Set(iq.Account|iq.Nobody, NS, "vCard", refuse)
	m.Feature(iq.Server|iq.Own|iq.Account, NS)
}

// refuse answers who wants to change the vCard of somebody else (XEP-0054 section
// 3.2).
func refuse(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return nil, stanza.Errorf(stanza.Forbidden, "")
}

// own answers with the user's own vCard, an empty one when there is none (section
// 3.1).
func (v service) own(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	card, err := find(ctx, r)
	if card == nil && err == nil {
		card = xmlstream.New(NS, "vCard")
	}
	return card, err
}

// others answers with the vCard of another user. None is the same as no account
// (section 3.3).
func (v service) others(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	card, err := find(ctx, r)
	if card == nil && err == nil {
		err = stanza.Errorf(stanza.ServiceUnavailable, "")
	}
	return card, err
}

// find returns the vCard of the owner with the name of his profile, nil when there
// is neither.
func find(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	core := r.Session.Core()
	card, err := load(ctx, core, r.Owner)
	if err != nil {
		return nil, err
	}
	profiles, err := core.ProfileGet(ctx, []im.UserID{r.Owner})
	if err != nil || len(profiles) == 0 || profiles[0].Name == "" {
		return card, err
	}
	return named(card, profiles[0].Name), nil
}

// load returns the stored vCard, nil when there is none.
func load(ctx context.Context, items im.Items, owner im.UserID) (*xmlstream.Element, error) {
	_, list, err := items.LeafItems(ctx, owner, NS, im.ItemQuery{IDs: []string{item}})
	if im.CodeOf(err) == im.CodeNotFound || err == nil && len(list) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	card, err := stanza.Parse(list[0].Payload)
	if err != nil || !card.Is(NS, "vCard") {
		return nil, nil
	}
	return card, nil
}

// named sees to it that the vCard says the name of the profile, which another
// client may have changed since.
func named(card *xmlstream.Element, name string) *xmlstream.Element {
	switch {
	case card == nil:
		return xmlstream.New(NS, "vCard").Add(xmlstream.NewText(NS, "FN", name), xmlstream.NewText(NS, "NICKNAME", name))
	case nameOf(card) == name:
		return card
	}
	card.Remove(NS, "FN")
	nodes := card.Nodes
	card.Nodes = nil
	card.Add(xmlstream.NewText(NS, "FN", name))
	card.Nodes = append(card.Nodes, nodes...)
	return card
}

// nameOf returns the name that a vCard gives its user: the full one, else the
// nickname, as far as a profile can hold it.
func nameOf(card *xmlstream.Element) string {
	for _, local := range []string{"FN", "NICKNAME"} {
		if s := strings.TrimSpace(card.ChildText(NS, local)); s != "" {
			return cut(s)
		}
	}
	return ""
}

// cut shortens a name to what a profile holds.
func cut(s string) string {
	if len(s) <= maxName {
		return s
	}
	s = s[:maxName]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// set stores a vCard and follows it in the profile (section 3.2).
func (v service) set(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	card, core := r.Payload, r.Session.Core()
	put := im.Item{ID: item, Payload: stanza.Bytes(card), Publisher: r.From, At: time.Now()}
	err := core.EditLeaf(ctx, r.Owner, NS, func(_ im.Leaf, exists bool, _ []string) (im.LeafEdit, error) {
		e := im.LeafEdit{Put: []im.Item{put}}
		if !exists {
			e.Config = []byte{}
		}
		return e, nil
	})
	if err == nil {
		err = rename(ctx, core, nameOf(card))
	}
	if err == nil && v.changed != nil {
		err = v.changed(ctx, r.Session, card)
	}
	return nil, err
}

// rename sets the name of the profile, unless it is the same or none.
func rename(ctx context.Context, core im.Session, name string) error {
	if name == "" {
		return nil
	}
	list, err := core.ProfileGet(ctx, []im.UserID{core.User()})
	if err != nil || len(list) == 0 || list[0].Name == name {
		return err
	}
	p := list[0]
	p.Name = name
	return core.ProfileSet(ctx, p)
}
