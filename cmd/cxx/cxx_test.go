package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/clienttest"
	"github.com/cxx-im/cxx/im"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The pool of the event loops' library lives as long as the process.
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"))
}

// bench is a cell and a directory for what the commands keep.
type bench struct {
	t          *testing.T
	cell       *clienttest.Cell
	dir        string
	alice, bob im.UserID
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, cell: clienttest.New(), dir: t.TempDir()}
	b.alice, b.bob = b.cell.AddUser("alice", "secret-a"), b.cell.AddUser("bob", "secret-b")
	t.Cleanup(b.cell.Close)
	for _, name := range []string{"alice", "bob", "carol"} {
		b.file(name, "secret-"+name[:1]+"\n")
	}
	return b
}

func (b *bench) file(name, text string) string {
	path := filepath.Join(b.dir, name+".password")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) app(in string) (*app, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return &app{in: strings.NewReader(in), out: &out, errs: &errs, adjust: func(o *client.Options) { o.Dialer = b.cell.Dial }}, &out, &errs
}

func (b *bench) args(as string, rest ...string) []string {
	return append([]string{
		"--nas", clienttest.NAS, "--plaintext", "--as", as + "@example.org",
		"--password-file", filepath.Join(b.dir, as+".password"), "--state", filepath.Join(b.dir, "state"),
	}, rest...)
}

// cxx runs a command to its end.
func (b *bench) cxx(as string, rest ...string) (code int, out, errs string) {
	a, o, e := b.app("")
	code = a.run(b.t.Context(), b.args(as, rest...))
	return code, o.String(), e.String()
}

func (b *bench) ok(as string, rest ...string) string {
	b.t.Helper()
	code, out, errs := b.cxx(as, rest...)
	if code != exitOK {
		b.t.Fatalf("cxx %v: exit %d: %s", rest, code, errs)
	}
	return out
}

func TestSendAndHistory(t *testing.T) {
	b := newBench(t)
	out := b.ok("alice", "send", "bob", "hello there", "--json")
	var ack ackLine
	if err := json.Unmarshal([]byte(out), &ack); err != nil || ack.Type != "ack" || ack.Seq != 1 || ack.To != "bob@example.org" || ack.MsgID == "" {
		t.Fatalf("%q: %+v, %v", out, ack, err)
	}
	if out := b.ok("alice", "send", "bob@example.org", "again"); !strings.HasPrefix(out, "sent to bob@example.org: msg_id ") {
		t.Errorf("%q", out)
	}
	lines := strings.Split(strings.TrimSpace(b.ok("bob", "history", "alice", "--json")), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", lines)
	}
	var first map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"type": "message", "from": "alice@example.org", "to": "bob@example.org", "seq": 1.0, "msg_id": ack.MsgID, "text": "hello there", "time": ack.Time,
	} {
		if first[key] != want {
			t.Errorf("%s is %v, want %v", key, first[key], want)
		}
	}
	if n := b.cell.Devices(b.alice); n != 1 {
		t.Errorf("two sends left %d devices", n)
	}
}

func TestSendTwiceWithOneID(t *testing.T) {
	b := newBench(t)
	id := strings.Repeat("ab", 16)
	b.ok("alice", "send", "--id", id, "bob", "once")
	out := b.ok("alice", "send", "--id", id, "bob", "once", "--json")
	if !strings.Contains(out, `"duplicate":true`) || len(b.cell.Inbox(b.bob)) != 1 {
		t.Errorf("%q, %d messages", out, len(b.cell.Inbox(b.bob)))
	}
}

func TestSendFromStandardInput(t *testing.T) {
	b := newBench(t)
	a, _, errs := b.app("one\ntwo\nthree\n")
	if code := a.run(t.Context(), b.args("alice", "send", "bob", "-", "--lines")); code != 0 {
		t.Fatal(errs)
	}
	inbox := b.cell.Inbox(b.bob)
	if len(inbox) != 3 || inbox[0].Text != "one" || inbox[2].Text != "three" {
		t.Errorf("%+v", inbox)
	}
}

func TestManySendsAtOnce(t *testing.T) {
	b := newBench(t)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if code, _, errs := b.cxx("alice", "send", "bob", "hi"); code != 0 {
				t.Errorf("exit %d: %s", code, errs)
			}
		})
	}
	wg.Wait()
	if n := len(b.cell.Inbox(b.bob)); n != 12 {
		t.Errorf("bob has %d messages", n)
	}
	if n := b.cell.Devices(b.alice); n > slots[kindOnce] {
		t.Errorf("%d devices were left", n)
	}
}

