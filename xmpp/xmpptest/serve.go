package xmpptest

import (
	"context"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Parse reads a stanza as it stands in a client's stream.
func Parse(t testing.TB, text string) *xmlstream.Element {
	t.Helper()
	e, err := stanza.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return e
}

// Serve gives the iq stanza of a client to a Mux, with the target that its 'to'
// says, and returns the answer as the client sees it.
func Serve(t testing.TB, m *iq.Mux, s *Session, text string) *xmlstream.Element {
	t.Helper()
	st := Parse(t, text)
	st.SetAttr("from", s.Addr().String())
	r := Request(t, s, st)
	payload, err := m.Serve(context.Background(), r)
	if err != nil {
		return stanza.Reply(st, err)
	}
	for _, x := range r.Then {
		s.Send(x)
	}
	return stanza.Result(st, payload)
}

// Request makes the request of an iq stanza.
func Request(t testing.TB, s *Session, st *xmlstream.Element) *iq.Request {
	t.Helper()
	r := &iq.Request{
		Session: s, Set: st.Attr("type") == "set", From: s.Addr(), To: s.Addr().Bare(), ID: st.Attr("id"),
		Payload: st.First(), Stanza: st, Target: iq.Own, Owner: s.core.User(),
	}
	to, given := st.LookupAttr("", "to")
	if !given {
		return r
	}
	a, err := im.ParseAddr(to)
	if err != nil {
		t.Fatal(err)
	}
	r.To = a.Bare()
	switch {
	case r.To == s.Addr().Bare():
	case a.Local == "":
		r.Target, r.Owner = iq.Server, 0
	default:
		r.Target = iq.Account
		r.Owner, err = s.core.Resolve(context.Background(), r.To)
		if im.CodeOf(err) == im.CodeNotFound {
			r.Target, err = iq.Nobody, nil
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Text renders a stanza as it stands in a client's stream.
func Text(st *xmlstream.Element) string {
	if st == nil {
		return ""
	}
	return string(stanza.Bytes(st))
}

// Texts renders stanzas.
func Texts(all []*xmlstream.Element) []string {
	out := make([]string, 0, len(all))
	for _, st := range all {
		out = append(out, Text(st))
	}
	return out
}

// Condition returns the defined condition of an error stanza, "" for no error.
func Condition(st *xmlstream.Element) string {
	for c := range st.Child(stanza.NSClient, "error").Children() {
		if c.Space == stanza.NSStanzas && c.Local != "text" {
			return c.Local
		}
	}
	return ""
}
