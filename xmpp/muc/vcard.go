package muc

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// card is the vCard of a room, in which its picture is (XEP-0486 section 3.4).
func (s *Service) card(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	out := xmlstream.New(nsVCard, "vCard")
	if r.Room.Group.AvatarHash == "" {
		return out, nil
	}
	a, err := r.Session.Core().GroupAvatar(ctx, r.Room.Group.ID)
	switch {
	case im.CodeOf(err) == im.CodeNotFound: // taken away just now
		return out, nil
	case err != nil:
		return nil, err
	}
	out.AddNew(nsVCard, "PHOTO").Add(
		xmlstream.NewText(nsVCard, "TYPE", a.Type), xmlstream.NewText(nsVCard, "BINVAL", base64.StdEncoding.EncodeToString(a.Data)))
	return out, nil
}

// setCard takes the picture out of a vCard: the first that it has. Without one the
// room has none any more.
func (s *Service) setCard(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	var a im.Avatar
	if photo := r.Payload.Child(nsVCard, "PHOTO"); photo.First() != nil {
		text := strings.Join(strings.Fields(photo.ChildText(nsVCard, "BINVAL")), "")
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(data) == 0 {
			return nil, stanza.Errorf(stanza.BadRequest, "the picture is not in BINVAL, or not in base64")
		}
		a.Data = data
	}
	err := r.Session.Core().GroupSetAvatar(ctx, r.Room.Group.ID, a)
	if im.CodeOf(err) == im.CodeInvalid {
		return nil, stanza.Errorf(stanza.NotAcceptable, stanza.Of(err).Text)
	}
	return nil, refused(err, false)
}
