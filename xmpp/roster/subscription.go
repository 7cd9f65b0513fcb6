package roster

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/presence"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Event returns what a presence stanza says about a subscription; ok is false for
// presence of another type.
func Event(st *xmlstream.Element) (say im.SubEvent, ok bool) {
	for e, typ := range types {
		if st.Attr("type") == typ {
			return e, true
		}
	}
	return 0, false
}

// Subscription does what section 3 wants of the server of who sends st, a presence
// for which Event is true, with its sender stamped. hosted: 'to' is at a domain of
// this server. An error is for the client. What cannot be told without telling
// whether an account exists is kept as a request without an answer (section
// 8.5.1).
func Subscription(ctx context.Context, s iq.Session, st *xmlstream.Element, hosted bool) error {
	say, ok := Event(st)
	if !ok {
		return stanza.Errorf(stanza.BadRequest, "the type of the presence is not about a subscription")
	}
	to, err := im.ParseAddr(st.Attr("to"))
	if err != nil {
		return stanza.Errorf(stanza.JIDMalformed, "a subscription needs the address of a contact")
	}
	to = to.Bare() // section 3.1.1
	if to == s.Addr().Bare() {
		return stanza.Errorf(stanza.NotAllowed, "you cannot be a contact of yourself")
	}
	core := s.Core()
	c := im.Contact{Addr: to}
	if c.User, err = resolve(ctx, core, to); err != nil {
		return err
	}
	if say == im.Subscribe {
		note, ext, err := presence.Pack(st)
		if err != nil {
			return err
		}
		if c.Note = note; ext != "" {
			c.Ext = []byte(ext)
		}
	}
	err = core.Subscription(ctx, c, say)
	if code := im.CodeOf(err); code == im.CodeBlocked || code == im.CodeNotFound {
		err = nil // XEP-0191 section 3.3: presence gets no answer
	}
	if err == nil && !hosted && say == im.Subscribe {
		err = stanza.Errorf(stanza.RemoteServerNotFound, "") // RFC 6120 section 10.4
	}
	return err
}
