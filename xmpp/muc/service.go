package muc

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/mam"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Namespaces of requests.
const (
	nsAdmin        = "http://jabber.org/protocol/muc#admin"
	nsOwner        = "http://jabber.org/protocol/muc#owner"
	nsUnique       = "http://jabber.org/protocol/muc#unique"
	nsRegistration = "jabber:iq:register"
	nsVCard        = "vcard-temp"
	nsPing         = "urn:xmpp:ping"
)

// Service answers requests to rooms and to where they are. It has no state; any
// goroutine may call it.
type Service struct {
	archive *mam.Service
	now     func() time.Time
}

// Register adds the handlers to m. now is time.Now outside tests.
func Register(m *iq.Mux, archive *mam.Service, now func() time.Time) {
	s := &Service{archive, now}
	m.Identity(iq.Rooms, iq.Identity{Category: "conference", Type: "text", Name: "Rooms"})
	m.Feature(iq.Rooms, stanza.NSMUC, nsUnique, nsVCard, nsPing, stanza.NSRSM, NSOccupant)
	m.Get(iq.Rooms, stanza.NSItems, "query", s.rooms)
	m.Get(iq.Rooms, nsUnique, "unique", unique)
	m.Get(iq.Rooms, nsPing, "ping", nothing)
	for _, h := range []struct {
		space, local string
		get, set     iq.Handler
	}{
		{stanza.NSInfo, "query", s.info, nil},
		{stanza.NSItems, "query", s.occupants, nil},
		{nsAdmin, "query", s.lists, s.change},
		{nsOwner, "query", s.settings, s.own},
		{nsRegistration, "query", s.registration, s.register},
		{nsVCard, "vCard", s.card, s.setCard},
		{stanza.NSMAM, "query", mam.Fields, s.read},
		{stanza.NSMAM, "metadata", s.span, nil},
		{NSModerate, "moderate", nil, s.moderate},
		{nsPing, "ping", nothing, nil},
	} {
		if h.get != nil {
			m.Get(iq.Room, h.space, h.local, there(h.get))
		}
		if h.set != nil {
			m.Set(iq.Room, h.space, h.local, there(h.set))
		}
	}
}

// there is a handler for rooms that are there. One that the asker may not know of is
// not.
func there(h iq.Handler) iq.Handler {
	return func(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
		if r.Room.Group.ID == 0 {
			return nil, stanza.Errorf(stanza.ItemNotFound, "there is no such room")
		}
		return h(ctx, r)
	}
}

func nothing(context.Context, *iq.Request) (*xmlstream.Element, error) { return nil, nil }

// unique gives a name that no room has, to make one with.
func unique(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return xmlstream.NewText(nsUnique, "unique", strings.ToLower(rand.Text())), nil
}

// refused turns what the core says to who keeps order in a room into what MUC says:
// that somebody is not allowed to do it at all, or not to this one (sections 8.2, 8.4,
// 9.1, 9.7).
func refused(err error, mayAtAll bool) error {
	switch im.CodeOf(err) {
	case im.CodeForbidden:
		if mayAtAll {
			return stanza.Errorf(stanza.NotAllowed, stanza.Of(err).Text)
		}
	case im.CodeNotMember, im.CodeBanned:
		return stanza.Errorf(stanza.Forbidden, stanza.Of(err).Text)
	}
	return err
}
