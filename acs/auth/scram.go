package auth

import (
	"context"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"

	"github.com/xdg-go/scram"

	"github.com/cxx-im/cxx/im"
)

const (
	plusSuffix = "-PLUS"
	scramMax   = 4096 // bytes of one client message
)

// Mechanisms implements im.Logins.
func (l *Logins) Mechanisms(cb im.ChannelBinding) []string {
	var out []string
	for _, m := range l.cfg.Mechanisms {
		if bound(cb) {
			out = append(out, m+plusSuffix)
		}
		out = append(out, m)
	}
	return out
}

func bound(cb im.ChannelBinding) bool { return len(cb.Exporter) > 0 || len(cb.ServerEnd) > 0 }

// StartSCRAM implements im.Logins.
func (l *Logins) StartSCRAM(mechanism, domain string, cb im.ChannelBinding, remote netip.Addr) (im.SCRAM, error) {
	if !slices.Contains(l.Mechanisms(cb), mechanism) {
		return nil, im.Errorf(im.CodeMechanism, "the mechanism %q is not offered here; offered are %s", clipTo(mechanism, 40), strings.Join(l.Mechanisms(cb), ", "))
	}
	if !l.hosts(domain) {
		return nil, im.Errorf(im.CodeInvalid, "the domain %q is not hosted here", clipTo(domain, 255))
	}
	if err := l.throttle.open(remote); err != nil {
		l.metrics.throttled.WithLabelValues("address").Inc()
		return nil, err
	}
	name := strings.TrimSuffix(mechanism, plusSuffix)
	x := &exchange{l: l, mechanism: mechanism, plus: name != mechanism, domain: domain, cb: cb, remote: remote}
	for _, f := range families {
		if f.name == name {
			x.family = f
		}
	}
	return x, nil
}

// exchange is the server side of one SCRAM login. The conversation itself is
// the library's; ours are the rules around it: who is asked for, which channel
// binding must be used, what an unknown user sees, and how fast one may try.
type exchange struct {
	l         *Logins
	mechanism string
	family    family
	plus      bool
	domain    string
	cb        im.ChannelBinding
	remote    netip.Addr

	conv  *scram.ServerConversation
	addr  im.Addr
	acct  im.Account
	known bool  // acct has a verifier for this mechanism
	err   error // of the storage, during the lookup
	steps int
}

// Account implements im.SCRAM.
func (x *exchange) Account() im.Account { return x.acct }

// Step implements im.SCRAM. A failed Step may return an "e=" message to pass on.
func (x *exchange) Step(ctx context.Context, in []byte) (out []byte, done bool, err error) {
	x.steps++
	if len(in) > scramMax {
		return x.fail(ctx, scram.ErrOtherError, im.Errorf(im.CodeMalformed, "the SCRAM message is longer than %d bytes", scramMax))
	}
	switch {
	case x.steps == 1:
		return x.first(ctx, string(in))
	case x.steps == 2 && x.conv != nil:
		return x.final(ctx, string(in))
	}
	return nil, false, im.Errorf(im.CodeBadState, "this SCRAM exchange has ended; start another")
}

func (x *exchange) fail(ctx context.Context, say string, err error) ([]byte, bool, error) {
	x.conv = nil
	return []byte(say), false, x.l.outcome(ctx, x.mechanism, x.acct.ID, x.remote, err)
}

func (x *exchange) first(ctx context.Context, in string) ([]byte, bool, error) {
	cb, say, err := x.binding(in)
	if err != nil {
		return x.fail(ctx, say, err)
	}
	hash := scram.SHA256
	if x.family.name == scramSHA1 {
		hash = scram.SHA1
	}
	server, err := hash.NewServer(func(name string) (scram.StoredCredentials, error) { return x.lookup(ctx, name) })
	if err != nil {
		return x.fail(ctx, scram.ErrOtherError, err)
	}
	x.conv = server.WithNonceGenerator(x.l.nonce).NewConversationWithChannelBinding(cb)
	out, err := x.conv.Step(in)
	switch {
	case x.err != nil:
		return x.fail(ctx, scram.ErrNoResources, x.err)
	case err != nil && out == scram.ErrServerDoesSupportChannelBinding:
		return x.fail(ctx, out, im.Errorf(im.CodeChannelBinding, "the client did not see that this server offers channel binding: someone may be in between"))
	case err != nil:
		return x.fail(ctx, orElse(out, scram.ErrOtherError), im.Errorf(im.CodeMalformed, "the first SCRAM message has a wrong form"))
	case !x.mayActAs(x.conv.AuthzID()):
		return x.fail(ctx, scram.ErrOtherError, im.Errorf(im.CodeForbidden, "nobody can log in on behalf of another user; leave the authorization identity empty"))
	}
	return []byte(out), false, nil
}

