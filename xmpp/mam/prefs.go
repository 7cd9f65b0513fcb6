package mam

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// prefsLeaf holds the history of the preferences. The log is what devices sync
// from, so nothing is left out of it: the preferences that were in force when a
// message came say whether the archive shows it.
const prefsLeaf = "mam:prefs"

const (
	mostNamed   = 500 // addresses in the two lists together
	mostChanges = 50  // older preferences are forgotten: the oldest that is left holds for all before
)

// prefs are archiving preferences from a moment on.
type prefs struct {
	Since   im.MsgID  `json:"since"`
	Default string    `json:"default"`
	Always  []im.Addr `json:"always,omitempty"`
	Never   []im.Addr `json:"never,omitempty"`
}

// initial is for who has never said anything.
var initial = prefs{Default: "always"}

// archived applies the rules of XEP-0441 sections 2.1 and 2.3.
func (p *prefs) archived(peer im.Addr, contact bool) bool {
	switch {
	case named(p.Never, peer):
		return false
	case named(p.Always, peer):
		return true
	}
	return p.Default == "always" || p.Default == "roster" && contact
}

// named reports whether a list has the address, or its bare address.
func named(list []im.Addr, a im.Addr) bool {
	return slices.Contains(list, a) || slices.Contains(list, a.Bare())
}

// history is all preferences that were ever set, oldest first.
type history []prefs

// at returns what was in force.
func (h history) at(id im.MsgID) *prefs {
	for i := range slices.Backward(h) {
		if h[i].Since <= id {
			return &h[i]
		}
	}
	return &initial
}

// last returns what is in force.
func (h history) last() *prefs {
	if len(h) == 0 {
		return &initial
	}
	return &h[len(h)-1]
}

// all reports whether nothing is hidden.
func (h history) all() bool {
	return !slices.ContainsFunc(h, func(p prefs) bool { return p.Default != "always" || len(p.Never) > 0 })
}

func (h history) roster() bool {
	return slices.ContainsFunc(h, func(p prefs) bool { return p.Default == "roster" })
}

// with returns the history after one more change.
func (h history) with(p prefs) history {
	h = append(slices.Clone(h), p)
	if len(h) > mostChanges {
		h = h[len(h)-mostChanges:]
		h[0].Since = 0
	}
	return h
}

// load reads the history of the session's user.
func load(ctx context.Context, core im.Session) (history, error) {
	leaf, _, err := core.LeafItems(ctx, core.User(), prefsLeaf, im.ItemQuery{Limit: 1})
	if im.CodeOf(err) == im.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decode(leaf)
}

func decode(leaf im.Leaf) (h history, err error) {
	if err := json.Unmarshal(leaf.Config, &h); err != nil {
		return nil, im.Errorf(im.CodeInternal, "the archiving preferences cannot be read")
	}
	return h, nil
}

// prefs answers what is in force (XEP-0441 section 2.1).
func (s *Service) prefs(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	h, err := load(ctx, r.Session.Core())
	if err != nil {
		return nil, err
	}
	return h.last().element(), nil
}

// setPrefs changes the preferences for what comes from now on.
func (s *Service) setPrefs(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	p, err := parsePrefs(r.Payload)
	if err != nil {
		return nil, err
	}
	p.Since = im.MakeMsgID(s.now(), 0, 0)
	core := r.Session.Core()
	err = core.EditLeaf(ctx, core.User(), prefsLeaf, func(n im.Leaf, exists bool, _ []string) (e im.LeafEdit, err error) {
		var h history
		if exists {
			if h, err = decode(n); err != nil {
				return e, err
			}
		}
		e.Config, err = json.Marshal(h.with(p))
		return e, err
	})
	if err != nil {
		return nil, err
	}
	return p.element(), nil
}

func parsePrefs(e *xmlstream.Element) (p prefs, err error) {
	p.Default = e.Attr("default")
	if !slices.Contains([]string{"always", "never", "roster"}, p.Default) { // section 2.1.1
		return p, stanza.Errorf(stanza.BadRequest, "default is always, never or roster")
	}
	if p.Always, err = addrs(e.Child(stanza.NSMAM, "always")); err == nil {
		p.Never, err = addrs(e.Child(stanza.NSMAM, "never"))
	}
	if err == nil && len(p.Always)+len(p.Never) > mostNamed {
		err = errTooMany
	}
	return p, err
}

var errTooMany = stanza.Errorf(stanza.PolicyViolation, "too many addresses")

func addrs(list *xmlstream.Element) (out []im.Addr, err error) {
	for c := range list.Children() {
		if !c.Is(stanza.NSMAM, "jid") {
			continue
		}
		a, err := im.ParseAddr(strings.TrimSpace(c.Text()))
		if err != nil {
			return nil, stanza.Errorf(stanza.JIDMalformed, "a jid in the preferences is no address")
		}
		if slices.Contains(out, a) {
			continue
		}
		if len(out) == mostNamed { // before it takes long to find out that they differ
			return nil, errTooMany
		}
		out = append(out, a)
	}
	return out, nil
}

// element renders p; both lists are always there (section 2.1).
func (p *prefs) element() *xmlstream.Element {
	out := xmlstream.New(stanza.NSMAM, "prefs").SetAttr("default", p.Default)
	for _, l := range []struct {
		name string
		list []im.Addr
	}{{"always", p.Always}, {"never", p.Never}} {
		e := out.AddNew(stanza.NSMAM, l.name)
		for _, a := range l.list {
			e.Add(xmlstream.NewText(stanza.NSMAM, "jid", a.String()))
		}
	}
	return out
}
