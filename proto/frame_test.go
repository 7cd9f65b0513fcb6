package proto

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func TestParse(t *testing.T) {
	long := AppendRaw(nil, cxxpb.FrameType_FRAME_SEND, 0, make([]byte, 4095))
	for _, c := range []struct {
		name  string
		in    []byte
		limit int
		n     int
		kind  cxxpb.FrameType
		flags byte
		code  im.ErrorCode
	}{
		{"nothing", nil, 100, 0, 0, 0, 0},
		{"heartbeat", []byte{0, 9}, 100, 1, 0, 0, 0},
		{"empty body", []byte{1, 5}, 100, 2, cxxpb.FrameType_FRAME_SEND, 0, 0},
		{"flags", []byte{2, 0xc5, 1}, 100, 3, cxxpb.FrameType_FRAME_SEND, 0xc0, 0},
		{"half a length", []byte{0x80}, 100, 0, 0, 0, 0},
		{"half a body", []byte{3, 5, 1}, 100, 0, 0, 0, 0},
		{"at the limit", long, 4096, len(long), cxxpb.FrameType_FRAME_SEND, 0, 0},
		{"over the limit", long[:2], 4095, 0, 0, 0, im.CodeFrameTooLarge},
		{"five bytes of length", []byte{0xff, 0xff, 0xff, 0xff}, 1 << 30, 0, 0, 0, im.CodeFrameTooLarge},
		{"padded length", []byte{0x85, 0x00}, 100, 0, 0, 0, im.CodeMalformed},
		{"padded heartbeat", []byte{0x80, 0x00}, 100, 0, 0, 0, im.CodeMalformed},
		{"type zero", []byte{1, 0x80}, 100, 0, 0, 0, im.CodeMalformed},
	} {
		f, n, err := Parse(c.in, c.limit)
		if n != c.n || f.Type != c.kind || f.Flags != c.flags || im.CodeOf(err) != c.code {
			t.Errorf("%s: %v %d %v", c.name, f, n, err)
		}
	}
}

func TestFrameSize(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 16381, 16382, 16383, 100_000} {
		if got := len(AppendRaw(nil, cxxpb.FrameType_FRAME_SEND, 0, make([]byte, n))); got != FrameSize(n) {
			t.Errorf("body of %d: %d bytes, FrameSize says %d", n, got, FrameSize(n))
		}
	}
}

// parseAll cuts a stream that arrives in pieces.
func parseAll(pieces [][]byte, limit int) (frames []string, code im.ErrorCode) {
	var buf []byte
	for _, p := range pieces {
		buf = append(buf, p...)
		for {
			f, n, err := Parse(buf, limit)
			if err != nil {
				return frames, im.CodeOf(err)
			}
			if n == 0 {
				break
			}
			frames = append(frames, string(rune(f.Type))+string(f.Flags)+string(f.Body))
			buf = buf[n:]
		}
	}
	return frames, 0
}

// Any chunking of the same bytes gives the same frames and the same error.
func FuzzFrameDecode(f *testing.F) {
	f.Add(AppendFrame(nil, cxxpb.FrameType_FRAME_SEND, 0, &cxxpb.Send{Id: 1, Text: "hello"}), []byte{3, 1})
	f.Add([]byte{0, 0, 1, 5, 0x80, 0x80, 0x01, 5}, []byte{1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1}, []byte{2, 2})
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		whole, code := parseAll([][]byte{data}, 4096)
		var pieces [][]byte
		rest := data
		for i := 0; len(rest) > 0; i++ {
			n := 1
			if len(cuts) > 0 {
				n = min(int(cuts[i%len(cuts)])+1, len(rest))
			}
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		cut, cutCode := parseAll(pieces, 4096)
		if !slices.Equal(whole, cut) || code != cutCode {
			t.Errorf("whole: %q %v; in pieces: %q %v", whole, code, cut, cutCode)
		}
	})
}

// A body that decodes encodes to one that decodes to the same.
func FuzzDecode(f *testing.F) {
	for k := range makers {
		f.Add(uint8(k), []byte{8, 1})
	}
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		m, err := Decode(Frame{Type: cxxpb.FrameType(kind & 63), Body: body})
		_ = Text(Frame{Type: cxxpb.FrameType(kind & 63), Flags: kind & FlagZstd, Body: body}, true)
		if err != nil {
			return
		}
		frame := AppendFrame(nil, cxxpb.FrameType(kind&63), 0, m)
		g, n, err := Parse(frame, 1<<27)
		if err != nil || n != len(frame) {
			t.Fatalf("%x: %v", frame, err)
		}
		again, err := Decode(g)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(frame, AppendFrame(nil, g.Type, 0, again)) {
			t.Errorf("%v became %v", m, again)
		}
	})
}

