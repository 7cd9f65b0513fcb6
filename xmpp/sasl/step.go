package sasl

import (
	"context"

	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Outcome is what an element of the client led to. Send Reply, then do what
// Login says or end the stream with End.
type Outcome struct {
	Reply *xmlstream.Element // nil when Login is of XEP-0388: its answer is Login.Success
	Login *Login             // who has logged in; nil: nobody yet
	End   *stream.Error      // the stream is over
}

// Step takes an element for which Is holds. It waits for the storage, and where
// many passwords were wrong a while longer.
func (n *Negotiation) Step(ctx context.Context, e *xmlstream.Element) Outcome {
	p, a := profileOf(e), n.running
	n.running = nil
	switch {
	case n.done:
		return Outcome{End: stream.Errorf(xmlstream.PolicyViolation, "the stream is authenticated already")}
	case a != nil && a.profile.two && (p != a.profile || e.Local != "response" && e.Local != "abort"):
		// XEP-0388 section 2.4
		return Outcome{End: stream.Errorf(xmlstream.PolicyViolation, "only the next response may come during a login")}
	case !n.cfg.Secure:
		return n.fail(p, refuse(EncryptionRequired, "log in inside TLS"))
	case e.Local == "abort":
		return n.abort(p, e)
	case e.Local == p.start && a == nil:
		return n.begin(ctx, p, e)
	case e.Local == "response" && a != nil && a.profile == p:
		return n.respond(ctx, a, e)
	}
	return n.fail(p, refuse(MalformedRequest, "this element has no place here"))
}

// abort ends the exchange (RFC 6120 section 6.4.4).
func (n *Negotiation) abort(p *profile, e *xmlstream.Element) Outcome {
	if !p.two && len(e.Nodes) > 0 {
		return n.fail(p, refuse(MalformedRequest, "an abort holds nothing"))
	}
	return n.fail(p, refuse(Aborted, ""))
}

// begin starts an exchange (section 6.4.2; XEP-0388 section 2.3).
func (n *Negotiation) begin(ctx context.Context, p *profile, e *xmlstream.Element) Outcome {
	if n.cfg.Admit != nil {
		if err := n.cfg.Admit(); err != nil {
			return n.fail(p, err)
		}
	}
	a := &attempt{profile: p}
	if p.two {
		r, err := parseRequest(e)
		if err != nil {
			return n.fail(p, err)
		}
		a.request = r
	}
	data, given, why := p.initial(e)
	if why != "" {
		return n.fail(p, refuse(why, ""))
	}
	var err error
	if a.mech, err = n.start(e.Attr("mechanism"), a.request); err != nil {
		return n.fail(p, err)
	}
	if !given && a.request != nil && a.request.Fast {
		return n.fail(p, refuse(MalformedRequest, "a login with a token needs an initial response"))
	}
	if !given { // every mechanism here lets the client speak first: ask it to
		n.running = a
		return Outcome{Reply: p.challenge(nil)}
	}
	return n.next(ctx, a, data)
}

func (n *Negotiation) respond(ctx context.Context, a *attempt, e *xmlstream.Element) Outcome {
	data, why := a.profile.data(e)
	if why != "" {
		return n.fail(a.profile, refuse(why, ""))
	}
	return n.next(ctx, a, data)
}

// next hands the client's message to the mechanism.
func (n *Negotiation) next(ctx context.Context, a *attempt, data []byte) Outcome {
	out, login, err := a.mech(ctx, data)
	switch {
	case err != nil:
		return n.fail(a.profile, err)
	case login == nil:
		n.running = a
		return Outcome{Reply: a.profile.challenge(out)}
	}
	n.done = true
	login.Request, login.data = a.request, out
	if want := n.tokenFor(a.request); want != "" {
		login.TokenFor = want
	}
	if a.profile.two {
		return Outcome{Login: login}
	}
	return Outcome{Reply: success(out), Login: login}
}

// fail answers a try that failed. After some the stream ends (RFC 6120 section
// 6.4.5).
func (n *Negotiation) fail(p *profile, err error) Outcome {
	n.failures++
	o := Outcome{Reply: p.failure(err)}
	if n.failures >= maxFailures {
		o.End = stream.Errorf(xmlstream.PolicyViolation, "too many logins failed on this stream")
	}
	return o
}

// exchange is a mechanism under way. It takes the client's message and returns
// the server's; with a login it is done.
type exchange func(ctx context.Context, in []byte) (out []byte, login *Login, err error)
