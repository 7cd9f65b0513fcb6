package c2s

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// bindOrResume handles what a client sends when it has logged in: it binds a
// resource or resumes a session, and nothing else (RFC 6120 section 7, XEP-0198
// section 5).
func (n *negotiation) bindOrResume(e *xmlstream.Element) error {
	switch bind := e.Child(nsBind, "bind"); {
	case e.Is(nsSM, "resume"):
		return n.resume(e)
	case e.Is(nsSM, "enable"): // section 3: after binding
		return n.conn.Send(stanza.Bytes(failedSM(stanza.UnexpectedRequest)))
	case !e.Is(stanza.NSClient, "iq") || bind == nil || e.Attr("type") != "set":
		return stream.Errorf(stream.NotAuthorized, "bind a resource first")
	default:
		return n.bind(e, bind)
	}
}

// bind answers a bind request.
func (n *negotiation) bind(request, bind *xmlstream.Element) error {
	resource := bind.ChildText(nsBind, "resource")
	if resource != "" {
		if _, err := im.PrepareResource(resource); err != nil { // section 7.7.2.1
			return n.conn.Send(stanza.Bytes(stanza.Reply(request, stanza.Errorf(stanza.BadRequest, "the resource has characters that it cannot have"))))
		}
	}
	s, err := n.begin(im.LoginDevice{Resource: resource})
	if err != nil {
		return n.conn.Send(stanza.Bytes(stanza.Reply(request, err)))
	}
	n.srv.metrics.logins.WithLabelValues("bind").Inc()
	jid := xmlstream.New(nsBind, "bind").Add(xmlstream.NewText(nsBind, "jid", s.full))
	return n.start(s, stanza.Result(request, jid))
}

// begin opens a session in the core. It does nothing yet: see start.
func (n *negotiation) begin(d im.LoginDevice) (*session, error) {
	srv, acct := n.srv, n.login.account
	d.Protocol, d.Remote = im.ProtocolXMPP, n.conn.Info().Remote
	if r := n.login.request; r != nil {
		d.Name, d.ClientName = r.UserAgent.Device, r.UserAgent.Software
	}
	device, err := n.device(d)
	if err != nil {
		return nil, err
	}
	s := newSession(srv, n.conn, device)
	s.lang = n.lang
	core, head, err := srv.deps.Sessions.Open(n.ctx, im.Opening{
		Account: acct, Device: device, Protocol: im.ProtocolXMPP, Remote: d.Remote, Sink: sink{s},
	})
	if err != nil {
		s.cancel()
		return nil, err
	}
	s.core, s.seq = core, head.Seq
	s.addr = core.Addr()
	s.full = s.addr.String()
	if !srv.enter(s) {
		s.cancel()
		core.Close()
		return nil, im.Errorf(im.CodeGoAway, "this server takes no new sessions; connect again")
	}
	return s, nil
}

// device is the device that logs in: the one whose token was shown, or that which
// d describes. Its epoch is raised now, so that an older session of it ends.
func (n *negotiation) device(d im.LoginDevice) (im.Device, error) {
	logins, acct := n.srv.deps.Logins, n.login.account
	switch {
	case n.login.device.ID == 0:
		dev, _, err := logins.Enroll(n.ctx, acct, d)
		return dev, err
	case n.login.later:
		return logins.Begin(n.ctx, acct.ID, n.login.device.ID)
	}
	return n.login.device, nil
}

// start lets a session run, answers being the first that its client sees of it.
// When they cannot be sent nobody will read for the session, so it ends.
func (n *negotiation) start(s *session, answers ...*xmlstream.Element) error {
	n.done = s
	out := make([][]byte, len(answers))
	for i, e := range answers {
		out[i] = stanza.Bytes(e)
	}
	err := n.conn.Send(out...)
	if err != nil {
		s.queue.post(event{kind: evCall, call: func(context.Context) { s.end(nil, true) }})
	}
	s.queue.start()
	return err
}

// resume answers a client that wants its old session back. What cannot be
// resumed here fails cleanly: the client binds, and the archive has the rest.
func (n *negotiation) resume(e *xmlstream.Element) error {
	h, ok := parseH(e)
	if !ok {
		return n.conn.Send(stanza.Bytes(failedSM(stanza.BadRequest)))
	}
	s, err := n.takeBack(e.Attr("previd"), h, func(_ *session, resumed *xmlstream.Element) *xmlstream.Element { return resumed })
	if err != nil {
		return err
	}
	if s == nil {
		return n.conn.Send(stanza.Bytes(failedSM(stanza.ItemNotFound)))
	}
	n.done = s
	return nil
}

// takeBack resumes a session of the account that has logged in; nil when it has
// no such one. answer wraps what the client is told.
func (n *negotiation) takeBack(previd string, h uint32, answer func(s *session, resumed *xmlstream.Element) *xmlstream.Element) (*session, error) {
	s := n.srv.kept(previd, n.login.account.ID)
	if s == nil {
		return nil, nil
	}
	resumed, reason := s.resume(resumption{conn: n.conn, lang: n.lang, h: h, answer: answer})
	if reason != nil {
		return nil, reason
	}
	if !resumed {
		return nil, nil
	}
	n.srv.metrics.resumed.Inc()
	return s, nil
}
