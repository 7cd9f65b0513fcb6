package pep

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// about returns a child of an event that names a node.
func about(local, node string) *xmlstream.Element {
	return xmlstream.New(nsEvent, local).SetAttr("node", node)
}

// items renders published items for an event.
func (c config) items(node string, posts []post, publisher im.Addr) *xmlstream.Element {
	out := about("items", node)
	for _, p := range posts {
		e := out.AddNew(nsEvent, "item").SetAttr("id", p.id)
		if c.ItemReply == "publisher" {
			e.SetAttr("publisher", publisher.String())
		}
		if c.Payloads {
			e.Add(p.payload)
		}
	}
	return out
}

func retracted(node string, ids []string) *xmlstream.Element {
	out := about("items", node)
	for _, id := range ids {
		out.AddNew(nsEvent, "retract").SetAttr("id", id)
	}
	return out
}

// message returns the event message of an account, without 'to' (XEP-0163
// section 4.3.1).
func message(owner im.Addr, child *xmlstream.Element) *xmlstream.Element {
	return stanza.New("message", "headline").SetAttr("from", owner.String()).SetAttr("id", rand.Text()).
		Add(xmlstream.New(nsEvent, "event").Add(child))
}

// event is one event on its way to those who may have it.
type event struct {
	core im.Session
	node string
	conf config
	tail string // the message but for its beginning: "<message to='…'"
	sent map[im.SessionID]bool
}

// notify sends an event of the session's user: to his sessions and to those of
// contacts who may read the node, each if it is interested, and to who has
// subscribed otherwise (XEP-0163 section 4). It never fails for the publisher.
func (v *Service) notify(ctx context.Context, s iq.Session, node string, c config, child *xmlstream.Element) {
	if !c.Notify {
		return
	}
	core := s.Core()
	text := string(stanza.Bytes(message(core.Addr().Bare(), child)))
	e := &event{core: core, node: node, conf: c, tail: strings.TrimPrefix(text, "<message"), sent: make(map[im.SessionID]bool)}
	e.interested(core.User(), core.Addr().Bare())
	if c.Access == accessWhitelist && len(c.Members) == 0 && len(c.Subs) == 0 {
		return
	}
	list, err := core.ContactList(ctx)
	if err != nil {
		v.note(s, "an event reached no contact", err)
		return
	}
	e.contacts(list)
	for _, jid := range c.Subs {
		e.subscriber(ctx, jid, list)
	}
}

// contacts sends to contacts who may read (XEP-0060 section 9.1.2).
func (e *event) contacts(list []im.Contact) {
	for _, k := range list {
		a := asker{addr: k.Addr, contact: k}
		if !k.User.Foreign() && a.sees() && e.conf.admits(a) == nil {
			e.interested(k.User, k.Addr)
		}
	}
}

// interested sends to the sessions of a user that want events of the node.
func (e *event) interested(u im.UserID, bare im.Addr) {
	for _, t := range e.core.SessionsOf(u) {
		if available(t) && wants(t.Presence.Interests, e.node) {
			e.send(t, full(bare, t.Resource))
		}
	}
}

// subscriber sends to an address that has subscribed by itself: to one client,
// or, when the owner does not see how he is, to the bare address. Others are
// reached by their interests (XEP-0163 section 4.3.2).
func (e *event) subscriber(ctx context.Context, jid string, list []im.Contact) {
	addr, err := im.ParseAddr(jid)
	if err != nil {
		return
	}
	u, err := e.core.Resolve(ctx, addr.Bare())
	if err != nil {
		return
	}
	a := asker{addr: addr.Bare()}
	for _, k := range list {
		if k.User == u {
			a.contact = k
		}
	}
	if e.conf.admits(a) != nil || addr.Resource == "" && a.sees() {
		return
	}
	for _, t := range e.core.SessionsOf(u) {
		if available(t) && (addr.Resource == t.Resource || addr.Resource == "" && t.Presence.Priority >= 0) {
			e.send(t, addr)
		}
	}
}

// send sends the event to one session, once.
func (e *event) send(t im.SessionInfo, to im.Addr) {
	if e.sent[t.Session] {
		return
	}
	e.sent[t.Session] = true
	head := stanza.Bytes(xmlstream.New(stanza.NSClient, "message").SetAttr("to", to.String()))
	data := append(head[:len(head)-len("/>")], e.tail...)
	e.core.Signal(im.Signal{To: t.User, Session: t.Session, Node: t.Node, Kind: im.SignalStanza, Data: data})
}

func full(bare im.Addr, resource string) im.Addr {
	bare.Resource = resource
	return bare
}

// available reports whether t is a client of ours that has sent presence.
func available(t im.SessionInfo) bool {
	return t.Protocol == im.ProtocolXMPP && t.Presence.Show > im.ShowOffline
}

// wants reports whether a list of interests names node.
func wants(interests, node string) bool {
	line := node + "\n"
	return strings.HasPrefix(interests, line) || strings.Contains(interests, "\n"+line)
}
