package proto

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/cxx-im/cxx/im"
)

var update = flag.Bool("update", false, "write testdata/vectors and the generated parts of docs/PROTOCOL.md")

// vector is one entry of the files in testdata/vectors, which programs in other
// languages can read: bytes on the wire beside what they mean.
type vector struct {
	Name string `json:"name"`
	Doc  string `json:"doc,omitempty"`
	From string `json:"from,omitempty"` // "client" or "server"
	// Hex is what is on the wire: one whole frame for a valid vector.
	Hex   string `json:"hex"`
	Limit int    `json:"limit,omitempty"` // frame limit of the receiver; 0: 262144
	// A valid frame: its type, flags, and its body as protobuf JSON.
	Type   string          `json:"type,omitempty"`
	Flags  byte            `json:"flags,omitempty"`
	Fields json.RawMessage `json:"fields,omitempty"`
	// An invalid one: the error that answers it, or "incomplete" when more bytes
	// have to come.
	Error string `json:"error,omitempty"`
}

func loadVectors(t *testing.T) map[string][]vector {
	t.Helper()
	files, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	all := map[string][]vector{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var list []vector
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&list); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[filepath.Base(name)] = list
	}
	return all
}

// The vectors say what this package does.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	seen := map[string]bool{}
	for file, list := range loadVectors(t) {
		for _, v := range list {
			t.Run(file+"/"+v.Name, func(t *testing.T) {
				v.check(t)
				seen[v.Type] = true
			})
		}
	}
	for k := range makers {
		if !seen[Name(k)] {
			t.Errorf("no vector for %s", Name(k))
		}
	}
}

func (v vector) check(t *testing.T) {
	wire, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	limit := v.Limit
	if limit == 0 {
		limit = MaxFrameAfterLogin
	}
	f, n, err := Parse(wire, limit)
	if err == nil && n == 0 {
		if v.Error != "incomplete" {
			t.Error("the frame is not whole")
		}
		return
	}
	var m Message
	if err == nil && Name(f.Type) != "HEARTBEAT" {
		m, err = Decode(f)
	}
	if v.Error != "" {
		if im.CodeOf(err).String() != v.Error {
			t.Errorf("want %s, got %v", v.Error, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if n != len(wire) || Name(f.Type) != v.Type || f.Flags != v.Flags {
		t.Errorf("%d of %d bytes, type %s, flags %x", n, len(wire), Name(f.Type), f.Flags)
	}
	if m == nil {
		return
	}
	want := NewMessage(f.Type)
	if err := protojson.Unmarshal(v.Fields, want.(proto.Message)); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(m.(proto.Message), want.(proto.Message)) {
		t.Errorf("the frame holds %v, the fields say %v", m, want)
	}
	if f.Flags&FlagZstd != 0 {
		return
	}
	if got := AppendFrame(nil, f.Type, f.Flags, want); !bytes.Equal(got, wire) {
		t.Errorf("encoded\n %x, the vector has\n %x", got, wire)
	}
}

func writeVectors(t *testing.T) {
	t.Helper()
	for file, list := range makeVectors(t) {
		b, err := json.MarshalIndent(list, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata/vectors", file), append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
