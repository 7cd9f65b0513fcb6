package c2s

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/blocking"
	"github.com/cxx-im/cxx/xmpp/disco"
	"github.com/cxx-im/cxx/xmpp/info"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/mam"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/pep"
	"github.com/cxx-im/cxx/xmpp/private"
	"github.com/cxx-im/cxx/xmpp/register"
	"github.com/cxx-im/cxx/xmpp/roster"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/vcard"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// software is what clients are told that the server is.
const software = "C-XX"

// modules are the packages of XEPs that are told of more than requests.
type modules struct {
	disco *disco.Disco
	pep   *pep.Service
	caps  *xmlstream.Element // of the server
}

// newModules registers everything that answers requests.
func newModules(mux *iq.Mux, d Deps) *modules {
	m := &modules{}
	roster.Register(mux)
	register.Register(mux, d.registration())
	archive := mam.New(d.Archive, time.Now)
	archive.Register(mux)
	m.pep = pep.New(mux, d.Log)
	m.pep.PhotoChanged = photoChanged
	private.Register(mux, m.pep)
	vcard.Register(mux, m.pep.VCardSet)
	blocking.Register(mux)
	info.Register(mux, info.Options{Name: software, Version: d.Version, Started: time.Now(), Now: time.Now, Services: d.Services})
	mux.Set(iq.Server|iq.Own, nsBind, "bind", bindTwice)
	mux.Feature(iq.Server|iq.Own, nsCSI)
	mux.Feature(iq.Own, pep.NSAssist)
	m.disco = disco.Register(mux, disco.Options{
		Name: software, Version: d.Version, Node: "https://cxx.im/xmpp", Contacts: d.Contacts,
	})
	m.disco.Items(iq.Own|iq.Account, m.nodes)
	m.disco.Info(iq.Own|iq.Account, m.node)
	if d.GroupPrefix != "" {
		muc.Register(mux, archive, time.Now)
		m.disco.Items(iq.Server, d.services)
	}
	m.caps = m.disco.Caps()
	return m
}

func (d Deps) registration() register.Config {
	return register.Config{Logins: d.Logins, Open: d.Registration, Invite: d.Invites}
}

// services lists what the domain has beside accounts.
func (d Deps) services(_ context.Context, r *iq.Request, node string) ([]disco.Item, bool, error) {
	if node != "" {
		return nil, false, nil
	}
	return []disco.Item{{JID: d.GroupPrefix + "." + r.To.Domain, Name: "Rooms"}}, true, nil
}

// sessionFeatures is what the stream offers to who has logged in.
func (m *modules) sessionFeatures(info stream.Info) []*xmlstream.Element {
	session := xmlstream.New("urn:ietf:params:xml:ns:xmpp-session", "session")
	session.AddNew(session.Space, "optional") // RFC 6121 has no use for it; older clients have
	return append([]*xmlstream.Element{xmlstream.New(nsBind, "bind"), session}, m.usable(info, false)...)
}

// boundFeatures is what it offers to who has bound along with the login.
func (m *modules) boundFeatures(info stream.Info, managed bool) *xmlstream.Element {
	return xmlstream.New(xmlstream.NSStreams, "features").Add(m.usable(info, managed)...)
}

// usable is what a session can use; managed: it has stream management already.
func (m *modules) usable(info stream.Info, managed bool) []*xmlstream.Element {
	out := append(roster.Features(), xmlstream.New(nsCSI, "csi"), m.caps)
	if info.Resumable && !managed {
		out = append(out, xmlstream.New(nsSM, "sm"))
	}
	return out
}

// nodes lists what an account has in PEP (XEP-0163 section 6.2).
func (m *modules) nodes(ctx context.Context, r *iq.Request, node string) ([]disco.Item, bool, error) {
	var out []disco.Item
	if node == "" {
		list, err := m.pep.Nodes(ctx, r)
		for _, n := range list {
			out = append(out, disco.Item{JID: r.To.String(), Node: n.Name, Name: n.Title})
		}
		return out, true, err
	}
	_, ids, err := m.pep.Node(ctx, r, node)
	for _, id := range ids {
		out = append(out, disco.Item{JID: r.To.String(), Name: id})
	}
	return out, err == nil, err
}

// node describes one of them (XEP-0060 section 5.3).
func (m *modules) node(ctx context.Context, r *iq.Request, node string) (*disco.Info, error) {
	if node == "" {
		return nil, nil
	}
	n, _, err := m.pep.Node(ctx, r, node)
	if err != nil {
		return nil, err
	}
	info := &disco.Info{Identities: []iq.Identity{{Category: "pubsub", Type: "leaf"}}}
	if n.Meta != nil {
		info.Forms = append(info.Forms, n.Meta)
	}
	return info, nil
}

// presence looks at what a client's broadcast says of the client.
func (m *modules) presence(s *session, st *xmlstream.Element) { m.disco.Presence(s, &s.caps, st) }

// sees sends the last items of a contact whose presence the user may see from
// now on.
func (m *modules) sees(s *session, c *im.Contact) {
	if nodes := pep.Fresh("", s.presence.Interests); len(nodes) > 0 {
		if err := m.pep.LastItemsOf(s.ctx, s, *c, nodes); err != nil {
			s.srv.note(s, err)
		}
	}
}

// ownMark keeps the node of read marks equal to the core's (XEP-0490).
func (m *modules) ownMark(s *session, e *im.Entry) {
	if err := m.pep.ReadMark(s.ctx, s, e); err != nil {
		s.srv.note(s, err)
	}
}

// bindTwice refuses a second resource on a stream (RFC 6120 section 7.6.2.3).
func bindTwice(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return nil, stanza.Errorf(stanza.NotAllowed, "the stream has a resource")
}
