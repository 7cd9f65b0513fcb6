package sasl

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
)

// start picks the mechanism that the client names.
func (n *Negotiation) start(name string, r *Request) (exchange, error) {
	switch {
	case r != nil && r.Fast && slices.Contains(n.fast(), name):
		return n.startFast(name, r), nil
	case !slices.Contains(n.mechanisms(), name):
		return nil, notOffered(name)
	case name == plain:
		return n.plain, nil
	case name == external:
		return n.external, nil
	}
	x, err := n.cfg.Logins.StartSCRAM(name, n.cfg.Domain, n.cfg.Binding, n.cfg.Remote.Addr())
	if err != nil {
		return nil, err
	}
	return n.scram(x), nil
}

// weak are mechanisms that a server may have offered and that policy forbids
// here (RFC 6120 section 6.5.9).
var weak = []string{"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "DIGEST-MD5", "CRAM-MD5", "LOGIN"}

func notOffered(name string) error {
	switch {
	case name == "":
		return refuse(InvalidMechanism, "name a mechanism")
	case slices.Contains(weak, name):
		return refuse(MechanismTooWeak, "use a stronger mechanism of those that are offered")
	}
	return refuse(InvalidMechanism, "use a mechanism of those that are offered")
}

// scram moves an exchange of RFC 5802. What an error says inside the mechanism
// has no place in a failure, so it is dropped.
func (n *Negotiation) scram(x im.SCRAM) exchange {
	first := true
	return func(ctx context.Context, in []byte) ([]byte, *Login, error) {
		if first && !n.mayBe(gs2Authzid(in)) {
			return nil, nil, errAuthzid
		}
		first = false
		out, done, err := x.Step(ctx, in)
		if err != nil || !done {
			return out, nil, err
		}
		return out, &Login{Account: x.Account()}, nil
	}
}

var errAuthzid = refuse(InvalidAuthzid, "nobody can log in on behalf of another user; leave the authorization identity empty")

// gs2Authzid returns the authorization identity of a client's first message
// (RFC 5802 section 7); what has a wrong form is for the mechanism to refuse.
func gs2Authzid(in []byte) string {
	_, rest, _ := strings.Cut(string(in), ",")
	second, _, _ := strings.Cut(rest, ",")
	id, ok := strings.CutPrefix(second, "a=")
	if !ok {
		return ""
	}
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(id)
}

// mayBe compares an authorization identity with the stream's 'from' (XEP-0388
// section 2.3); whether it is the user's own the mechanism finds out.
func (n *Negotiation) mayBe(authzid string) bool {
	if authzid == "" || n.cfg.From.Local == "" { // sendxmpp names the domain
		return true
	}
	a, err := im.ParseAddr(authzid)
	return err == nil && a == n.cfg.From.Bare()
}

// plain is RFC 4616.
func (n *Negotiation) plain(ctx context.Context, in []byte) ([]byte, *Login, error) {
	m, err := parsePlain(in)
	if err != nil {
		return nil, nil, err
	}
	addr := userAddr(m.authcid, n.cfg.Domain)
	if m.authzid != "" {
		a, err := im.ParseAddr(m.authzid)
		if err != nil || a != addr || !n.mayBe(m.authzid) {
			return nil, nil, errAuthzid
		}
	}
	acct, err := n.cfg.Logins.CheckPassword(ctx, addr, m.password, n.cfg.Remote.Addr())
	if err != nil {
		return nil, nil, err
	}
	return nil, &Login{Account: acct}, nil
}

type plainMessage struct{ authzid, authcid, password string }

func parsePlain(in []byte) (plainMessage, error) {
	parts := bytes.Split(in, []byte{0})
	switch {
	case len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0:
		return plainMessage{}, refuse(MalformedRequest, "the message is not authorization identity, zero byte, name, zero byte, password")
	case !utf8.Valid(in):
		return plainMessage{}, refuse(MalformedRequest, "the message is not UTF-8")
	}
	return plainMessage{string(parts[0]), string(parts[1]), string(parts[2])}, nil
}

// userAddr is the account that a name means: the part before the @, or the bare
// address. A name that nobody can have gives an address that nobody has, so that
// it is answered, and counted, like any unknown one.
func userAddr(name, domain string) im.Addr {
	nobody := im.Addr{Local: clip(name, 1023), Domain: domain}
	if !strings.Contains(name, "@") {
		local, err := im.PrepareLocal(name)
		if err != nil {
			return nobody
		}
		return im.Addr{Local: local, Domain: domain}
	}
	a, err := im.ParseAddr(name)
	if err != nil || a.Local == "" || a != a.Bare() || a.Domain != domain {
		return nobody
	}
	return a
}

// clip cuts s to at most n bytes between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// startFast is a login with a token (XEP-0484 section 3.4).
func (n *Negotiation) startFast(name string, r *Request) exchange {
	return func(ctx context.Context, in []byte) ([]byte, *Login, error) {
		d := r.device(n.cfg.Remote)
		d.NewToken, d.EndToken = n.tokenFor(r) != "", r.Invalidate
		d.Later = r.Resume != nil || r.Bind == nil // it may resume, now or next
		got, err := n.cfg.Logins.Fast(ctx, name, n.cfg.Domain, in, n.cfg.Binding, d)
		if err != nil {
			return nil, nil, err
		}
		l := &Login{Account: got.Account, Device: got.Device, Fast: true, Later: d.Later}
		if got.Renewed {
			l.TokenFor = name
		}
		return got.Proof, l, nil
	}
}

// tokenFor is the mechanism for which the client wants a token and can have one.
func (n *Negotiation) tokenFor(r *Request) string {
	if r == nil || !slices.Contains(n.fast(), r.RequestToken) {
		return ""
	}
	return r.RequestToken
}
