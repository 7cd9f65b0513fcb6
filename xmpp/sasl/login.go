package sasl

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Login is who has logged in, and what he asked for along with it.
type Login struct {
	Account  im.Account
	Device   im.Device // of a login by token; else its ID is zero and the caller enrols one
	Fast     bool      // by a token
	Later    bool      // Device has to pass im.Logins.Begin before it opens a session, for it may resume one
	Request  *Request  // of XEP-0388; nil: RFC 6120, and a restart of the stream follows
	TokenFor string    // "" or the mechanism for which the client gets a token

	data []byte // additional data of the mechanism
}

// Enrol is the device to enrol: with the resource that XEP-0386 wants when the
// client asks for one, else with none.
func (l *Login) Enrol(remote netip.AddrPort) im.LoginDevice {
	d := l.Request.device(remote)
	if l.Request != nil && l.Request.Bind != nil {
		d.Resource = Resource(l.Account.Addr, l.Request.Bind.Tag, l.Request.UserAgent.ID)
	}
	return d
}

// Success is the answer of XEP-0388 (section 2.6.1). who is the bare address, or
// the full one when a resource was bound; children are what came of the
// requests: <bound/>, <resumed/> or <failed/>, <token/>. Nil ones are left out.
func (l *Login) Success(who im.Addr, children ...*xmlstream.Element) *xmlstream.Element {
	e := xmlstream.New(NS2, "success")
	if len(l.data) > 0 {
		e.Add(xmlstream.NewText(NS2, "additional-data", encoding.EncodeToString(l.data)))
	}
	e.Add(xmlstream.NewText(NS2, "authorization-identifier", who.String()))
	return e.Add(children...)
}

// Token is the <token/> of XEP-0484 section 3.3.
func Token(token string, expires time.Time) *xmlstream.Element {
	return xmlstream.New(NSFast, "token").
		SetAttr("expiry", expires.UTC().Format(time.RFC3339)).
		SetAttr("token", token)
}

const (
	tagMax    = 256 // bytes of a client's tag that are kept
	madeBytes = 10  // of what is made for a resource
)

// Resource makes the resource of XEP-0386 section 3.2.1: the client's tag and,
// behind a stroke, something that is always the same for the same account and
// client, and tells nobody which client that is. Without an id of the client it
// is random.
func Resource(a im.Addr, tag, userAgentID string) string {
	made := made(a, userAgentID)
	tag, err := im.PrepareResource(clip(tag, tagMax))
	if err != nil || tag == "" {
		return made
	}
	return tag + "/" + made
}

func made(a im.Addr, userAgentID string) string {
	id := sha256.Sum256([]byte("cxx resource\x00" + a.Bare().String() + "\x00" + userAgentID))
	if userAgentID == "" {
		_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(id[:madeBytes]))
}
