package sasl

import (
	"net/netip"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// The namespaces.
const (
	NS      = "urn:ietf:params:xml:ns:xmpp-sasl"
	NS2     = "urn:xmpp:sasl:2"    // XEP-0388
	NSBind2 = "urn:xmpp:bind:0"    // XEP-0386
	NSFast  = "urn:xmpp:fast:0"    // XEP-0484
	NSCB    = "urn:xmpp:sasl-cb:0" // XEP-0440
	NSSM    = "urn:xmpp:sm:3"      // XEP-0198
	NSCSI   = "urn:xmpp:csi:0"     // XEP-0352

	nsCarbons = "urn:xmpp:carbons:2"
)

// Config is what a negotiation knows of its stream.
type Config struct {
	Logins    im.Logins
	Domain    string  // that the client has named, prepared
	From      im.Addr // of the stream header, zero when it had none (XEP-0388 section 2.3)
	Binding   im.ChannelBinding
	Certified []im.Addr // of the certificate that the client has shown in TLS; nil: none
	Secure    bool      // false: nothing is offered, and every try is answered with encryption-required
	Remote    netip.AddrPort
	Resume    bool         // sessions can be resumed along with the login (XEP-0198)
	Bind      []string     // features that can be turned on along with Bind 2; nil: no Bind 2
	Fast      bool         // tokens are given out (XEP-0484)
	Admit     func() error // says whether a login may be tried now; nil: always
}

// maxFailures is how many tries fail before the stream ends. RFC 6120 section
// 6.4.5 wants two to five retries; clients with another channel binding than ours
// (tls-unique) fail four times before they come to a mechanism without one.
const maxFailures = 5

// Negotiation is the login on one stream. One goroutine owns it.
type Negotiation struct {
	cfg      Config
	running  *attempt // waits for the client's answer; nil: none
	failures int
	done     bool
}

// attempt is one exchange under way.
type attempt struct {
	profile *profile
	mech    exchange
	request *Request // XEP-0388 only
}

// New returns a Negotiation that has seen nothing.
func New(cfg Config) *Negotiation { return &Negotiation{cfg: cfg} }

// Is reports whether e is part of a login, and so for Step.
func Is(e *xmlstream.Element) bool { return e != nil && (e.Space == NS || e.Space == NS2) }

// Running reports whether an exchange is under way: the client may send nothing
// but elements of it (XEP-0388 section 2.4).
func (n *Negotiation) Running() bool { return n.running != nil }
