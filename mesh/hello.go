package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// TLS is how links are secured; package pki builds both. The zero TLS and
// Plain are different: a Mesh needs one of the two on purpose.
type TLS struct {
	Server *tls.Config                      // must ask for and verify the peer's certificate
	Client func(peer im.NodeID) *tls.Config // must verify that the other side is peer
	plain  bool
}

// Plain is links without TLS and without proof of who the peer is, for tests
// inside one machine: listening and dialling are refused off loopback.
var Plain = TLS{plain: true}

func (t TLS) validate(listen string) error {
	switch {
	case t.plain && !isLoopback(listen):
		return fmt.Errorf("mesh: links without TLS are for loopback only, and listen is %s", listen)
	case !t.plain && (t.Server == nil || t.Client == nil):
		return errors.New("mesh: TLS lacks Server or Client")
	case !t.plain && t.Server.ClientAuth != tls.RequireAndVerifyClientCert:
		return errors.New("mesh: the server side of TLS does not verify peers")
	}
	return nil
}

// server makes the server's side of the handshake and returns the node that
// the certificate names; zero without TLS.
func (t TLS) server(ctx context.Context, raw net.Conn) (net.Conn, im.NodeID, error) {
	if t.plain {
		return raw, 0, nil
	}
	conn := tls.Server(raw, t.Server)
	id, err := shake(ctx, conn)
	return conn, id, err
}

func (t TLS) client(ctx context.Context, raw net.Conn, peer im.NodeID) (net.Conn, im.NodeID, error) {
	if t.plain {
		return raw, 0, nil
	}
	conn := tls.Client(raw, t.Client(peer))
	id, err := shake(ctx, conn)
	return conn, id, err
}

func shake(ctx context.Context, conn *tls.Conn) (im.NodeID, error) {
	if err := conn.HandshakeContext(ctx); err != nil {
		return 0, fmt.Errorf("mesh: TLS handshake: %w", err)
	}
	certs := conn.ConnectionState().PeerCertificates
	if len(certs) == 0 {
		return 0, errors.New("mesh: the peer has shown no certificate")
	}
	return pki.NodeOf(certs[0])
}

func (m *Mesh) hello() *cxxpb.MeshHello {
	return &cxxpb.MeshHello{
		Version: version, Node: uint32(m.self.ID), Epoch: m.self.Epoch,
		ServerVersion: m.self.Version, Cell: m.cfg.Cell,
	}
}

// readHello reads the peer's first frame, or why it refuses ours.
func readHello(r *reader) (*cxxpb.MeshHello, error) {
	f, err := r.next()
	if err != nil {
		return nil, fmt.Errorf("mesh: wait for the hello: %w", err)
	}
	switch f.Type {
	case frameHello:
		var h cxxpb.MeshHello
		if err := h.UnmarshalVT(f.Body); err != nil {
			return nil, fmt.Errorf("mesh: decode the hello: %w", err)
		}
		return &h, nil
	case frameError:
		var e cxxpb.Error
		if err := e.UnmarshalVT(f.Body); err != nil {
			return nil, fmt.Errorf("mesh: decode a refusal: %w", err)
		}
		return nil, fmt.Errorf("mesh: the peer refuses: %s", e.Detail)
	}
	return nil, fmt.Errorf("mesh: the first frame has type %d, a hello was due", f.Type)
}

// check says whether a hello can be talked to. certified is the node of the
// certificate; zero without TLS.
func (m *Mesh) check(h *cxxpb.MeshHello, certified im.NodeID) error {
	switch {
	case h.Version != version:
		return fmt.Errorf("mesh: the peer speaks version %d of the mesh protocol and this node version %d; upgrade by one release at a time", h.Version, version)
	case h.Cell != m.cfg.Cell:
		return fmt.Errorf("mesh: the peer is of cell %q and this node of %q; give both the same mesh.cell, or keep them apart", h.Cell, m.cfg.Cell)
	case h.Node == 0 || h.Node > uint32(im.MaxNode):
		return fmt.Errorf("mesh: the peer calls itself node %d", h.Node)
	case h.Node == uint32(m.self.ID):
		return fmt.Errorf("mesh: the peer calls itself node %d, as this one does; give each ACS its own id", h.Node)
	case !m.tls.plain && im.NodeID(h.Node) != certified:
		return fmt.Errorf("mesh: the peer calls itself node %d, and its certificate is that of node %d", h.Node, certified)
	}
	return nil
}

func (m *Mesh) newLink(raw, conn net.Conn, r *reader, h *cxxpb.MeshHello, dialled bool) (*link, error) {
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return &link{
		conn: conn, raw: raw, frames: r, dialled: dialled, since: time.Now(),
		peer: im.NodeID(h.Node), epoch: h.Epoch, version: h.ServerVersion,
		queue: newQueue(int(m.cfg.Queue), m.stateBytes),
	}, nil
}

// defaultStateBytes is what announcements of sessions may take beyond
// mesh.queue: a snapshot of half a million sessions must fit.
const defaultStateBytes = 64 << 20

func writeFrame(conn net.Conn, t cxxpb.FrameType, msg proto.Message) error {
	_, err := conn.Write(proto.AppendFrame(nil, t, 0, msg))
	return err
}
