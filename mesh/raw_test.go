package mesh

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// rawPeer is a peer that a test plays by hand.
type rawPeer struct {
	conn   net.Conn
	frames *reader
}

func hello(id im.NodeID, epoch uint64) *cxxpb.MeshHello {
	return &cxxpb.MeshHello{Version: version, Node: uint32(id), Epoch: epoch, Cell: "cell"}
}

func name(id im.NodeID, epoch uint64) string { return fmt.Sprintf("%d/%d", id, epoch) }

// dialRaw connects to f and sends a hello.
func dialRaw(t *testing.T, f *fixture, h *cxxpb.MeshHello) *rawPeer {
	t.Helper()
	conn, err := f.mesh.dialNet(t.Context(), f.node.Mesh)
	if err != nil {
		t.Error(err)
		return nil
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := writeFrame(conn, frameHello, h); err != nil {
		t.Error(err)
	}
	return &rawPeer{conn: conn, frames: newReader(conn)}
}

func (p *rawPeer) close() { _ = p.conn.Close() }

// wantClosed reads until the other side has closed.
func (p *rawPeer) wantClosed(t *testing.T) {
	t.Helper()
	if _, err := io.Copy(io.Discard, p.conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("read until the close: %v", err)
	}
}

func TestRefusedHellos(t *testing.T) {
	other := func(change func(*cxxpb.MeshHello)) *cxxpb.MeshHello {
		h := hello(1, 1)
		change(h)
		return h
	}
	for _, c := range []struct {
		name  string
		hello *cxxpb.MeshHello
		want  string
	}{
		{"later version", other(func(h *cxxpb.MeshHello) { h.Version = 2 }), "speaks version 2"},
		{"no version", other(func(h *cxxpb.MeshHello) { h.Version = 0 }), "speaks version 0"},
		{"other cell", other(func(h *cxxpb.MeshHello) { h.Cell = "elsewhere" }), `cell "elsewhere"`},
		{"node zero", other(func(h *cxxpb.MeshHello) { h.Node = 0 }), "calls itself node 0"},
		{"node out of range", other(func(h *cxxpb.MeshHello) { h.Node = 1024 }), "calls itself node 1024"},
		{"same node", other(func(h *cxxpb.MeshHello) { h.Node = 2 }), "give each ACS its own id"},
		{"higher node dials", other(func(h *cxxpb.MeshHello) { h.Node = 3 }), "the lower one dials"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := start(t, options{id: 2})
			p := dialRaw(t, b, c.hello)
			_, err := readHello(p.frames)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("refusal %v, want %q in it", err, c.want)
			}
			p.wantClosed(t)
			b.none(t)
		})
	}
}

func TestNoHello(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes string
	}{
		{"http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"another frame first", string(proto.AppendFrame(nil, frameKick, 0, &cxxpb.MeshKick{}))},
		{"hello that cannot be decoded", "\x04\x01\xff\xff\xff"},
		{"too large", "\xff\xff\x7f"},
		{"closed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := start(t, options{id: 2})
			conn, err := net.Dial("tcp", b.node.Mesh)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(c.bytes)); err != nil {
				t.Fatal(err)
			}
			_ = conn.(*net.TCPConn).CloseWrite()
			(&rawPeer{conn: conn}).wantClosed(t)
			b.none(t)
		})
	}
}

// A later minor version sends frames and fields that this one does not know.
func TestUnknownFramesAndFieldsAreIgnored(t *testing.T) {
	b := start(t, options{id: 2})
	p := dialRaw(t, b, hello(1, 1))
	if _, err := readHello(p.frames); err != nil {
		t.Fatal(err)
	}
	b.next(t, "up 1/1")
	var out []byte
	out = proto.AppendRaw(out, cxxpb.FrameType(40), 0, []byte("from the future"))
	out = append(out, proto.Heartbeat)
	sig := &cxxpb.MeshSignal{From: 1, To: 2, Kind: 1}
	body, err := sig.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	out = proto.AppendRaw(out, frameSignal, 0, append(body, 0xfa, 0x07, 0x01, 'x')) // field 127
	if _, err := p.conn.Write(out); err != nil {
		t.Fatal(err)
	}
	if got := b.next(t, "got from 1").env.Signal; got == nil || got.From != 1 || got.To != 2 || got.Kind != im.SignalTyping {
		t.Errorf("received %+v", got)
	}
}

func TestMalformedFrameEndsLink(t *testing.T) {
	for _, bytes := range []string{
		"\x04\x02\xff\xff\xff",     // a body that cannot be decoded
		"\x01\x00",                 // type 0
		"\xff\xff\xff\xff\xff\x7f", // a length over all limits
	} {
		b := start(t, options{id: 2})
		p := dialRaw(t, b, hello(1, 1))
		b.next(t, "up 1/1")
		if _, err := p.conn.Write([]byte(bytes)); err != nil {
			t.Fatal(err)
		}
		b.next(t, "down 1/1")
		p.wantClosed(t)
		if !strings.Contains(b.log.String(), "reason=malformed") {
			t.Errorf("%q: the log has no reason malformed:\n%s", bytes, b.log)
		}
	}
}

// The other side of a dialled link is not who it should be.
func TestDialledPeerIsSomebodyElse(t *testing.T) {
	for _, c := range []struct {
		name  string
		hello *cxxpb.MeshHello
		want  string
	}{
		{"node", hello(3, 1), "node 3 answered"},
		{"epoch", hello(2, 4), "an earlier incarnation"},
		{"version", &cxxpb.MeshHello{Version: 9, Node: 2, Epoch: 5, Cell: "cell"}, "speaks version 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			a := start(t, options{id: 1})
			a.mesh.SetPeers([]im.Node{{ID: 2, Epoch: 5, Mesh: ln.Addr().String()}})
			for range 2 { // it tries again, and logs before it does
				conn, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := readHello(newReader(conn)); err != nil {
					t.Fatal(err)
				}
				if err := writeFrame(conn, frameHello, c.hello); err != nil {
					t.Fatal(err)
				}
				(&rawPeer{conn: conn}).wantClosed(t)
				_ = conn.Close()
			}
			if !strings.Contains(a.log.String(), c.want) {
				t.Errorf("the log lacks %q:\n%s", c.want, a.log)
			}
			a.none(t)
		})
	}
}