func TestExitCodesAndSentences(t *testing.T) {
	b := newBench(t)
	b.file("empty", "")
	b.file("wrong", "not it\n")
	wrong := filepath.Join(b.dir, "wrong.password")
	b.cell.Fail = func(_ im.UserID, text string) *im.Error {
		if text == "zone" {
			return im.Errorf(im.CodeZoneUnavailable, "the part of the system that keeps bob is down; try again later")
		}
		return nil
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"unknown user", b.args("alice", "send", "nobody", "hi"), exitRefused, "NOT_FOUND"},
		{"zone is down", b.args("alice", "send", "bob", "zone"), exitRefused, "try again later (ZONE_UNAVAILABLE)"},
		{"empty text", b.args("alice", "send", "bob", ""), exitRefused, "empty"},
		{"wrong password", b.args("bob", "contacts", "--password-file", wrong), exitRefused, "BAD_CREDENTIALS"},
		{"no text", b.args("alice", "send", "bob"), exitUsage, "TO and TEXT"},
		{"unknown verb", b.args("alice", "sned"), exitUsage, "not a verb"},
		{"unknown flag", b.args("alice", "--nope"), exitUsage, "--nope"},
		{"no account", []string{"--nas", clienttest.NAS, "contacts"}, exitUsage, "--as"},
		{"no server", []string{"--as", "alice@example.org", "contacts"}, exitUsage, "--nas"},
		{"bad id", b.args("alice", "send", "bob", "x", "--id", "12"), exitUsage, "32 hexadecimal"},
		{"no password file", b.args("alice", "contacts", "--password-file", b.dir+"/none"), exitUsage, "cannot be read"},
		{"empty password file", b.args("alice", "contacts", "--password-file", filepath.Join(b.dir, "empty.password")), exitUsage, "is empty"},
		{"no password at all", []string{"--nas", clienttest.NAS, "--plaintext", "--as", "bob@example.org", "--state", b.dir + "/new", "contacts"}, exitUsage, "--password-file"},
		{"plaintext far away", []string{"--nas", "192.0.2.1:1", "--plaintext", "--as", "bob@example.org", "--state", b.dir + "/new", "contacts"}, exitUsage, "loopback"},
		{"the chat without a terminal", b.args("alice"), exitUsage, "terminal"},
		{"unreachable", append(b.args("alice", "contacts"), "--nas", "127.0.0.7:1", "--timeout", "10ms"), exitUnreachable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "unreachable" {
				b.cell.Down(clienttest.NAS, "127.0.0.7:1", clienttest.ACS1, clienttest.ACS2)
			}
			a, _, errs := b.app("")
			if a.adjust == nil {
				t.Fatal("no network")
			}
			if code := a.run(t.Context(), c.args); code != c.code || !strings.Contains(errs.String(), c.says) {
				t.Errorf("exit %d, want %d: %s", code, c.code, errs)
			}
			if n := strings.Count(errs.String(), "\n"); n != 1 {
				t.Errorf("%d lines on standard error: %s", n, errs)
			}
		})
	}
}

// listener is a running cxx listen.
type listener struct {
	lines chan map[string]any
	stop  context.CancelFunc
	ended chan int
}

func (b *bench) listen(as string, rest ...string) *listener {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(b.t.Context())
	l := &listener{lines: make(chan map[string]any, 100), stop: cancel, ended: make(chan int, 1)}
	a, _, errs := b.app("")
	a.out = w
	go func() {
		code := a.run(ctx, b.args(as, append([]string{"listen", "--json"}, rest...)...))
		if code != 0 {
			b.t.Errorf("listen ended with %d: %s", code, errs)
		}
		_ = w.Close()
		l.ended <- code
	}()
	go func() {
		defer close(l.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			var v map[string]any
			if err := json.Unmarshal(s.Bytes(), &v); err != nil {
				b.t.Errorf("%q: %v", s.Text(), err)
			}
			l.lines <- v
		}
	}()
	return l
}

func (l *listener) next(kind string) map[string]any {
	for v := range l.lines {
		if v["type"] == kind {
			return v
		}
	}
	return nil
}

func (l *listener) close() {
	l.stop()
	for range l.lines { // let it write what it has
	}
	<-l.ended
}

