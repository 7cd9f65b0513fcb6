package state

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/cxx-im/cxx/im"
)

// The journal is one JSON object per line, appended. Lines are never changed;
// Compact writes a new file with what still counts.
//
//	{"send":{"id":"<32 hex>","to":1234,"text":"hi"}}
//	{"done":["<32 hex>"]}
//	{"cursor":17}

type record struct {
	Send   *sendRecord `json:"send,omitempty"`
	Done   []string    `json:"done,omitempty"`
	Cursor *uint64     `json:"cursor,omitempty"`
}

type sendRecord struct {
	ID   string    `json:"id"`
	To   im.UserID `json:"to"`
	Text string    `json:"text,omitempty"`
	Ext  []byte    `json:"ext,omitempty"`
}

func appendRecord(dst []byte, r record) []byte {
	line, err := json.Marshal(r)
	if err != nil {
		// Strings, numbers and bytes always marshal.
		panic(fmt.Sprintf("state: marshal a journal record: %v", err))
	}
	return append(append(dst, line...), '\n')
}

func sendOf(m im.Outgoing) record {
	return record{Send: &sendRecord{ID: m.ClientID.String(), To: m.To, Text: m.Text, Ext: m.Ext}}
}

// decodeJournal replays a journal into s and returns how many bytes of it were
// good. What follows the last good line is the torn end of a write that never
// was reported as done, unless torn is false: then it is damage.
func decodeJournal(data []byte, s *State) (good int, torn bool, err error) {
	for good < len(data) {
		line, rest, whole := bytes.Cut(data[good:], []byte{'\n'})
		if !whole {
			return good, true, nil
		}
		if err := replay(line, s); err != nil {
			return good, len(rest) == 0, fmt.Errorf("state: journal line at byte %d: %w", good, err)
		}
		good += len(line) + 1
	}
	return good, false, nil
}

func replay(line []byte, s *State) error {
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	if r.Send != nil {
		id, err := im.ParseClientID(r.Send.ID)
		if err != nil {
			return err
		}
		s.Outbox = append(s.Outbox, im.Outgoing{To: r.Send.To, ClientID: id, Text: r.Send.Text, Ext: r.Send.Ext})
	}
	if len(r.Done) > 0 {
		ids := make([]im.ClientID, len(r.Done))
		for i, text := range r.Done {
			var err error
			if ids[i], err = im.ParseClientID(text); err != nil {
				return err
			}
		}
		s.Outbox = without(s.Outbox, ids)
	}
	if r.Cursor != nil {
		s.Cursor, s.HasCursor = *r.Cursor, true
	}
	return nil
}

func encodeJournal(s State) []byte {
	var out []byte
	if s.HasCursor {
		out = appendRecord(out, record{Cursor: &s.Cursor})
	}
	for _, m := range s.Outbox {
		out = appendRecord(out, sendOf(m))
	}
	return out
}
