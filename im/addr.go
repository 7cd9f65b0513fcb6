package im

import (
	"net"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// Addr is localpart@domain/resource, each part prepared as RFC 7622 says. The
// zero Addr is no address. Two Addrs are the same address exactly when they
// are equal.
type Addr struct {
	Local    string
	Domain   string
	Resource string
}

const maxPart = 1023 // RFC 7622 section 3.1: octets of each part

// ParseAddr reads and prepares an address. The localpart and the resource may
// be absent. It answers CodeInvalid with the part that is wrong.
func ParseAddr(s string) (Addr, error) {
	rest, resource, hasResource := strings.Cut(s, "/")
	local, domain, hasLocal := strings.Cut(rest, "@")
	if !hasLocal {
		local, domain = "", rest
	}
	var a Addr
	var err error
	if hasLocal {
		if a.Local, err = PrepareLocal(local); err != nil {
			return Addr{}, err
		}
	}
	if a.Domain, err = PrepareDomain(domain); err != nil {
		return Addr{}, err
	}
	if hasResource {
		if a.Resource, err = PrepareResource(resource); err != nil {
			return Addr{}, err
		}
	}
	return a, nil
}

// PrepareLocal prepares a localpart: the UsernameCaseMapped profile of RFC
// 8265 without the eight characters that RFC 7622 section 3.3.1 excludes. Names
// that servers with stringprep would fold differently are refused, so that the
// same person cannot have two names on two servers.
func PrepareLocal(s string) (string, error) {
	if isSimpleLocal(s) {
		return s, nil
	}
	p, err := precis.UsernameCaseMapped.String(s)
	if err != nil || p == "" {
		return "", Errorf(CodeInvalid, "the name %q before the @ has characters that a user name cannot have", clip(s))
	}
	if len(p) > maxPart {
		return "", Errorf(CodeInvalid, "the name before the @ is longer than %d bytes", maxPart)
	}
	if strings.ContainsAny(p, `"&'/:<>@`) {
		return "", Errorf(CodeInvalid, `the name %q before the @ has one of " & ' / : < > @ in it`, clip(s))
	}
	if folded := norm.NFKC.String(strings.ToLower(norm.NFKC.String(s))); folded != p {
		return "", Errorf(CodeInvalid, "the name %q before the @ would be read differently by other servers; use %q", clip(s), clip(folded))
	}
	return p, nil
}

func isSimpleLocal(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxPart
}

var domainProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.Transitional(false))

// PrepareDomain prepares a domain: a host name as U-labels in lower case, or
// an IP address literal (RFC 7622 section 3.2).
func PrepareDomain(s string) (string, error) {
	s = strings.TrimSuffix(s, ".")
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") && net.ParseIP(s[1:len(s)-1]) != nil {
		return strings.ToLower(s), nil
	}
	u, err := domainProfile.ToUnicode(s)
	if err != nil || u == "" || len(u) > maxPart {
		return "", Errorf(CodeInvalid, "%q is not a domain name", clip(s))
	}
	if _, err := domainProfile.ToASCII(u); err != nil {
		return "", Errorf(CodeInvalid, "%q is not a domain name", clip(s))
	}
	return u, nil
}

// PrepareResource prepares a resource: the OpaqueString profile of RFC 8265.
func PrepareResource(s string) (string, error) {
	p, err := precis.OpaqueString.String(s)
	if err != nil || p == "" {
		return "", Errorf(CodeInvalid, "the resource %q after the / has characters that it cannot have", clip(s))
	}
	if len(p) > maxPart {
		return "", Errorf(CodeInvalid, "the resource after the / is longer than %d bytes", maxPart)
	}
	return p, nil
}

// String returns the address in its usual form.
func (a Addr) String() string {
	s := a.Domain
	if a.Local != "" {
		s = a.Local + "@" + s
	}
	if a.Resource != "" {
		s += "/" + a.Resource
	}
	return s
}

// Bare returns a without its resource.
func (a Addr) Bare() Addr { return Addr{Local: a.Local, Domain: a.Domain} }

// IsZero reports whether a is no address.
func (a Addr) IsZero() bool { return a == Addr{} }

// Slot returns the slot of the account a names.
func (a Addr) Slot() Slot { return SlotOf(a.Domain, a.Local) }

func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
