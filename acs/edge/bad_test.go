package edge

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// What a client may not send, and how the connection ends.
func TestBadFrames(t *testing.T) {
	hello := frame(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1})
	for _, c := range []struct {
		name  string
		login bool
		bytes []byte
		code  im.ErrorCode
	}{
		{"send before hello", false, frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 1}), im.CodeBadState},
		{"login before hello", false, frame(cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1}), im.CodeBadState},
		{"unknown before login", false, []byte{1, 60}, im.CodeBadState},
		{"version 0", false, frame(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{}), im.CodeVersion},
		{"foreign domain", false, frame(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1, Domain: "elsewhere.net"}), im.CodeInvalid},
		{"frame too large before login", false, []byte{0x81, 0x20, 1}, im.CodeFrameTooLarge},
		{"endless length", false, []byte{0xff, 0xff, 0xff, 0xff, 0xff}, im.CodeFrameTooLarge},
		{"padded length", false, []byte{0x81, 0x00}, im.CodeMalformed},
		{"type zero", false, []byte{1, 0}, im.CodeMalformed},
		{"hello twice", true, hello, im.CodeBadState},
		{"login twice", true, frame(cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1}), im.CodeBadState},
		{"frame too large after login", true, []byte{0x81, 0x80, 0x10, 1}, im.CodeFrameTooLarge},
		{"body that is no protobuf", true, []byte{3, byte(cxxpb.FrameType_FRAME_SEND), 0xff, 0xff}, im.CodeMalformed},
		{"call that is no protobuf", true, []byte{3, byte(cxxpb.FrameType_FRAME_CALL), 0xff, 0xff}, im.CodeMalformed},
		{"text that is not UTF-8", true, frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 1, Text: "\xff"}), im.CodeMalformed},
		{"send without an id", true, frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{To: 1}), im.CodeMalformed},
		{"call without an id", true, frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{}), im.CodeMalformed},
		{"compressed", true, []byte{1, byte(cxxpb.FrameType_FRAME_SEND) | proto.FlagZstd}, im.CodeMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			for _, p := range []*peer{r.plain(), r.overTLS()} {
				if c.login {
					p.enter(r.core, "alice")
				}
				p.write(c.bytes)
				p.wantError(0, c.code)
				p.wantClose()
			}
		})
	}
}

// What is wrong with one request leaves the connection open.
func TestRefused(t *testing.T) {
	r := newRig(t, nil)
	p := r.plain()
	p.send(cxxpb.FrameType_FRAME_ALLOCATE, &cxxpb.Allocate{Id: 3})
	p.wantError(3, im.CodeUnsupported)
	p.enter(r.core, "alice")
	for _, c := range []struct {
		name  string
		bytes []byte
		id    uint32
		code  im.ErrorCode
	}{
		{"unknown frame", []byte{1, 60}, 0, im.CodeUnsupported},
		{"unknown frame with an id", []byte{3, 60, 8, 9}, 9, im.CodeUnsupported},
		{"frame of the other direction", frame(cxxpb.FrameType_FRAME_SEND_ACK, &cxxpb.SendAck{Id: 5}), 5, im.CodeUnsupported},
		{"call of nothing", frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 4}), 4, im.CodeUnsupported},
		{"client id of 3 bytes", frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 6, To: 1, ClientId: []byte("abc")}), 6, im.CodeInvalid},
		{"nobody", frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 7}), 7, im.CodeNotFound},
		{"show", frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 8, Op: &cxxpb.Call_PresenceSet{PresenceSet: &cxxpb.PresenceSetCall{Show: 9}}}), 8, im.CodeInvalid},
		{"address", frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 9, Op: &cxxpb.Call_Resolve{Resolve: &cxxpb.ResolveCall{Addr: "a b@"}}}), 9, im.CodeInvalid},
		{"profiles", frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 10, Op: &cxxpb.Call_Profiles{Profiles: &cxxpb.ProfilesCall{Users: make([]uint64, 201)}}}), 10, im.CodeTooMany},
	} {
		p.write(c.bytes)
		p.wantError(c.id, c.code)
	}
	// An optional frame that the server does not know is not even answered.
	p.write(append([]byte{1, 60 | proto.FlagOptional}, 0))
	if f, err := p.next(); err != nil || f.Type != 0 {
		t.Errorf("%v %v", f, err)
	}
}

// A panic in a handler closes that connection only.
func TestPanic(t *testing.T) {
	r := newRig(t, nil)
	other := r.plain()
	other.enter(r.core, "bob")
	p := r.plain()
	p.enter(r.core, "alice")
	p.send(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 1, Op: &cxxpb.Call_ContactUpdate{ContactUpdate: &cxxpb.ContactUpdateCall{Name: "panic"}}})
	p.wantError(0, im.CodeInternal)
	p.wantClose()
	other.call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}})
	if r.count("cxx_edge_panics_total") != 1 {
		t.Error("the panic was not counted")
	}
}

// Other protocols are told what this port is.
func TestForeignProtocols(t *testing.T) {
	var open []net.Conn
	r := newRig(t, nil)
	dial := func(i int) net.Conn {
		nc, err := net.Dial("tcp", r.srv.Addrs()[i].String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		open = append(open, nc)
		_ = nc.SetDeadline(time.Now().Add(patience))
		return nc
	}
	for _, i := range []int{0, 1} {
		nc := dial(i)
		_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := io.ReadAll(nc)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400") {
			t.Errorf("http: %q %v", answer, err)
		}
	}
	// TLS to the plaintext port fails at once.
	if _, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", r.srv.Addrs()[1].String(), clientTLS()); err == nil || !strings.Contains(err.Error(), "unexpected message") {
		t.Errorf("tls to plaintext: %v", err)
	}
	// Frames to the TLS port are answered with a frame that says so.
	p := r.wrap(dial(0))
	p.send(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1})
	if e := p.wantError(0, im.CodeMalformed); !strings.Contains(e.Detail, "TLS") {
		t.Errorf("%v", e)
	}
	p.wantClose()
	// Other ALPN and older TLS are refused in the handshake.
	for _, c := range []*tls.Config{
		{InsecureSkipVerify: true, NextProtos: []string{"h2"}},
		{InsecureSkipVerify: true, NextProtos: []string{proto.ALPN}, MaxVersion: tls.VersionTLS12},
	} {
		if _, err := tls.Dial("tcp", r.srv.Addr().String(), c); err == nil {
			t.Error("the handshake was accepted")
		}
	}
	for _, nc := range open {
		nc.Close()
	}
	r.empty()
	if n := r.count("cxx_edge_closes_total", reasonNotCXX); n != 4 {
		t.Errorf("%v closed as not C-XX", n)
	}
}
