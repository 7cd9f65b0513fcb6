package c2s

import (
	"context"

	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/pep"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsUpdate = "vcard-temp:x:update" // XEP-0153

// photo is what presence says of the user's avatar.
type photo struct {
	known bool
	hash  string // empty: he has none
}

// withPhoto puts the hash of the avatar into what goes out as presence, for
// clients that know nothing of it (XEP-0398 section 4.3). A client that is not
// ready to say has an empty element there, and keeps it (XEP-0153 section 4.2).
func (s *session) withPhoto(ctx context.Context, ext string) string {
	if !s.photo.known {
		s.photo.hash, _ = pep.PhotoHash(ctx, s.core, s.core.User())
		s.photo.known = true
	}
	if s.photo.hash == "" {
		return ext
	}
	p := stanza.New("presence", "")
	if ext != "" {
		var err error
		if p, err = stanza.Parse([]byte(ext)); err != nil {
			return ext
		}
	}
	x := p.Child(nsUpdate, "x")
	switch {
	case x == nil:
		x = p.AddNew(nsUpdate, "x")
	case x.Child(nsUpdate, "photo") == nil:
		return ext
	}
	x.Nodes = nil
	x.Add(xmlstream.NewText(nsUpdate, "photo", s.photo.hash))
	return string(stanza.Bytes(p))
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
