package c2s

import (
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// asked is a request of the client's to somebody in a room. It is answered, if not by
// him, then when he is not there any more (RFC 6120 section 8.2.3).
type asked struct {
	id string
	of im.Occupant
}

// mostAsked is how many answers of a room are waited for.
const mostAsked = 100

// asks notes a request that was passed on.
func (r *joined) asks(s *session, id string, of *im.Occupant) {
	if len(r.asked) == mostAsked {
		s.unanswered(r, func(a *asked) bool { return a == &r.asked[0] })
	}
	r.asked = append(r.asked, asked{id, *of})
}

// unanswered answers requests to which no answer will come.
func (s *session) unanswered(r *joined, which func(a *asked) bool) {
	var open []asked
	for i := range r.asked {
		a := &r.asked[i]
		if !which(a) {
			open = append(open, *a)
			continue
		}
		to := r.group.Addr.Bare()
		to.Resource = a.of.Member.Nick
		s.refuse(stanza.New("iq", "get").SetAttr("id", a.id).SetAttr("from", s.full).SetAttr("to", to.String()),
			stanza.Errorf(stanza.RecipientUnavailable, "he has left before he answered"))
	}
	r.asked = open
}

// changed answers requests to a client that has gone, or is called otherwise now.
func (s *session) changed(r *joined, c *im.OccupantChange) {
	if len(r.asked) == 0 || !c.Left && c.WasNick == "" {
		return
	}
	s.unanswered(r, func(a *asked) bool {
		return a.of.User == c.Occupant.User && (!c.Left || a.of.Session == c.Occupant.Session && a.of.Node == c.Occupant.Node)
	})
}

// wants reports whether a message or iq that another session has sent is for the client.
// From an occupant whom the user has blocked (XEP-0191 section 3.7) nothing is, and an
// answer only to what the client has asked him.
func (s *session) wants(data []byte) bool {
	if len(s.rooms) == 0 {
		return true // so it comes from no room
	}
	st, err := stanza.Parse(data)
	if err != nil {
		return true
	}
	from, err := im.ParseAddr(st.Attr("from"))
	if err != nil || !s.srv.groups(from.Domain) {
		return true
	}
	if own, _, err := s.core.Blocked(s.ctx, from); err == nil && own {
		return false
	}
	if st.Local != "iq" || !isAnswer(st) {
		return true
	}
	r := s.roomAt(from)
	if r == nil {
		return false
	}
	i := slices.IndexFunc(r.asked, func(a asked) bool { return a.id == st.Attr("id") && a.of.Member.Nick == from.Resource })
	if i >= 0 {
		r.asked = slices.Delete(r.asked, i, i+1)
	}
	return i >= 0
}

func isAnswer(st *xmlstream.Element) bool {
	return st.Attr("type") == "result" || st.Attr("type") == "error"
}
