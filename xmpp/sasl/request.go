package sasl

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Request is what a client asks for along with a login by XEP-0388. Nothing of
// it counts unless the login succeeds.
type Request struct {
	UserAgent    UserAgent
	Bind         *Bind   // XEP-0386; nil: the client binds later, or resumes
	Resume       *Resume // XEP-0198, goes before Bind; nil: none
	RequestToken string  // XEP-0484: the mechanism for which it wants a token; "" for none
	Fast         bool    // it comes with a token
	Invalidate   bool    // which is void from now on
}

// UserAgent is what the client says of itself (XEP-0388 section 2.3); nobody but
// the user may see it.
type UserAgent struct{ ID, Software, Device string }

// Bind is a request for a resource and what goes with it (XEP-0386 section 3.2).
type Bind struct {
	Tag      string
	Carbons  bool    // XEP-0280
	Enable   *Enable // XEP-0198; nil: no stream management
	Inactive bool    // XEP-0352: the session begins inactive
}

// Enable is a request for stream management (XEP-0198 section 3).
type Enable struct {
	Resume bool
	Max    uint32 // seconds; zero: the server's choice
}

// Resume is a request to go on with a session (XEP-0198 section 5).
type Resume struct {
	ID string // previd
	H  uint32
}

const userAgentMax = 256 // bytes that are looked at

func parseRequest(e *xmlstream.Element) (*Request, error) {
	r := &Request{RequestToken: e.Child(NSFast, "request-token").Attr("mechanism")}
	if ua := e.Child(NS2, "user-agent"); ua != nil {
		r.UserAgent = UserAgent{
			ID:       clip(ua.Attr("id"), userAgentMax),
			Software: clip(ua.ChildText(NS2, "software"), userAgentMax),
			Device:   clip(ua.ChildText(NS2, "device"), userAgentMax),
		}
	}
	if err := r.parseFast(e.Child(NSFast, "fast")); err != nil {
		return nil, err
	}
	if err := r.parseResume(e.Child(NSSM, "resume")); err != nil {
		return nil, err
	}
	if err := r.parseBind(e.Child(NSBind2, "bind")); err != nil {
		return nil, err
	}
	return r, nil
}

// parseFast reads the sign that the client has a token. The count guards early
// data of TLS 1.3 against replay; none is accepted here, so it only has to be a
// number (XEP-0484 section 3.4).
func (r *Request) parseFast(e *xmlstream.Element) error {
	if e == nil {
		return nil
	}
	var ok bool
	if r.Invalidate, ok = parseBool(e.Attr("invalidate")); !ok {
		return refuse(MalformedRequest, "the attribute invalidate of <fast/> is no boolean")
	}
	if count := e.Attr("count"); count != "" {
		if _, err := strconv.ParseUint(count, 10, 64); err != nil {
			return refuse(MalformedRequest, "the attribute count of <fast/> is no number")
		}
	}
	r.Fast = true
	return nil
}

func (r *Request) parseResume(e *xmlstream.Element) error {
	if e == nil {
		return nil
	}
	h, err := strconv.ParseUint(e.Attr("h"), 10, 32)
	if err != nil || e.Attr("previd") == "" {
		return refuse(MalformedRequest, "<resume/> needs previd, and h, a number below 4294967296")
	}
	r.Resume = &Resume{e.Attr("previd"), uint32(h)}
	return nil
}

func (r *Request) parseBind(e *xmlstream.Element) error {
	if e == nil {
		return nil
	}
	r.Bind = &Bind{
		Tag:      strings.TrimSpace(e.ChildText(NSBind2, "tag")),
		Carbons:  e.Child(nsCarbons, "enable") != nil,
		Inactive: e.Child(NSCSI, "inactive") != nil,
	}
	en := e.Child(NSSM, "enable")
	if en == nil {
		return nil
	}
	resume, ok := parseBool(en.Attr("resume"))
	seconds, err := strconv.ParseUint(orZero(en.Attr("max")), 10, 32)
	if !ok || err != nil {
		return refuse(MalformedRequest, "in <enable/>, resume is a boolean and max a number of seconds")
	}
	r.Bind.Enable = &Enable{resume, uint32(seconds)}
	return nil
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

// parseBool reads a boolean of XML Schema; an absent one is false.
func parseBool(s string) (value, ok bool) {
	switch s {
	case "true", "1":
		return true, true
	case "", "false", "0":
		return false, true
	}
	return false, false
}

// device is what the core records of the client.
func (r *Request) device(remote netip.AddrPort) im.LoginDevice {
	d := im.LoginDevice{Protocol: im.ProtocolXMPP, Remote: remote}
	if r != nil {
		d.Name, d.ClientName = r.UserAgent.Device, r.UserAgent.Software
	}
	return d
}
