package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/nas/ticket"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// peer speaks the bare protocol over TLS.
type peer struct {
	t *testing.T
	*proto.Conn
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	c, err := tls.Dial("tcp", addr, insecure(proto.ALPN))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &peer{t, proto.NewConn(c)}
}

func greeted(t *testing.T, addr string) *peer {
	t.Helper()
	p := dial(t, addr)
	p.send(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: proto.Version})
	if err := p.Expect(cxxpb.FrameType_FRAME_HELLO_REPLY, &cxxpb.HelloReply{}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peer) send(kind cxxpb.FrameType, m proto.Message) {
	p.t.Helper()
	if err := p.Send(kind, m); err != nil {
		p.t.Fatal(err)
	}
}

// error reads frames up to the next error.
func (p *peer) error() *im.Error {
	p.t.Helper()
	for {
		f, err := p.Next()
		if err != nil {
			p.t.Fatalf("no error frame, but %v", err)
		}
		if f.Type != cxxpb.FrameType_FRAME_ERROR {
			continue
		}
		var e cxxpb.Error
		if err := e.UnmarshalVT(f.Body); err != nil {
			p.t.Fatal(err)
		}
		return proto.ErrorFromPB(&e)
	}
}

// closed wants the connection to end after an error with a code and a sentence.
func (p *peer) closed(name string, code im.ErrorCode) {
	p.t.Helper()
	if e := p.error(); e.Code != code || len(e.Detail) < 10 {
		p.t.Errorf("%s: %v, want %s and a sentence", name, e, code)
	} else {
		p.t.Logf("%s: %v", name, e)
	}
	if _, err := p.Next(); err == nil {
		p.t.Errorf("%s: the connection is still open", name)
	}
}

// Frames that are malformed, too large or out of place, to a NAS and to an ACS:
// each is told what is wrong, and the server goes on.
func TestBadFramesEndToEnd(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	s := start(t, serveArgs(dir))
	for _, c := range []struct {
		name  string
		hello bool
		bytes []byte
		code  im.ErrorCode
	}{
		{"too large before the login", false, []byte{0x81, 0x80, 0x40, 1}, im.CodeFrameTooLarge},
		{"too large after hello", true, []byte{0x81, 0x80, 0x40, 1}, im.CodeFrameTooLarge},
		{"endless length", false, bytes.Repeat([]byte{0xff}, 16), im.CodeFrameTooLarge},
		{"body that is no protobuf", false, []byte{3, byte(cxxpb.FrameType_FRAME_HELLO), 0xff, 0xff}, im.CodeMalformed},
		{"type zero", true, []byte{1, 0}, im.CodeMalformed},
		{"login before hello", false, proto.AppendFrame(nil, cxxpb.FrameType_FRAME_LOGIN, 0, &cxxpb.Login{Id: 1}), im.CodeBadState},
		{"hello twice", true, proto.AppendFrame(nil, cxxpb.FrameType_FRAME_HELLO, 0, &cxxpb.Hello{Version: 1}), im.CodeBadState},
		{"no version", false, proto.AppendFrame(nil, cxxpb.FrameType_FRAME_HELLO, 0, &cxxpb.Hello{}), im.CodeVersion},
	} {
		for _, port := range []string{"nas", "cxx"} {
			open := dial
			if c.hello {
				open = greeted
			}
			p := open(t, s.addrs[port])
			if _, err := p.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			p.closed(port+": "+c.name, c.code)
		}
	}
	p := greeted(t, s.addrs["cxx"])
	p.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 1, To: 1, Text: "x"})
	p.closed("send before login", im.CodeBadState)
	stillServes(t, s)
}

// stillServes logs alice in, who sends herself a message.
func stillServes(t *testing.T, s *server) {
	t.Helper()
	c, err := login(t, s, "alice@localhost", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	self, err := c.Resolve(t.Context(), "alice@localhost")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), self, "still here"); err != nil {
		t.Error(err)
	}
}

func login(t *testing.T, s *server, addr, password string) (*client.Client, error) {
	t.Helper()
	return client.Dial(t.Context(), client.Options{
		NAS: []string{s.addrs["nas"]}, CAFile: filepath.Join(s.dir, "ca.pem"), Addr: addr, Password: password,
	})
}

