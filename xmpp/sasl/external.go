package sasl

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
)

const external = "EXTERNAL"

// identities is who the client may be by its certificate: the addresses of
// accounts at the stream's domain. Others that the certificate may hold, of
// clients or of domains, are of no account here.
func (n *Negotiation) identities() []im.Addr {
	if !n.cfg.Secure {
		return nil
	}
	var list []im.Addr
	for _, a := range n.cfg.Certified {
		if a.Local != "" && a.Resource == "" && a.Domain == n.cfg.Domain {
			list = append(list, a)
		}
	}
	return list
}

// external is RFC 4422 appendix A: the message is the authorization identity, or
// nothing. TLS has shown the rest.
func (n *Negotiation) external(ctx context.Context, in []byte) ([]byte, *Login, error) {
	a, err := n.identity(string(in))
	if err != nil {
		return nil, nil, err
	}
	acct, err := n.cfg.Logins.External(ctx, a, n.cfg.Remote.Addr())
	if err != nil {
		return nil, nil, err
	}
	return nil, &Login{Account: acct}, nil
}

// identity is the one that the client names, else the only one that it can mean
// (RFC 6120 section 6.3.8, XEP-0178 section 2).
func (n *Negotiation) identity(authzid string) (im.Addr, error) {
	list := n.identities()
	if authzid == "" {
		if len(list) != 1 {
			return im.Addr{}, refuse(InvalidAuthzid, "the certificate has several addresses; name the one to log in as")
		}
		return list[0], nil
	}
	a, err := im.ParseAddr(authzid)
	if err != nil || !slices.Contains(list, a) || !n.mayBe(authzid) {
		return im.Addr{}, refuse(InvalidAuthzid, "this is not an address of the certificate at this domain")
	}
	return a, nil
}