func TestUnmarshalUTF8(t *testing.T) {
	bad := "a\xff"
	for _, m := range []Message{
		&cxxpb.Send{Text: bad},
		&cxxpb.Hello{ClientName: bad},
		&cxxpb.Login{Device: &cxxpb.DeviceInfo{Name: bad}},
		&cxxpb.Login{Register: &cxxpb.Register{Password: bad}},
		&cxxpb.Call{Op: &cxxpb.Call_ContactAdd{ContactAdd: &cxxpb.ContactAddCall{Groups: []string{"ok", bad}}}},
		&cxxpb.Call{Op: &cxxpb.Call_PresenceSet{PresenceSet: &cxxpb.PresenceSetCall{Status: bad}}},
	} {
		body := make([]byte, m.SizeVT())
		if _, err := m.MarshalToSizedBufferVT(body); err != nil {
			t.Fatal(err)
		}
		fresh := NewMessage(frameOf(m))
		if err := Unmarshal(body, fresh); im.CodeOf(err) != im.CodeMalformed {
			t.Errorf("%T: %v", m, err)
		}
	}
}

func frameOf(m Message) cxxpb.FrameType {
	for k, f := range makers {
		if sameType(f(), m) {
			return k
		}
	}
	return 0
}

func sameType(a, b Message) bool {
	return strings.TrimPrefix(typeName(a), "*") == strings.TrimPrefix(typeName(b), "*")
}

func TestParseSend(t *testing.T) {
	id16 := bytes.Repeat([]byte{7}, 16)
	encode := func(m *cxxpb.Send) []byte {
		b, err := m.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	body := encode(&cxxpb.Send{Id: 3, To: 9, ClientId: id16, Text: "hi", Ext: []byte("ext")})
	id, m, err := ParseSend(body)
	if id != 3 || err != nil || m.To != 9 || m.Text != "hi" || string(m.Ext) != "ext" || !bytes.Equal(m.ClientID[:], id16) {
		t.Errorf("%d %+v %v", id, m, err)
	}
	for i := range body {
		body[i] = 0xee // the result holds copies
	}
	// A message that lacks fields gets none of the one before.
	id, again, err := ParseSend(encode(&cxxpb.Send{Id: 4, To: 9}))
	if id != 4 || err != nil || again.Text != "" || again.Ext != nil || !again.ClientID.IsZero() {
		t.Errorf("%d %+v %v", id, again, err)
	}
	if m.Text != "hi" || string(m.Ext) != "ext" {
		t.Errorf("the first message has become %+v", m)
	}
	if _, _, err := ParseSend(encode(&cxxpb.Send{Id: 4, ClientId: id16[:3]})); im.CodeOf(err) != im.CodeInvalid {
		t.Error(err)
	}
	if _, _, err := ParseSend(encode(&cxxpb.Send{Text: "no id"})); im.CodeOf(err) != im.CodeMalformed {
		t.Error(err)
	}
}

func TestZstd(t *testing.T) {
	page := &cxxpb.Reply{Id: 1, Result: &cxxpb.Reply_Sync{Sync: &cxxpb.SyncResult{}}}
	for i := range 100 {
		page.GetSync().Entries = append(page.GetSync().Entries, &cxxpb.Entry{Seq: uint64(i + 1), Text: "the same old words again"})
	}
	packed := AppendFrameZstd(nil, cxxpb.FrameType_FRAME_REPLY, page)
	plain := AppendFrame(nil, cxxpb.FrameType_FRAME_REPLY, 0, page)
	if len(packed) > len(plain)/3 {
		t.Errorf("%d bytes of %d", len(packed), len(plain))
	}
	f, _, err := Parse(packed, len(packed))
	if err != nil || f.Flags != FlagZstd {
		t.Fatalf("%v %v", f.Flags, err)
	}
	body, err := Inflate(f)
	if err != nil || !bytes.Equal(AppendRaw(nil, f.Type, 0, body), plain) {
		t.Errorf("not the same: %v", err)
	}
	small := AppendFrameZstd(nil, cxxpb.FrameType_FRAME_REPLY, &cxxpb.Reply{Id: 1})
	if f, _, _ := Parse(small, 100); f.Flags != 0 {
		t.Error("a small body was compressed")
	}
	if _, err := Inflate(Frame{Flags: FlagZstd, Body: []byte("no zstd")}); im.CodeOf(err) != im.CodeMalformed {
		t.Error(err)
	}
	// A bomb is refused and not unpacked.
	bomb := encoder().EncodeAll(make([]byte, 64<<20), nil)
	if _, err := Inflate(Frame{Flags: FlagZstd, Body: bomb}); err == nil {
		t.Error("64 MiB were unpacked")
	}
}
