package edge

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// wsClient is a WebSocket as a stream of frames: what is written becomes one
// message, cut in fragments of size bytes.
type wsClient struct {
	net.Conn
	r       io.Reader
	size    int
	rest    []byte
	control []ws.Frame // control frames that came
}

func (w *wsClient) Write(b []byte) (int, error) {
	op := ws.OpBinary
	for i := 0; i < len(b); i += w.size {
		part := bytes.Clone(b[i:min(len(b), i+w.size)])
		f := ws.MaskFrameInPlace(ws.NewFrame(op, i+w.size >= len(b), part))
		if err := ws.WriteFrame(w.Conn, f); err != nil {
			return i, err
		}
		op = ws.OpContinuation
	}
	return len(b), nil
}

func (w *wsClient) Read(p []byte) (int, error) {
	for len(w.rest) == 0 {
		h, err := ws.ReadHeader(w.r)
		if err != nil {
			return 0, err
		}
		f := ws.Frame{Header: h, Payload: make([]byte, min(h.Length, 8<<20))}
		if _, err := io.ReadFull(w.r, f.Payload); err != nil {
			return 0, err
		}
		if f.Header.OpCode.IsControl() {
			w.control = append(w.control, f)
			if f.Header.OpCode == ws.OpClose {
				return 0, io.EOF
			}
			continue
		}
		w.rest = f.Payload
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (r *rig) dialWS(header http.Header) (*wsClient, error) {
	d := ws.Dialer{Timeout: patience, Header: ws.HandshakeHeaderHTTP(header)}
	nc, br, _, err := d.Dial(context.Background(), "ws"+strings.TrimPrefix(r.http.URL, "http")+WebSocketPath)
	if err != nil {
		return nil, err
	}
	w := &wsClient{Conn: nc, r: nc, size: 1 << 20}
	if br != nil {
		w.r = br
	}
	return w, nil
}

func (r *rig) overWS() *peer {
	r.t.Helper()
	w, err := r.dialWS(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.wrap(w)
}

func init() { dials["websocket"] = (*rig).overWS }

// Fragments of a message are put together, wherever they are cut.
func TestWebSocketFragments(t *testing.T) {
	r := newRig(t, nil)
	p := r.overWS()
	p.conn.(*wsClient).size = 3
	p.enter(r.core, "alice")
	p.call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}})
}

func TestWebSocketControl(t *testing.T) {
	r := newRig(t, nil)
	p := r.overWS()
	p.enter(r.core, "alice")
	w := p.conn.(*wsClient)
	if err := ws.WriteFrame(w.Conn, ws.MaskFrame(ws.NewPingFrame([]byte("are you there")))); err != nil {
		t.Fatal(err)
	}
	p.call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}})
	if err := ws.WriteFrame(w.Conn, ws.MaskFrame(ws.NewCloseFrame(nil))); err != nil {
		t.Fatal(err)
	}
	p.wantClose()
	if n := len(w.control); n != 2 || string(w.control[0].Payload) != "are you there" || w.control[1].Header.OpCode != ws.OpClose {
		t.Errorf("control frames %v", w.control)
	}
	r.empty()
}

// What the RFC or the contract forbids ends the connection.
func TestWebSocketBad(t *testing.T) {
	r := newRig(t, nil)
	half := frame(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1, ClientName: "cut"})[:5]
	for name, c := range map[string]struct {
		frame ws.Frame
		code  im.ErrorCode
	}{
		"text":              {ws.MaskFrame(ws.NewTextFrame([]byte("hi"))), 0},
		"not masked":        {ws.NewBinaryFrame([]byte{0}), 0},
		"lone continuation": {ws.MaskFrame(ws.NewFrame(ws.OpContinuation, true, []byte{0})), 0},
		"half a frame":      {ws.MaskFrame(ws.NewBinaryFrame(half)), im.CodeMalformed},
		"too large":         {ws.MaskFrame(ws.NewBinaryFrame([]byte{0x81, 0x20, 1})), im.CodeFrameTooLarge},
		"bad state":         {ws.MaskFrame(ws.NewBinaryFrame(frame(cxxpb.FrameType_FRAME_CURSOR, &cxxpb.Cursor{Seq: 1}))), im.CodeBadState},
	} {
		t.Run(name, func(t *testing.T) {
			p := r.overWS()
			if err := ws.WriteFrame(p.conn.(*wsClient).Conn, c.frame); err != nil {
				t.Fatal(err)
			}
			if c.code != 0 {
				p.wantError(0, c.code)
			}
			p.wantClose()
			p.conn.Close()
		})
	}
	r.empty()
	if n := r.count("cxx_edge_closes_total", reasonProto); n != 3 {
		t.Errorf("%v closed for a violation", n)
	}
}

func TestWebSocketOrigin(t *testing.T) {
	for _, c := range []struct {
		allowed []string
		origin  string
		ok      bool
	}{
		{nil, "", true},
		{nil, "https://evil.example", false},
		{[]string{"https://chat.example.org"}, "https://chat.example.org", true},
		{[]string{"https://chat.example.org"}, "https://evil.example", false},
		{[]string{"*"}, "https://evil.example", true},
	} {
		r := newRig(t, func(cfg *Config, _ *Deps) { cfg.WebSocketOrigins = c.allowed })
		h := http.Header{}
		if c.origin != "" {
			h.Set("Origin", c.origin)
		}
		w, err := r.dialWS(h)
		if (err == nil) != c.ok {
			t.Errorf("%v %q: %v", c.allowed, c.origin, err)
		}
		if err == nil {
			w.Close()
		}
		r.stop()
	}
}

// A request that is no upgrade gets a sentence.
func TestWebSocketPlainRequest(t *testing.T) {
	r := newRig(t, nil)
	resp, err := http.Get(r.http.URL + WebSocketPath)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("%s", resp.Status)
	}
	http.DefaultClient.CloseIdleConnections()
}

// The deadlines are those of other connections.
func TestWebSocketDeadlines(t *testing.T) {
	r := newRig(t, func(c *Config, _ *Deps) {
		c.LoginTimeout, c.IdleTimeout = short(100*time.Millisecond), short(300*time.Millisecond)
	})
	p := r.overWS()
	p.wantError(0, im.CodeTimeout)
	p.wantClose()
	p = r.overWS()
	p.enter(r.core, "alice")
	p.wantError(0, im.CodeIdle)
	p.wantClose()
}
