package c2s

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// request handles an iq of the client's (RFC 6120 section 8.2.3, RFC 6121
// section 8).
func (s *session) request(st *xmlstream.Element, to im.Addr) {
	if err := checkIQ(st); err != nil {
		s.refuse(st, err)
		return
	}
	answer := isAnswer(st)
	switch {
	case answer && s.asks.settle(s.ctx, st):
	case to.Local != "" && to.Resource != "" && s.srv.groups(to.Domain):
		s.occupantRequest(st, to, answer)
	case to.Resource != "" && s.local(to) && to.Local != "":
		if !answer && pushes[st.First().Space] {
			s.refuse(st, stanza.Errorf(stanza.ServiceUnavailable, ""))
			return
		}
		s.toResource(st, to)
	case answer:
	case s.srv.groups(to.Domain):
		s.roomsRequest(st, to)
	case !to.IsZero() && !s.local(to):
		s.refuse(st, stanza.Errorf(stanza.RemoteServerNotFound, ""))
	default:
		s.serve(st, to)
	}
}

// pushes are what clients are told by their server and by nobody else; not each
// looks at who it is (RFC 6121 section 2.1.6, XEP-0191 section 3.3).
var pushes = map[string]bool{
	stanza.NSRoster:     true,
	stanza.NSBlocking:   true,
	"jabber:iq:privacy": true,
}

// checkIQ sees to the form of an iq.
func checkIQ(st *xmlstream.Element) error {
	children := 0
	for range st.Children() {
		children++
	}
	switch typ := st.Attr("type"); {
	case st.Attr("id") == "":
		return stanza.Errorf(stanza.BadRequest, "an iq needs an id")
	case typ == "get" || typ == "set":
		if children != 1 {
			return stanza.Errorf(stanza.BadRequest, "a request has one payload")
		}
	case typ == "result":
		if children > 1 {
			return stanza.Errorf(stanza.BadRequest, "a result has at most one payload")
		}
	case typ != "error":
		return stanza.Errorf(stanza.BadRequest, "the type of an iq is get, set, result or error")
	}
	return nil
}

// serve answers for the server or an account.
func (s *session) serve(st *xmlstream.Element, to im.Addr) {
	r := &iq.Request{
		Session: s, Set: st.Attr("type") == "set", From: s.addr, To: to.Bare(), ID: st.Attr("id"),
		Payload: st.First(), Stanza: st,
	}
	switch {
	case to.IsZero() || to == s.addr.Bare():
		r.Target, r.To, r.Owner = iq.Own, s.addr.Bare(), s.core.User()
	case to.Local == "":
		r.Target = iq.Server
	default:
		u, err := s.core.Resolve(s.ctx, to.Bare())
		r.Target, r.Owner = iq.Account, u
		if im.CodeOf(err) == im.CodeNotFound {
			r.Target, err = iq.Nobody, nil
		}
		if err == nil {
			err = s.notBlocked(to)
		}
		if err != nil {
			s.refuse(st, err)
			return
		}
	}
	s.serveAs(st, r)
}

// serveAs has the handlers answer a request.
func (s *session) serveAs(st *xmlstream.Element, r *iq.Request) {
	payload, err := s.srv.mux.Serve(s.ctx, r)
	s.empty()
	for _, first := range r.First {
		s.send(first)
	}
	if err != nil {
		s.refuse(st, err)
		return
	}
	s.send(stanza.Result(st, payload))
	for _, then := range r.Then {
		s.send(then)
	}
}

// unknownAccount hides that there is no such account (RFC 6121 section 8.5.1).
func unknownAccount(err error) error {
	if im.CodeOf(err) == im.CodeNotFound {
		return stanza.Errorf(stanza.ServiceUnavailable, "")
	}
	return err
}

// notBlocked answers an error when one of the two has blocked the other
// (XEP-0191 section 3.4 and 3.5).
func (s *session) notBlocked(a im.Addr) error {
	own, theirs, err := s.core.Blocked(s.ctx, a)
	switch {
	case err != nil:
		return err
	case own:
		return im.Errorf(im.CodeOwnBlock, "you have blocked this address")
	case theirs:
		return stanza.Errorf(stanza.ServiceUnavailable, "")
	}
	return nil
}

// toResource passes an iq on to another client (RFC 6121 section 8.5.3).
func (s *session) toResource(st *xmlstream.Element, to im.Addr) {
	u, err := s.core.Resolve(s.ctx, to.Bare())
	if err == nil {
		t, ok := find(s.core.SessionsOf(u), to.Resource)
		s.clean(st)
		if ok && t.Protocol == im.ProtocolXMPP && s.core.Signal(im.Signal{To: u, Session: t.Session, Node: t.Node, Kind: im.SignalStanza, Data: stanza.Bytes(st)}) {
			return
		}
		if err = s.notBlocked(to); err == nil {
			err = stanza.Errorf(stanza.ServiceUnavailable, "")
		}
	}
	s.refuse(st, unknownAccount(err))
}

// asks are requests of ours to the client, the oldest first.
type asks struct {
	last int
	open []question
}

type question struct {
	id   string
	done func(context.Context, *xmlstream.Element)
}

const (
	// askPrefix starts the ids of our requests.
	askPrefix = "srv-"
	// maxAsks is how many answers are waited for: a client that gives none can make
	// us ask as often as it likes.
	maxAsks = 16
)

// Ask implements iq.Session.
func (s *session) Ask(payload *xmlstream.Element, get bool, done func(context.Context, *xmlstream.Element)) {
	if !s.queue.post(event{kind: evCall, call: func(context.Context) { s.ask(payload, get, done) }}) {
		done(context.Background(), nil)
	}
}

func (s *session) ask(payload *xmlstream.Element, get bool, done func(context.Context, *xmlstream.Element)) {
	id := s.asks.add(s.ctx, done)
	typ := "set"
	if get {
		typ = "get"
	}
	s.send(stanza.New("iq", typ).SetAttr("from", s.addr.Domain).SetAttr("to", s.full).SetAttr("id", id).Add(payload))
}

// add notes a request and returns its id. The oldest is given up for it when there
// are too many.
func (a *asks) add(ctx context.Context, done func(context.Context, *xmlstream.Element)) (id string) {
	if len(a.open) == maxAsks {
		oldest := a.open[0]
		a.open = slices.Delete(a.open, 0, 1)
		oldest.done(ctx, nil)
	}
	a.last++
	id = askPrefix + strconv.Itoa(a.last)
	a.open = append(a.open, question{id, done})
	return id
}

// settle takes an answer that belongs to one of our requests: by id, and by whom
// it is for.
func (a *asks) settle(ctx context.Context, st *xmlstream.Element) bool {
	id := st.Attr("id")
	i := slices.IndexFunc(a.open, func(q question) bool { return q.id == id })
	if i < 0 || strings.ContainsAny(st.Attr("to"), "@/") {
		return false
	}
	q := a.open[i]
	a.open = slices.Delete(a.open, i, i+1)
	q.done(ctx, st)
	return true
}

// abort tells those who wait that there will be no answer.
func (a *asks) abort(ctx context.Context) {
	open := a.open
	a.open = nil
	for _, q := range open {
		q.done(ctx, nil)
	}
}
