package state

import (
	"bytes"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// Whatever a journal holds, reading it does not panic, and what is read is
// written and read again the same.
func FuzzJournal(f *testing.F) {
	f.Add(encodeJournal(State{Cursor: 3, HasCursor: true, Outbox: []im.Outgoing{{To: 1, ClientID: im.ClientID{1}, Text: "hi", Ext: []byte{1}}}}))
	f.Add([]byte(`{"done":["01000000000000000000000000000000"]}` + "\n" + `{"cursor":1}` + "\n{"))
	f.Add([]byte("null\n{}\n"))
	f.Add(encodeJournal(State{
		Cursor: 3, HasCursor: true, Groups: map[im.GroupID]uint64{77: 40, 78: 0},
		Outbox: []im.Outgoing{{Group: 77, ClientID: im.ClientID{2}, Text: "@all", Mentions: []im.UserID{4, 5}, All: true}},
	}))
	f.Add([]byte(`{"groups":[{"id":77,"cursor":4},{"id":77,"gone":true},{"id":78,"gone":true}]}` + "\n"))
	f.Add([]byte(`{"format":3}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s State
		good, _, _ := decodeJournal(data, &s)
		if good > len(data) {
			t.Fatalf("%d of %d bytes are good", good, len(data))
		}
		first := encodeJournal(s)
		var again State
		if _, _, err := decodeJournal(first, &again); err != nil {
			t.Fatalf("its own journal: %v", err)
		}
		if second := encodeJournal(again); !bytes.Equal(first, second) {
			t.Fatalf("%q became %q", first, second)
		}
	})
}
