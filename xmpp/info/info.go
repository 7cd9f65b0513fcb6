// Package info answers the small questions that clients ask a server: is it there
// (XEP-0199), what is it (XEP-0092), what time has it (XEP-0202), since when is it
// or somebody gone (XEP-0012), which other services are there (XEP-0215); and it
// turns carbons on and off (XEP-0280).
//
// It leaves carbons themselves to package carbon. Handlers run on the runner
// of their session.
package info

import (
	"context"
	"strconv"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// The namespaces.
const (
	nsPing    = "urn:xmpp:ping"
	nsVersion = "jabber:iq:version"
	nsTime    = "urn:xmpp:time"
	nsLast    = "jabber:iq:last"
	nsSession = "urn:ietf:params:xml:ns:xmpp-session" // RFC 3921 section 3
	nsExtern  = "urn:xmpp:extdisco:2"
)

// Options is what the server says of itself.
type Options struct {
	Name     string // of the software
	Version  string
	Started  time.Time
	Now      func() time.Time
	Services []Service
}

type service struct{ Options }

// Register adds the handlers to m.
func Register(m *iq.Mux, o Options) {
	v := service{o}
	const us = iq.Server | iq.Own
	m.Get(us, nsPing, "ping", nothing)
	m.Set(us, nsSession, "session", nothing)
	m.Get(iq.Server, nsVersion, "query", v.version)
	m.Get(iq.Server, nsTime, "time", v.time)
	m.Get(iq.Server, nsLast, "query", v.uptime)
	m.Get(iq.Own|iq.Account, nsLast, "query", v.last)
	m.Get(iq.Nobody, nsLast, "query", forbidden)
	m.Get(iq.Server, nsExtern, "services", v.services)
	m.Get(iq.Server, nsExtern, "credentials", v.credentials)
	m.Set(iq.Own, stanza.NSCarbons, "enable", carbons(true))
	m.Set(iq.Own, stanza.NSCarbons, "disable", carbons(false))
	m.Feature(us, nsPing, nsLast, stanza.NSCarbons)
	m.Feature(iq.Account, nsLast)
	m.Feature(iq.Server, nsVersion, nsTime, nsExtern)
}

// nothing is a result without payload.
func nothing(context.Context, *iq.Request) (*xmlstream.Element, error) { return nil, nil }

func forbidden(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return nil, stanza.Errorf(stanza.Forbidden, "")
}

// version says nothing of the operating system (XEP-0092 section 5).
func (v service) version(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return xmlstream.New(nsVersion, "query").Add(
		xmlstream.NewText(nsVersion, "name", v.Name), xmlstream.NewText(nsVersion, "version", v.Version)), nil
}

// time is given in UTC, which tells nothing of the place (XEP-0202 section 6).
func (v service) time(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return xmlstream.New(nsTime, "time").Add(
		xmlstream.NewText(nsTime, "tzo", "+00:00"), xmlstream.NewText(nsTime, "utc", stamp(v.Now()))), nil
}

// stamp is the profile of XEP-0082.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// uptime is how long the server has been running (XEP-0012 section 5).
func (v service) uptime(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return seconds(v.Now().Sub(v.Started)), nil
}

func seconds(d time.Duration) *xmlstream.Element {
	n := max(int64(d/time.Second), 0)
	return xmlstream.New(nsLast, "query").SetAttr("seconds", strconv.FormatInt(n, 10))
}

// last says since when an account is offline, to who may see its presence (XEP-0012
// section 3).
func (v service) last(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	core := r.Session.Core()
	at, err := core.LastSeen(ctx, r.Owner)
	if code := im.CodeOf(err); code == im.CodeForbidden || code == im.CodeNotFound {
		return forbidden(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	if !at.IsZero() {
		return seconds(v.Now().Sub(at)), nil
	}
	if r.Target == iq.Own || available(core.SessionsOf(r.Owner)) {
		return seconds(0), nil
	}
	return nil, stanza.Errorf(stanza.ItemNotFound, "that user has never been seen")
}

func available(all []im.SessionInfo) bool {
	for _, s := range all {
		if s.Presence.Show > im.ShowInvisible {
			return true
		}
	}
	return false
}

// carbons turns copies for the session on or off; both may be repeated (XEP-0280
// sections 4, 5 and 10.1).
func carbons(on bool) iq.Handler {
	return func(_ context.Context, r *iq.Request) (*xmlstream.Element, error) {
		r.Session.Turn(iq.Carbons, on)
		return nil, nil
	}
}