// Other protocols get an answer that says what the port is, in their own words.
func TestOtherProtocols(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	s := start(t, serveArgs(dir))
	for _, c := range []struct{ port, sends, answer, says string }{
		{"nas", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400", "This port speaks C-XX, not HTTP"},
		{"cxx", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400", "This port speaks C-XX, not HTTP"},
		{"nas", "\x09\x01\x08\x01\x1a\x04test", "", "TLS"},
		{"cxx", "\x09\x01\x08\x01\x1a\x04test", "", "TLS"},
		{"http", "\x16\x03\x01\x00\x05hello\r\n\r\n", "HTTP/1.1 400", ""},
		{"admin", "\x00\x01\x02garbage\r\n\r\n", "HTTP/1.1 400", ""},
		{"http", "GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404", `"NOT_FOUND"`},
		{"admin", "GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 401", "Authorization: Bearer"},
		{"admin", "GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nConnection: close\r\n\r\n", "HTTP/1.1 401", "Authorization: Bearer"},
	} {
		nc, err := net.Dial("tcp", s.addrs[c.port])
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(nc, c.sends); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(nc)
		nc.Close()
		if err != nil || !strings.HasPrefix(string(answer), c.answer) || !strings.Contains(string(answer), c.says) {
			t.Errorf("%s: %q is answered with %q, %v", c.port, c.sends, answer, err)
		}
	}
	// TLS with another protocol or an old version fails in the handshake; so does
	// a client that does not trust the certificate.
	for _, port := range []string{"nas", "cxx"} {
		old := insecure(proto.ALPN)
		old.MaxVersion = tls.VersionTLS12
		for _, conf := range []*tls.Config{insecure("h2"), old, {NextProtos: []string{proto.ALPN}}} {
			if c, err := tls.Dial("tcp", s.addrs[port], conf); err == nil {
				c.Close()
				t.Errorf("%s took %+v", port, conf.NextProtos)
			}
		}
	}
	stillServes(t, s)
}

// Tickets that are expired, used before, for another ACS, or signed by nobody
// we know: each has its own code, and the client may ask for a new one.
func TestBadTickets(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	s := start(t, serveArgs(dir, "--set", "server.require_ticket=true"))
	private, _ := pki.TicketFiles(dir)
	key, err := pki.LoadTicketKey(private)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := ticket.NewIssuer(key)
	if err != nil {
		t.Fatal(err)
	}
	_, strange, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ticket.NewIssuer(strange)
	if err != nil {
		t.Fatal(err)
	}
	good := allocate(t, s)
	made, err := ticket.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	forged := bytes.Clone(issuer.Issue(made.Node, made.Epoch, now))
	forged[len(forged)-1] ^= 1
	for _, c := range []struct {
		name   string
		ticket []byte
		code   im.ErrorCode
	}{
		{"none", nil, im.CodeTicketForeign},
		{"garbage", []byte("garbage"), im.CodeTicketForeign},
		{"expired", issuer.Issue(made.Node, made.Epoch, now.Add(-time.Hour)), im.CodeTicketExpired},
		{"for another ACS", issuer.Issue(made.Node+1, made.Epoch, now), im.CodeTicketForeign},
		{"for an earlier life of this ACS", issuer.Issue(made.Node, made.Epoch-1, now), im.CodeTicketForeign},
		{"of an unknown signer", stranger.Issue(made.Node, made.Epoch, now), im.CodeTicketForeign},
		{"forged", forged, im.CodeTicketForeign},
		{"good", good, 0},
		{"replayed", good, im.CodeTicketReplayed},
	} {
		p := greeted(t, s.addrs["cxx"])
		p.send(cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1, Mechanism: "SCRAM-SHA-256", Data: []byte("n,,n=alice,r=0123456789abcdefghij"), Ticket: c.ticket})
		err := p.Expect(cxxpb.FrameType_FRAME_LOGIN_REPLY, &cxxpb.LoginReply{})
		if im.CodeOf(err) != c.code || c.code != 0 && !strings.Contains(err.Error(), "NAS") {
			t.Errorf("%s: %v, want code %d and a word about NAS", c.name, err, c.code)
		} else if err != nil {
			t.Logf("%s: %v", c.name, err)
			if !im.CodeOf(err).Trait().Reconnect {
				t.Errorf("%s: the client may not come back", c.name)
			}
		}
	}
	stillServes(t, s)
}

func allocate(t *testing.T, s *server) []byte {
	t.Helper()
	p := greeted(t, s.addrs["nas"])
	p.send(cxxpb.FrameType_FRAME_ALLOCATE, &cxxpb.Allocate{Id: 1})
	var a cxxpb.Allocated
	if err := p.Expect(cxxpb.FrameType_FRAME_ALLOCATED, &a); err != nil || len(a.Ticket) == 0 {
		t.Fatalf("%v %v", &a, err)
	}
	return bytes.Clone(a.Ticket)
}

// A wrong password and an unknown user look the same, down to the shape of each
// step: nobody learns who has an account.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	s := start(t, serveArgs(dir))
	var words []string
	for _, addr := range []string{"alice@localhost", "nobody@localhost"} {
		c, err := login(t, s, addr, "not the password")
		if err == nil {
			c.Close()
			t.Fatalf("%s is logged in", addr)
		}
		if im.CodeOf(err) != im.CodeBadCredentials {
			t.Errorf("%s: %v", addr, err)
		}
		words = append(words, strings.ReplaceAll(err.Error(), addr, "WHO"))
	}
	if words[0] != words[1] || strings.Contains(words[0], "INTERNAL") {
		t.Errorf("the answers differ:\n%s\n%s", words[0], words[1])
	}
	t.Logf("%s", words[0])
	alice, nobody := challenge(t, s, "alice"), challenge(t, s, "nobody")
	if len(alice) != len(nobody) || iterations(alice) != iterations(nobody) {
		t.Errorf("the challenges differ: %q %q", alice, nobody)
	}
	if salt(nobody) != salt(challenge(t, s, "nobody")) || salt(alice) != salt(challenge(t, s, "alice")) {
		t.Error("a salt changes from one attempt to the next")
	}
	if salt(nobody) == salt(challenge(t, s, "somebody")) || salt(nobody) == salt(alice) {
		t.Error("two names have one salt")
	}
	stillServes(t, s)
}

