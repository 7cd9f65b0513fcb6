package c2s

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/pep"
	"github.com/cxx-im/cxx/xmpp/presence"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/vcard"
)

// photo is what presence says of the user's avatar.
type photo struct {
	known bool
	hash  string // empty: he has none
}

// withPhoto puts the hash of the avatar into what goes out as presence, for
// clients that know nothing of it (XEP-0398 section 5).
func (s *session) withPhoto(ctx context.Context, ext string) string {
	if s.photoHash(ctx) == "" {
		return ext
	}
	p := stanza.New("presence", "")
	if ext != "" {
		var err error
		if p, err = stanza.Parse([]byte(ext)); err != nil {
			return ext
		}
	}
	vcard.Stamp(p, s.photo.hash)
	if stamped := string(stanza.Bytes(p)); len(stamped) <= presence.MaxExt {
		return stamped
	}
	return ext
}

// photoInRoom is withPhoto for presence in a room: one that hides its users does not show by
// what they could be known. One that is not there yet will show them.
func (s *session) photoInRoom(room im.Addr, ext string) string {
	if s.photoHash(s.ctx) == "" {
		return ext
	}
	r := s.roomAt(room)
	if r != nil && r.group.Hidden {
		return ext
	}
	if r == nil {
		st, err := s.core.GroupFind(s.ctx, room.Bare())
		if st.Group.Hidden || err != nil && im.CodeOf(err) != im.CodeNotFound {
			return ext
		}
	}
	return s.withPhoto(s.ctx, ext)
}

// photoHash is the hash of the user's avatar; empty: he has none.
func (s *session) photoHash(ctx context.Context) string {
	if !s.photo.known {
		s.photo.hash, _ = pep.PhotoHash(ctx, s.core, s.core.User())
		s.photo.known = true
	}
	return s.photo.hash
}

// photoChanged tells contacts of another avatar.
func photoChanged(ctx context.Context, is iq.Session) {
	s, ok := is.(*session)
	if !ok {
		return
	}
	s.photo.known = false
	if s.available {
		s.announce(ctx)
	}
}
