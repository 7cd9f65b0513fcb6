package stream

import (
	"bytes"
	"mime"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Namespaces of BOSH: XEP-0124 and what XEP-0206 adds.
const (
	nsBind  = "http://jabber.org/protocol/httpbind"
	nsXBOSH = "urn:xmpp:xbosh"
)

// The terminal binding conditions that the transport itself reports (XEP-0124
// section 17.2).
const (
	boshBadRequest         = "bad-request"
	boshImproperAddressing = "improper-addressing"
	boshItemNotFound       = "item-not-found"
	boshPolicyViolation    = "policy-violation"
	boshStreamError        = "remote-stream-error"
	boshShutdown           = "system-shutdown"
)

// legacyStatus are the HTTP codes for clients that name no version (section 17.1).
var legacyStatus = map[string]int{boshBadRequest: 400, boshPolicyViolation: 403, boshItemNotFound: 404}

const maxRid = 1<<53 - 1 // section 14.1

// wrapped is how many bytes the wrapper may add to the largest stanza.
const wrapped = 2 << 10

// boshRequest is one <body/> of a client and who waits for the response.
type boshRequest struct {
	rid     uint64
	body    *xmlstream.Element
	size    int
	key     string
	empty   bool // no payload, and asks for nothing
	pause   int  // seconds; 0: none
	leaves  bool // type='terminate'
	restart bool

	reply chan boshReply // cap 1
	gone  bool           // guarded by the session's mu: nobody waits any more
	stop  func() bool    // of the timer of wait
}

// boshReply is one <body/> of ours.
type boshReply struct {
	condition string // of a terminal one, for legacy clients
	body      []byte
}

// parseBody reads a request. The condition is not empty when it is none.
func parseBody(data []byte, l xmlstream.Limits) (req *boshRequest, condition string) {
	l.Depth++
	l.Stanza = max(len(data), 1)
	body, err := xmlstream.Parse(data, xmlstream.Standalone, l)
	if err != nil {
		if e, ok := err.(*xmlstream.Error); ok && e.Condition == xmlstream.PolicyViolation {
			return nil, boshPolicyViolation
		}
		return nil, boshBadRequest
	}
	rid, err := strconv.ParseUint(body.Attr("rid"), 10, 64)
	if !body.Is(nsBind, "body") || err != nil || rid == 0 || rid > maxRid {
		return nil, boshBadRequest
	}
	for _, n := range body.Nodes {
		if n.Element == nil && strings.Trim(n.Text, " \t\r\n") != "" {
			return nil, boshBadRequest // section 6: no character data in the wrapper
		}
	}
	req = &boshRequest{
		rid: rid, body: body, size: len(data), key: body.Attr("key"),
		leaves: body.Attr("type") == "terminate", restart: isTrue(attrNS(body, nsXBOSH, "restart")),
		reply: make(chan boshReply, 1),
	}
	if p := body.Attr("pause"); p != "" {
		if req.pause, err = strconv.Atoi(p); err != nil || req.pause < 1 {
			return nil, boshBadRequest
		}
	}
	req.empty = body.First() == nil && !req.leaves && !req.restart && req.pause == 0
	return req, ""
}

func attrNS(e *xmlstream.Element, space, local string) string {
	v, _ := e.LookupAttr(space, local)
	return v
}

func isTrue(v string) bool { return v == "true" || v == "1" }

// events is what a request says on the stream, in order.
func (r *boshRequest) events(to string) (list []xmlstream.Event) {
	if r.restart {
		return []xmlstream.Event{r.header(to)} // XEP-0206 section 5: stanzas with it are ignored
	}
	for e := range r.body.Children() {
		e.Walk(asClient)
		list = append(list, xmlstream.Event{Kind: xmlstream.Stanza, Element: e})
	}
	if r.leaves {
		list = append(list, xmlstream.Event{Kind: xmlstream.Close})
	}
	return list
}

// asClient takes the wrapper's namespace for that of stanzas, as clients do
// that leave the latter out (XEP-0206 section 2).
func asClient(e *xmlstream.Element) bool {
	if e.Space == nsBind {
		e.Space = xmlstream.NSClient
	}
	return true
}

// header is the stream header that a request stands for.
func (r *boshRequest) header(to string) xmlstream.Event {
	if t := r.body.Attr("to"); t != "" {
		to = t
	}
	version := attrNS(r.body, nsXBOSH, "version")
	if version == "" {
		version = "1.0" // the default of the schema (XEP-0206 section 11)
	}
	e := xmlstream.New(xmlstream.NSStreams, "stream").OptAttr("to", to).OptAttr("from", r.body.Attr("from")).
		SetAttr("version", version).SetLang(r.body.Lang())
	return xmlstream.Event{Kind: xmlstream.Open, Element: e, Content: xmlstream.NSClient}
}

// sidOf finds the session of a request without parsing it, so that the limit
// of the session can be applied first. What it says is checked later.
func sidOf(data []byte) string {
	tag, _, _ := bytes.Cut(data, []byte{'>'})
	_, rest, found := bytes.Cut(tag, []byte("sid="))
	if !found || len(rest) < 2 {
		return ""
	}
	sid, _, _ := bytes.Cut(rest[1:], rest[:1])
	return string(sid)
}

// contentType returns the type of responses that a client asks for, when it is
// one of text (section 7.1).
func contentType(asked string) string {
	media, _, err := mime.ParseMediaType(asked)
	if err != nil || !strings.HasPrefix(media, "text/") && media != "application/xml" {
		return "text/xml; charset=utf-8"
	}
	return asked
}

// lowest returns the lower of the client's version of BOSH and ours.
func lowest(asked string) string {
	const major, minor = 1, 11
	a, b, _ := strings.Cut(asked, ".")
	x, err1 := strconv.Atoi(a)
	y, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || x > major || x == major && y > minor || x < 1 || y < 0 {
		return "1.11"
	}
	return strconv.Itoa(x) + "." + strconv.Itoa(y)
}
