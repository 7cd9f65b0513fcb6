package im

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
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

const (
	maxPart = 1023 // RFC 7622 section 3.1: octets of each part
	// What is longer than this before it is prepared is not even looked at:
	// full-width letters shrink to a third.
	maxRaw = 3 * maxPart
)

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
	if len(s) > maxRaw {
		return "", Errorf(CodeInvalid, "the name before the @ is longer than %d bytes", maxPart)
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
	if folded := fold(s); folded != p || fold(p) != p || strings.ContainsFunc(p, youngLower) {
		return "", Errorf(CodeInvalid, "the name %q before the @ would be read differently by other servers; choose one without its unusual characters, for instance %q", clip(s), clip(folded))
	}
	return p, nil
}

// fold maps a name as servers with nodeprep (RFC 6122, RFC 3454 tables B.1 and
// B.2) do: full case folding ("ß" is "ss"), compatibility forms, joiners gone.
func fold(s string) string {
	s = strings.NewReplacer("\u200c", "", "\u200d", "").Replace(s)
	caser := cases.Fold()
	return norm.NFKC.String(caser.String(norm.NFKC.String(caser.String(s))))
}

// youngLower reports whether r is a lower-case letter younger than Unicode 3.2,
// which is what nodeprep knows, while its capital is older: Georgian and
// Cherokee. There the capital stays, here it would become r.
func youngLower(r rune) bool {
	return r >= 0x2d00 && r <= 0x2d2f || r >= 0xab70 && r <= 0xabbf || r >= 0x13f8 && r <= 0x13fd
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

var domainProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true),
	idna.Transitional(false), idna.VerifyDNSLength(true))

// PrepareDomain prepares a domain: a host name as U-labels in lower case, an
// IPv4 address, or an IPv6 address in brackets (RFC 7622 section 3.2).
func PrepareDomain(s string) (string, error) {
	if len(s) > maxPart {
		return "", Errorf(CodeInvalid, "the domain is longer than %d bytes", maxPart)
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		return prepareIPv6(s, inner)
	}
	wrong := Errorf(CodeInvalid, "%q is not a domain name", clip(s))
	u, err := domainProfile.ToUnicode(s)
	u = strings.TrimSuffix(u, ".") // after the mapping, which makes dots of other full stops
	if err != nil || u == "" || len(u) > maxPart || strings.HasSuffix(u, ".") {
		return "", wrong
	}
	if _, err := domainProfile.ToASCII(u); err != nil { // checks the lengths of labels
		return "", wrong
	}
	if again, err := domainProfile.ToUnicode(u); err != nil || again != u {
		return "", wrong
	}
	return u, nil
}

func prepareIPv6(s, inner string) (string, error) {
	ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
	if err != nil || !strings.HasSuffix(inner, "]") || !ip.Is6() || ip.Zone() != "" {
		return "", Errorf(CodeInvalid, "%q is not an IPv6 address in brackets", clip(s))
	}
	return "[" + ip.String() + "]", nil
}

// PrepareResource prepares a resource: the OpaqueString profile of RFC 8265.
func PrepareResource(s string) (string, error) {
	if len(s) > maxRaw {
		return "", Errorf(CodeInvalid, "the resource after the / is longer than %d bytes", maxPart)
	}
	if !utf8.ValidString(s) { // OpaqueString would put U+FFFD in its place
		return "", Errorf(CodeInvalid, "the resource after the / is not UTF-8")
	}
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
