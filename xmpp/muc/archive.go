package muc

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/mam"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// read answers a query to the archive of a room (XEP-0313).
func (s *Service) read(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	fin, err := s.archive.Query(ctx, r, newArchive(r))
	return fin, refused(err, false)
}

// span tells where it begins and ends.
func (s *Service) span(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	out, err := s.archive.Metadata(ctx, newArchive(r))
	return out, refused(err, false)
}

// archive is the archive of a room as the asker may see it: what was said, the
// subjects, and what was taken back.
type archive struct {
	core  im.Session
	group *im.Group
	sees  bool // who is behind a nickname
	addrs mam.Addresses
}

func newArchive(r *iq.Request) *archive {
	g := &r.Room.Group
	return &archive{r.Session.Core(), g, Sees(g, &r.Room.Me), mam.NewAddresses(r.Session.Core())}
}

// Archive implements mam.Source.
func (a *archive) Archive(ctx context.Context, q im.ArchiveQuery) (im.ArchivePage, error) {
	if len(q.Kinds) == 0 {
		q.Kinds = []im.Kind{im.KindMessage, im.KindNote, im.KindGroup}
	}
	return a.core.GroupArchive(ctx, a.group.ID, q)
}

// With implements mam.Source: an occupant by his nickname, or a user where the asker
// may know who he is (XEP-0313 section 4.1.1).
func (a *archive) With(ctx context.Context, with im.Addr, _ *im.ArchiveQuery) (mam.Filter, bool, error) {
	if with.Bare() == a.group.Addr.Bare() {
		if with.Resource == "" {
			return nil, true, nil
		}
		nick := nickOf(with.Resource)
		return func(e *im.Entry) (bool, error) { return e.Post != nil && e.Post.Nick == nick, nil }, true, nil
	}
	if !a.sees {
		return nil, false, nil
	}
	u, err := a.core.Resolve(ctx, with.Bare())
	if im.CodeOf(err) == im.CodeNotFound {
		return nil, false, nil
	}
	return func(e *im.Entry) (bool, error) { return e.From == u, nil }, err == nil, err
}

// nickOf is a nickname as it is kept; what cannot be one is nobody's.
func nickOf(s string) string {
	nick, err := im.PrepareNick(s)
	if err != nil {
		return s
	}
	return nick
}

// Keep implements mam.Source.
func (a *archive) Keep(context.Context) (mam.Filter, error) {
	return func(e *im.Entry) (bool, error) {
		return e.Kind == im.KindMessage || archived(a.group, e, nil) != nil, nil
	}, nil
}

// Message implements mam.Source.
func (a *archive) Message(ctx context.Context, e *im.Entry) (*xmlstream.Element, error) {
	var addr func(im.UserID) (im.Addr, error)
	if a.sees {
		addr = func(u im.UserID) (im.Addr, error) { return a.addrs.Of(ctx, u) }
	}
	return archived(a.group, e, addr), nil
}

// archived is an entry as it stands in the archive; nil: it does not.
func archived(g *im.Group, e *im.Entry, addr func(im.UserID) (im.Addr, error)) *xmlstream.Element {
	if e.Kind == im.KindGroup {
		return said(g, e)
	}
	return Message(g, e, addr)
}

// moderate takes back what somebody has said (XEP-0425 section 4).
func (s *Service) moderate(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	if r.Payload.Child(NSRetract, "retract") == nil {
		return nil, stanza.Errorf(stanza.BadRequest, "messages can be retracted, and nothing else")
	}
	seq := Seq(r.Payload.Attr("id"))
	if seq == 0 {
		return nil, stanza.Errorf(stanza.ItemNotFound, "the room has no message of that id")
	}
	err := r.Session.Core().GroupRetract(ctx, r.Room.Group.ID, seq, r.Payload.ChildText(NSModerate, "reason"))
	return nil, refused(err, false)
}
