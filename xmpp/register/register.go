// Package register is in-band registration (XEP-0077): accounts made before a
// login, passwords changed and accounts removed after it.
//
// It leaves the rules to im.Logins and the core: who may make an account, how
// often, which passwords are good. c2s calls Answer before there is a session;
// afterwards the requests come through an iq.Mux.
//
// Two things differ from what the oldest clients expect. A password is changed
// only by who knows the old one, so a change without it is answered with the
// form of section 3.3. And where an invitation is needed, only a form has the
// place for it, as section 4 wants.
package register

import (
	"context"
	"net/netip"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// The namespaces.
const (
	NS        = "jabber:iq:register"
	NSFeature = "http://jabber.org/features/iq-register"

	formChange = NS + ":changepassword"
)

// Config says who may make an account from a client.
type Config struct {
	Logins im.Logins
	Open   bool // anybody may try
	Invite bool // with an invitation, that is
}

// Feature is the stream feature (section 8), nil when registration is closed.
func (c Config) Feature() *xmlstream.Element {
	if !c.Open {
		return nil
	}
	return xmlstream.New(NSFeature, "register")
}

// Is reports whether e is a request that Answer is for.
func Is(e *xmlstream.Element) bool {
	return e.Is(stanza.NSClient, "iq") && e.First().Is(NS, "query")
}

// Answer answers a request of who has not logged in, for which Is holds, and
// returns the stanza to send; nil for what no answer may be given to. The stream
// has to be secure (section 3.1.1). It waits for the storage.
func (c Config) Answer(ctx context.Context, domain string, remote netip.Addr, e *xmlstream.Element) *xmlstream.Element {
	if typ := e.Attr("type"); typ == "result" || typ == "error" { // RFC 6120 section 8.2.3
		return nil
	}
	payload, err := c.answer(ctx, domain, remote, e)
	if err != nil {
		return withCode(stanza.Reply(e, err))
	}
	return stanza.Result(e, payload)
}

func (c Config) answer(ctx context.Context, domain string, remote netip.Addr, e *xmlstream.Element) (*xmlstream.Element, error) {
	to, typ := e.Attr("to"), e.Attr("type")
	switch {
	case e.Attr("id") == "", typ != "get" && typ != "set": // RFC 6120 section 8.2.3
		return nil, stanza.Errorf(stanza.BadRequest, "an iq has an id, and get or set as its type")
	case to != "" && !isDomain(to, domain):
		return nil, stanza.Errorf(stanza.NotAuthorized, "log in first")
	case typ == "get" && !c.Open:
		return nil, stanza.Errorf(stanza.ServiceUnavailable, "accounts on this server are made by its operator")
	case typ == "get":
		return c.fields(), nil
	}
	return nil, c.register(ctx, domain, remote, e.First())
}

func isDomain(to, domain string) bool {
	a, err := im.ParseAddr(to)
	return err == nil && a == im.Addr{Domain: domain}
}

// fields is what a client has to fill in (sections 3.1 and 4).
func (c Config) fields() *xmlstream.Element {
	q := xmlstream.New(NS, "query")
	if !c.Invite {
		q.Add(xmlstream.NewText(NS, "instructions", "Choose a name and a password."))
		q.AddNew(NS, "username")
		q.AddNew(NS, "password")
		return q
	}
	const text = "An invitation is needed to make an account here. Choose a name and a password."
	q.Add(xmlstream.NewText(NS, "instructions", text))
	f := form.New(form.TypeForm, NS)
	f.Title, f.Instructions = "Registration", []string{text}
	return q.Add(f.Add(
		form.Field{Var: "username", Type: form.TextSingle, Label: "Name", Required: true},
		form.Field{Var: "password", Type: form.TextPrivate, Label: "Password", Required: true},
		form.Field{Var: "invite", Type: form.TextSingle, Label: "Invitation code", Required: true},
	).Element())
}

func (c Config) register(ctx context.Context, domain string, remote netip.Addr, q *xmlstream.Element) error {
	if q.Child(NS, "remove") != nil {
		return stanza.Errorf(stanza.UnexpectedRequest, "log in first") // section 3.2
	}
	in, err := read(q, NS)
	if err != nil {
		return err
	}
	if in.username == "" || in.password == "" {
		return stanza.Errorf(stanza.NotAcceptable, "a name and a password are needed")
	}
	local, err := im.PrepareLocal(in.username)
	if err != nil {
		return stanza.Errorf(stanza.NotAcceptable, stanza.Of(err).Text)
	}
	_, err = c.Logins.Register(ctx, im.Addr{Local: local, Domain: domain}, in.password, in.invite, remote)
	return err
}

// input is what a client has filled in.
type input struct{ username, password, old, invite string }

// read takes the form when there is one, else the fields (section 6).
func read(q *xmlstream.Element, about string) (input, error) {
	x := form.Child(q)
	if x == nil {
		return input{username: q.ChildText(NS, "username"), password: q.ChildText(NS, "password")}, nil
	}
	f, err := form.Submitted(x, about)
	if err != nil {
		return input{}, err
	}
	return input{f.Get("username"), f.Get("password"), f.Get("old_password"), f.Get("invite")}, nil
}

// oldCodes are the numbers that errors had before there were conditions; section
// 9 wants both.
var oldCodes = map[stanza.Condition]string{
	stanza.BadRequest: "400", stanza.NotAuthorized: "401", stanza.NotAllowed: "405", stanza.NotAcceptable: "406",
	stanza.Conflict: "409", stanza.InternalServerError: "500", stanza.ResourceConstraint: "500",
	stanza.ServiceUnavailable: "503", stanza.UnexpectedRequest: "400",
}

func withCode(reply *xmlstream.Element) *xmlstream.Element {
	e := reply.Child(stanza.NSClient, "error")
	if c := e.First(); c != nil {
		e.OptAttr("code", oldCodes[stanza.Condition(c.Local)])
	}
	return reply
}