// challenge is the server's first SCRAM message, "r=…,s=…,i=…".
func challenge(t *testing.T, s *server, name string) string {
	t.Helper()
	p := greeted(t, s.addrs["cxx"])
	p.send(cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1, Mechanism: "SCRAM-SHA-256", Data: []byte("n,,n=" + name + ",r=0123456789abcdefghij")})
	var r cxxpb.LoginReply
	if err := p.Expect(cxxpb.FrameType_FRAME_LOGIN_REPLY, &r); err != nil {
		t.Fatal(err)
	}
	return string(r.Data)
}

func field(message, name string) string {
	for _, f := range strings.Split(message, ",") {
		if v, ok := strings.CutPrefix(f, name+"="); ok {
			return v
		}
	}
	return ""
}

func salt(message string) string       { return field(message, "s") }
func iterations(message string) string { return field(message, "i") }

// Registration: closed unless enabled, and then with the rules of user add.
func TestBadRegistration(t *testing.T) {
	t.Parallel()
	register := func(s *server, addr, password, invite string) error {
		p := greeted(t, s.addrs["cxx"])
		defer p.Close()
		p.send(cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1, Register: &cxxpb.Register{Addr: addr, Password: password, Invite: invite}})
		return p.Expect(cxxpb.FrameType_FRAME_LOGIN_REPLY, &cxxpb.LoginReply{})
	}
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	s := start(t, serveArgs(dir))
	if err := register(s, "bob@localhost", goodPassword, ""); im.CodeOf(err) != im.CodeRegClosed {
		t.Errorf("closed: %v", err)
	}
	s.stop()
	s = start(t, serveArgs(dir, "--set", "auth.registration=enabled", "--set", "auth.test_mode=true"))
	for _, c := range []struct {
		name, addr, password string
		code                 im.ErrorCode
	}{
		{"taken", "alice@localhost", goodPassword, im.CodeNameTaken},
		{"weak", "bob@localhost", "tea4two", im.CodePasswordWeak},
		{"foreign", "bob@elsewhere.net", goodPassword, im.CodeInvalid},
		{"no name", "@localhost", goodPassword, im.CodeInvalid},
	} {
		if err := register(s, c.addr, c.password, ""); im.CodeOf(err) != c.code || strings.Contains(err.Error(), c.password) {
			t.Errorf("%s: %v", c.name, err)
		} else {
			t.Logf("%s: %v", c.name, err)
		}
	}
	s.stop()
	s = start(t, serveArgs(dir, "--set", "auth.registration=invite", "--set", "auth.test_mode=true"))
	if err := register(s, "bob@localhost", goodPassword, "no-such-code"); im.CodeOf(err) != im.CodeInviteInvalid {
		t.Errorf("invite: %v", err)
	} else {
		t.Logf("%v", err)
	}
	if got := users(t, dir); got != "alice@localhost" {
		t.Errorf("the users are %q", got)
	}
}

// The admin API refuses what it does not understand, in JSON, and changes nothing.
func TestBadAdminRequests(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	addUser(t, dir, "alice@localhost")
	s := start(t, serveArgs(dir))
	token, err := os.ReadFile(filepath.Join(dir, "secret", "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
	}{
		{"POST", "/users", "application/json", "{", 400},
		{"POST", "/users", "application/json", `{"addr":"bob@localhost","pasword":"a few unrelated words"}`, 400},
		{"POST", "/users", "text/plain", `{"addr":"bob@localhost","password":"a few unrelated words"}`, 400},
		{"POST", "/users", "application/json", `{"addr":"alice@localhost","password":"a few unrelated words"}`, 409},
		{"POST", "/users/import", "application/json", "", 400},
		{"GET", "/users/nobody@localhost", "", "", 404},
		{"GET", "/users?limit=x", "", "", 400},
		{"DELETE", "/users/alice@localhost/devices/x", "", "", 400},
		{"POST", "/invites", "application/json", `{"valid":"forever"}`, 400},
		{"GET", "/nothing", "", "", 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+s.addrs["admin"]+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		req.Header.Set("Content-Type", c.kind)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Error struct {
				Code, Detail string
			}
		}
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || answer.Error.Code == "" || answer.Error.Detail == "" {
			t.Errorf("%s %s %s: %d %+v %v; want %d", c.method, c.path, c.body, resp.StatusCode, answer, err, c.status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if got := users(t, dir); got != "alice@localhost" {
		t.Errorf("the users are %q", got)
	}
}