func TestListen(t *testing.T) {
	b := newBench(t)
	b.cell.Say(b.alice, b.bob, "long ago")
	l := b.listen("bob")
	l.next("ready")
	b.ok("alice", "send", "bob", "one")
	if v := l.next("message"); v["text"] != "one" || v["from"] != "alice@example.org" || v["to"] != "bob@example.org" || v["seq"] != 2.0 {
		t.Errorf("%v", v)
	}
	b.ok("bob", "send", "alice", "from elsewhere")
	if v := l.next("sent"); v["text"] != "from elsewhere" || v["from"] != "bob@example.org" || v["to"] != "alice@example.org" {
		t.Errorf("%v", v)
	}
	b.ok("alice", "add", "bob", "--note", "me")
	if v := l.next("contact_request"); v["from"] != "alice@example.org" || v["text"] != "me" {
		t.Errorf("%v", v)
	}
	l.close()

	b.cell.Say(b.alice, b.bob, "while away")
	l = b.listen("bob")
	if v := l.next("message"); v["text"] != "while away" {
		t.Errorf("the second listen began with %v", v)
	}
	l.next("ready")
	if code, _, errs := b.cxx("bob", "listen"); code != exitUsage || !strings.Contains(errs, "--state") {
		t.Errorf("a second listen: %d %s", code, errs)
	}
	l.close()

	l = b.listen("bob", "--since", "0", "--count", "2")
	if v := l.next("message"); v["text"] != "long ago" {
		t.Errorf("--since 0 began with %v", v)
	}
	l.next("message")
	l.close()
}

func TestContactsAndTheRest(t *testing.T) {
	b := newBench(t)
	b.ok("alice", "add", "bob", "--name", "Bobby")
	if out := b.ok("bob", "contacts"); !strings.Contains(out, "alice@example.org") || !strings.Contains(out, "asks") {
		t.Errorf("%q", out)
	}
	b.ok("bob", "accept", "alice")
	if out := b.ok("alice", "contacts", "--json"); !strings.Contains(out, `"addr":"bob@example.org"`) || !strings.Contains(out, `"state":"friend"`) {
		t.Errorf("%q", out)
	}
	l := b.listen("bob")
	l.next("ready")
	if out := b.ok("alice", "presence"); !strings.Contains(out, "online") {
		t.Errorf("%q", out)
	}
	b.ok("alice", "send", "bob", "unread")
	if out := b.ok("bob", "conversations", "--json"); !strings.Contains(out, `"unread":1`) {
		t.Errorf("%q", out)
	}
	b.ok("bob", "read", "alice")
	if v := l.next("read"); v["from"] != "bob@example.org" {
		t.Errorf("%v", v)
	}
	if out := b.ok("bob", "conversations"); !strings.Contains(out, "0 unread") {
		t.Errorf("%q", out)
	}
	l.close()
	b.ok("alice", "remove", "bob")
	if out := b.ok("alice", "contacts"); out != "" {
		t.Errorf("%q", out)
	}
	if out := b.ok("carol", "register"); !strings.Contains(out, "carol@example.org is registered") {
		t.Errorf("%q", out)
	}
	b.ok("carol", "send", "alice", "I am new")
	b.ok("alice", "block", "carol")
	b.ok("alice", "block", "@spam.example")
	b.ok("alice", "block", "eve@elsewhere.example/x")
	if out := b.ok("alice", "blocked"); out != "carol@example.org\neve@elsewhere.example/x\n@spam.example\n" {
		t.Errorf("%q", out)
	}
	b.ok("alice", "unblock", "carol")
	if out := b.ok("alice", "blocked", "--json"); !strings.Contains(out, `{"addr":"spam.example"}`) || strings.Contains(out, "carol") {
		t.Errorf("%q", out)
	}
	b.ok("alice", "unblock", "--all")
	if out := b.ok("alice", "blocked"); out != "" {
		t.Errorf("%q", out)
	}
	if out := b.ok("alice", "devices"); strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "*") {
		t.Errorf("%q", out)
	}
}

func TestRevokedDeviceSignsInAgain(t *testing.T) {
	b := newBench(t)
	b.ok("alice", "send", "bob", "1")
	var id string
	for _, f := range strings.Fields(b.ok("alice", "devices")) {
		if f != "*" {
			id = f
			break
		}
	}
	b.cxx("alice", "revoke", id) // its own device: the connection ends with it
	b.ok("alice", "send", "bob", "2")
	if n := len(b.cell.Inbox(b.bob)); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestLogoutForgetsAllDevices(t *testing.T) {
	b := newBench(t)
	b.ok("alice", "send", "bob", "1")
	b.ok("alice", "logout")
	a, _, errs := b.app("")
	args := []string{"--nas", clienttest.NAS, "--plaintext", "--as", "alice@example.org", "--state", filepath.Join(b.dir, "state"), "contacts"}
	if code := a.run(t.Context(), args); code != exitUsage || !strings.Contains(errs.String(), "--password-file") {
		t.Errorf("after the logout: %d %s", code, errs)
	}
}

func TestPlain(t *testing.T) {
	if got := plain("a\x1b[31mred\nnew\u202eline\x07"); got != "a[31mred newline" {
		t.Errorf("%q", got)
	}
}
