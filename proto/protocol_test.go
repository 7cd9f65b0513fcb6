package proto

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func protocolDoc(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func section(doc, heading string) string {
	_, rest, ok := strings.Cut(doc, "\n"+heading+"\n")
	if !ok {
		return ""
	}
	for _, next := range []string{"\n## ", "\n### "} {
		rest, _, _ = strings.Cut(rest, next)
	}
	return rest
}

// The error table of the document is that of package im.
func TestDocumentedErrors(t *testing.T) {
	got := section(protocolDoc(t), "## Errors")
	rows := 0
	for line := range strings.Lines(got) {
		if regexp.MustCompile(`^\| \d{4} `).MatchString(line) {
			rows++
		}
	}
	word := map[bool]string{true: "yes", false: "no"}
	for _, e := range im.Traits() {
		row := fmt.Sprintf("| %d | %s | %s | %s | ", e.Code, e.Name, word[e.Definite], word[e.Reconnect])
		if !strings.Contains(got, row) {
			t.Errorf("docs/PROTOCOL.md has no row %s…", row)
		}
	}
	if n := len(im.Traits()); rows != n {
		t.Errorf("the document has %d errors, the code %d", rows, n)
	}
}

// Every frame and every field of every message is documented, and nothing else.
func TestDocumentedFields(t *testing.T) {
	doc := protocolDoc(t)
	frames := section(doc, "## Frames one by one")
	for k := range makers {
		if !strings.Contains(frames, fmt.Sprintf("| %d | %s | ", k, Name(k))) {
			t.Errorf("frame %s is not in the table", Name(k))
		}
	}
	messages := cxxpb.File_cxx_proto.Messages()
	for i := range messages.Len() {
		m := messages.Get(i)
		name := string(m.Name())
		if strings.HasSuffix(name, "Call") && name != "Call" || strings.HasSuffix(name, "Result") || name == "Done" {
			continue // in the table of operations
		}
		text := section(doc, "### "+name)
		if text == "" {
			t.Errorf("no section %s", name)
			continue
		}
		for j := range m.Fields().Len() {
			if row := fieldRow(m.Fields().Get(j)); !strings.Contains(text, row) {
				t.Errorf("section %s has no row %s", name, row)
			}
		}
	}
	operations := (&cxxpb.Call{}).ProtoReflect().Descriptor().Oneofs().ByName("op").Fields()
	calls := section(doc, "### Call")
	for i := range operations.Len() {
		if name := operations.Get(i).Name(); !strings.Contains(calls, fmt.Sprintf("\n| %s | ", name)) {
			t.Errorf("operation %s is not in the table", name)
		}
	}
}

func fieldRow(fd protoreflect.FieldDescriptor) string {
	kind := fd.Kind().String()
	if fd.Message() != nil {
		kind = string(fd.Message().Name())
	}
	if fd.IsList() {
		kind = "repeated " + kind
	}
	return fmt.Sprintf("| %d | %s | %s |", fd.Number(), fd.Name(), kind)
}

var traceLine = regexp.MustCompile(`^    [CS]: ([A-Z_]+)`)

// The traces use frames that exist, and the sizes are the real ones.
func TestDocumentedTraces(t *testing.T) {
	doc := protocolDoc(t)
	names := map[string]bool{}
	for k := range makers {
		names[Name(k)] = true
	}
	used := map[string]bool{}
	for line := range strings.Lines(doc) {
		if m := traceLine.FindStringSubmatch(line); m != nil {
			used[m[1]] = true
			if !names[m[1]] {
				t.Errorf("no frame is called %s", m[1])
			}
		}
	}
	for n := range names {
		if !used[n] && n != "PRESENCE" {
			t.Errorf("no trace shows %s", n)
		}
	}
	for name, size := range sizes() {
		if !strings.Contains(doc, fmt.Sprintf("| %s | %d |", name, size)) {
			t.Errorf("the document does not say that %s has %d bytes", name, size)
		}
	}
}

// sizes are those of a 20-byte text.
func sizes() map[string]int {
	const owner, peer = im.UserID(1)<<40 + 12345, im.UserID(2)<<40 + 54321
	id := im.MakeMsgID(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), 7, 3)
	text := strings.Repeat("x", 20)
	clientID := im.ClientID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	send := &cxxpb.Send{Id: 1000, To: uint64(peer), ClientId: clientID[:], Text: text}
	in := im.Entry{Seq: 100_000, MsgID: id, Kind: im.KindMessage, From: owner, Peer: owner, Text: text, ClientID: clientID}
	out := in
	out.Peer = peer
	return map[string]int{
		"SEND":                                 len(AppendFrame(nil, cxxpb.FrameType_FRAME_SEND, 0, send)),
		"SEND_ACK":                             len(AppendSendAck(nil, 1000, im.Ack{MsgID: id, Seq: 100_000})),
		"PUSH to the recipient":                len(AppendPush(nil, &in, peer)),
		"PUSH to another device of the sender": len(AppendPush(nil, &out, owner)),
	}
}

// The bounds of the issue.
func TestWireSize(t *testing.T) {
	most := map[string]int{"SEND": 60, "SEND_ACK": 24, "PUSH to the recipient": 76, "PUSH to another device of the sender": 76}
	for name, size := range sizes() {
		t.Logf("%s: %d bytes of %d", name, size, most[name])
		if size > most[name] {
			t.Errorf("%s: %d bytes, more than %d", name, size, most[name])
		}
	}
}
