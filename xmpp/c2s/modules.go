package c2s

import (
	"context"
	"net/netip"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/roster"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// modules are the packages of XEPs that hear of more than requests.
type modules struct{}

func newModules(srv *Server) modules {
	roster.Register(srv.mux)
	return modules{}
}

func (m *modules) presence(ctx context.Context, s *session, st *xmlstream.Element) {}

func (m *modules) decorate(ctx context.Context, s *session, ext string) string { return ext }

func (m *modules) lastItems(ctx context.Context, s *session) {}

func (m *modules) blocked(s *session, e *im.Entry) {}

func (m *modules) ownMark(ctx context.Context, s *session, e *im.Entry) {}

// sessionFeatures is what the stream offers to who has logged in.
func (srv *Server) sessionFeatures(info stream.Info) []*xmlstream.Element {
	session := xmlstream.New("urn:ietf:params:xml:ns:xmpp-session", "session")
	session.AddNew(session.Space, "optional")
	out := []*xmlstream.Element{
		xmlstream.New(nsBind, "bind"),
		session,
		xmlstream.New(nsSM, "sm"),
		xmlstream.New(nsCSI, "csi"),
	}
	return append(out, roster.Features()...)
}

func (srv *Server) registration(e *xmlstream.Element) bool { return false }

func (srv *Server) registerAccount(ctx context.Context, domain string, remote netip.Addr, e *xmlstream.Element) *xmlstream.Element {
	return stanza.Reply(e, stanza.Errorf(stanza.ServiceUnavailable, ""))
}
