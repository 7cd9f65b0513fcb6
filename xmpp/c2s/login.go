package c2s

import (
	"io"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/sasl"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsBind2 = sasl.NSBind2

func (n *negotiation) saslConfig(info stream.Info) sasl.Config {
	return sasl.Config{
		Logins: n.srv.deps.Logins, Domain: n.domain, From: n.from, Binding: info.Binding, Certified: info.Certified, Secure: info.Secure,
		Remote: info.Remote, Resume: info.Resumable && n.srv.cfg.ResumeWindow > 0,
		Bind: []string{stanza.NSCarbons, nsCSI, nsSM}, Fast: true, Admit: n.srv.logins.admit,
	}
}

// authenticate handles an element of a login (RFC 6120 section 6, XEP-0388).
func (n *negotiation) authenticate(e *xmlstream.Element) error {
	if n.auth == nil { // the features had no mechanism: encryption comes first
		n.auth = sasl.New(n.saslConfig(n.conn.Info()))
	}
	out := n.auth.Step(n.ctx, e)
	if out.Login != nil {
		return n.loggedIn(out.Login, out.Reply)
	}
	if out.Reply != nil {
		if err := n.conn.Send(stanza.Bytes(out.Reply)); err != nil {
			return err
		}
	}
	if out.End != nil {
		return out.End
	}
	return nil
}

// loggedIn goes on after a login: with another stream, or by XEP-0388 at once.
func (n *negotiation) loggedIn(l *sasl.Login, reply *xmlstream.Element) error {
	n.login = login{ok: true, account: l.Account, device: l.Device, later: l.Later}
	if l.Request == nil {
		n.opened = false
		n.conn.Restart()
		return n.conn.Send(stanza.Bytes(reply))
	}
	return n.inline(l)
}

// inline carries out what a client has asked for along with its login: it
// resumes a session, else binds (XEP-0388 section 2.6.3, XEP-0386, XEP-0198).
func (n *negotiation) inline(l *sasl.Login) error {
	n.login.request = l.Request
	var failed *xmlstream.Element
	if r := l.Request.Resume; r != nil {
		s, err := n.takeBack(r.ID, r.H, func(old *session, resumed *xmlstream.Element) *xmlstream.Element {
			return l.Success(old.addr, resumed, n.token(l, old.device))
		})
		if err != nil || s != nil {
			n.done = s
			return err
		}
		failed = failedSM(stanza.ItemNotFound)
	}
	if l.Request.Bind == nil {
		if err := n.conn.Send(stanza.Bytes(l.Success(l.Account.Addr.Bare(), failed, n.token(l, l.Device)))); err != nil {
			return err
		}
		return n.conn.Send(stanza.Bytes(n.features()))
	}
	s, err := n.begin(l.Enrol(n.conn.Info().Remote))
	if err != nil {
		if sendErr := n.conn.Send(stanza.Bytes(sasl.Failure(err))); sendErr != nil {
			return sendErr
		}
		return io.EOF
	}
	n.srv.metrics.logins.WithLabelValues("bind2").Inc()
	success := l.Success(s.addr, failed, s.bindInline(l.Request.Bind), n.token(l, s.device))
	return n.start(s, success, n.srv.modules.boundFeatures(n.conn.Info(), s.sm.on)) // XEP-0388 section 2.6.1: at once
}

// bindInline turns on what a client wants from the first moment on, and returns
// <bound/>.
func (s *session) bindInline(b *sasl.Bind) *xmlstream.Element {
	bound := xmlstream.New(nsBind2, "bound")
	s.Turn(iq.Carbons, b.Carbons)
	s.csi.inactive = b.Inactive
	if b.Enable != nil {
		bound.Add(s.enableSM(b.Enable.Resume))
	}
	return bound
}

// token is the token that a client gets for its next login, nil when it has
// asked for none or has one that is good (XEP-0484 section 3.3).
func (n *negotiation) token(l *sasl.Login, d im.Device) *xmlstream.Element {
	if l.TokenFor == "" || d.ID == 0 {
		return nil
	}
	token, expires, err := n.srv.deps.Logins.FastToken(n.ctx, l.Account.ID, d.ID, l.TokenFor)
	if err != nil {
		n.srv.log.Warn("no token for the next login", "user", l.Account.ID, "err", err)
		return nil
	}
	return sasl.Token(token, expires)
}
