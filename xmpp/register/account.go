package register

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Register adds the handlers for who has logged in to m.
func Register(m *iq.Mux, c Config) {
	m.Get(iq.Server|iq.Own, NS, "query", current)
	m.Set(iq.Server|iq.Own, NS, "query", c.change)
	m.Feature(iq.Server, NS)
}

// current tells what is on file (section 3.1).
func current(_ context.Context, r *iq.Request) (*xmlstream.Element, error) {
	q := xmlstream.New(NS, "query")
	q.AddNew(NS, "registered")
	q.Add(xmlstream.NewText(NS, "instructions", "You have an account. To change its password, give the old one and a new one."))
	q.Add(xmlstream.NewText(NS, "username", r.From.Local))
	q.AddNew(NS, "password")
	return q, nil
}

func (c Config) change(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	if r.Payload.Child(NS, "remove") != nil {
		return nil, c.remove(ctx, r)
	}
	return nil, password(ctx, r)
}

// remove deletes the account (section 3.2). The core then ends its sessions, and
// this one's stream with not-authorized, behind the answer: that end is an event
// of the session's queue, and so comes after the request that is being handled.
func (c Config) remove(ctx context.Context, r *iq.Request) error {
	n := 0
	for range r.Payload.Children() {
		n++
	}
	if n != 1 {
		return stanza.Errorf(stanza.BadRequest, "nothing may stand next to <remove/>")
	}
	return c.Logins.Unregister(ctx, r.Session.Core().User())
}

// password changes the password (section 3.3), which takes the old one.
func password(ctx context.Context, r *iq.Request) error {
	in, err := read(r.Payload, formChange)
	switch {
	case err != nil:
		return err
	case in.username == "" || in.password == "":
		return stanza.Errorf(stanza.BadRequest, "a name and a password are needed")
	case !own(in.username, r.From):
		return stanza.Errorf(stanza.NotAllowed, "only the password of the own account can be changed")
	case in.old == "":
		return again("the old password is needed to change it", r.From)
	}
	err = r.Session.Core().PasswordChange(ctx, in.old, in.password, false)
	if im.CodeOf(err) == im.CodeBadCredentials {
		return again("the old password is wrong", r.From)
	}
	return err
}

func own(name string, a im.Addr) bool {
	local, err := im.PrepareLocal(name)
	if err == nil {
		return local == a.Local
	}
	full, err := im.ParseAddr(name)
	return err == nil && full == a.Bare()
}

// again asks for more (section 3.3).
func again(why string, a im.Addr) error {
	f := form.New(form.TypeForm, formChange)
	f.Title, f.Instructions = "Password change", []string{"Give the old password and a new one."}
	f.Add(
		form.Field{Var: "username", Type: form.TextSingle, Label: "Name", Required: true, Values: []string{a.Local}},
		form.Field{Var: "old_password", Type: form.TextPrivate, Label: "Old password", Required: true},
		form.Field{Var: "password", Type: form.TextPrivate, Label: "New password", Required: true},
	)
	e := &stanza.Error{Type: "modify", Condition: stanza.NotAuthorized, Text: why}
	return e.WithPayload(xmlstream.New(NS, "query").Add(f.Element()))
}