// binding picks the channel binding that the client's first message asks for.
// Without one it returns what the server has, so that a client which was kept
// from seeing the -PLUS mechanisms ("y") is found out.
func (x *exchange) binding(in string) (cb scram.ChannelBinding, say string, err error) {
	flag, _, _ := strings.Cut(in, ",")
	kind, asked := strings.CutPrefix(flag, "p=")
	switch {
	case asked != x.plus:
		return cb, scram.ErrOtherError, im.Errorf(im.CodeChannelBinding, "the mechanism %s and the channel binding flag do not go together", x.mechanism)
	case asked && kind == string(scram.ChannelBindingTLSExporter) && len(x.cb.Exporter) > 0,
		!asked && len(x.cb.Exporter) > 0:
		return scram.ChannelBinding{Type: scram.ChannelBindingTLSExporter, Data: x.cb.Exporter}, "", nil
	case asked && kind == string(scram.ChannelBindingTLSServerEndpoint) && len(x.cb.ServerEnd) > 0,
		!asked && len(x.cb.ServerEnd) > 0:
		return scram.ChannelBinding{Type: scram.ChannelBindingTLSServerEndpoint, Data: x.cb.ServerEnd}, "", nil
	case asked:
		return cb, scram.ErrUnsupportedChannelBindingType, im.Errorf(im.CodeChannelBinding, "this channel binding is not possible here; use tls-exporter or tls-server-end-point")
	}
	return scram.ChannelBinding{}, "", nil
}

// lookup finds what the proof is checked against. An unknown user gets the
// salt that he always gets and keys that no proof fits; the same work is done
// for both.
func (x *exchange) lookup(ctx context.Context, name string) (scram.StoredCredentials, error) {
	addr, valid := x.l.userAddr(name, x.domain)
	x.addr = addr
	cred := x.l.dummy.fit(x.family, x.l.seal.fakeSalt(aad(addr, x.family.name)))
	if valid {
		acct, err := x.l.store.AccountByAddr(ctx, addr)
		if err != nil && im.CodeOf(err) != im.CodeNotFound {
			x.err = err
			return scram.StoredCredentials{}, err
		}
		x.acct = acct
	}
	acct := x.acct
	if len(acct.Verifiers) == 0 {
		acct = x.l.decoy
	}
	c, found, err := x.l.seal.credential(acct, x.family)
	if err != nil {
		x.err = err
		return scram.StoredCredentials{}, err
	}
	if x.known = found && len(x.acct.Verifiers) > 0; x.known {
		cred = c
	}
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(cred.salt), Iters: cred.iterations},
		StoredKey:  cred.storedKey,
		ServerKey:  cred.serverKey,
	}, nil
}

func (x *exchange) mayActAs(authzid string) bool {
	if authzid == "" {
		return true
	}
	a, err := im.ParseAddr(authzid)
	return err == nil && a == x.addr
}

func (x *exchange) final(ctx context.Context, in string) ([]byte, bool, error) {
	if err := x.l.throttle.enter(ctx, x.addr); err != nil {
		x.l.metrics.throttled.WithLabelValues("account").Inc()
		x.conv = nil
		return []byte(scram.ErrNoResources), false, x.l.outcome(ctx, x.mechanism, x.acct.ID, x.remote, err)
	}
	out, err := x.conv.Step(in)
	switch {
	case err != nil && out == scram.ErrChannelBindingsDontMatch:
		x.l.throttle.void(x.addr)
		return x.fail(ctx, out, im.Errorf(im.CodeChannelBinding, "the login belongs to another TLS connection: someone may be in between"))
	case err != nil && out == "":
		x.l.throttle.void(x.addr)
		return x.fail(ctx, scram.ErrOtherError, im.Errorf(im.CodeMalformed, "the second SCRAM message has a wrong form"))
	case err != nil || !x.conv.Valid() || !x.known:
		return x.fail(ctx, scram.ErrInvalidProof, badCredentials())
	}
	x.l.throttle.right(x.addr)
	if x.acct.Disabled {
		return x.fail(ctx, scram.ErrOtherError, disabled())
	}
	x.conv, x.acct.Verifiers = nil, nil
	return []byte(out), true, x.l.outcome(ctx, x.mechanism, x.acct.ID, x.remote, nil)
}

// userAddr reads the name of a login: the part before the @, or a bare address
// of the domain. An impossible name still gives an address, which stands for
// it in the throttle and in the fake salt, and is not valid.
func (l *Logins) userAddr(name, domain string) (a im.Addr, valid bool) {
	if !strings.Contains(name, "@") {
		local, err := im.PrepareLocal(name)
		if err != nil {
			return im.Addr{Local: clipTo(name, 1023), Domain: domain}, false
		}
		return im.Addr{Local: local, Domain: domain}, true
	}
	a, err := im.ParseAddr(name)
	if err != nil || a != a.Bare() || a.Local == "" || a.Domain != domain {
		return im.Addr{Local: clipTo(name, 1023), Domain: domain}, false
	}
	return a, true
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func randomNonce() string { return base64.RawStdEncoding.EncodeToString(randomBytes(24)) }
