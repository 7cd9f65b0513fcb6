package state

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// The journal is one JSON object per line, appended. Lines are never changed;
// Compact writes a new file with what still counts.
//
//	{"format":2}
//	{"send":{"id":"<32 hex>","to":1234,"text":"hi"}}
//	{"send":{"id":"<32 hex>","group":77,"text":"hi","mentions":[1234]}}
//	{"done":["<32 hex>"]}
//	{"cursor":17}
//	{"groups":[{"id":77,"cursor":40},{"id":78,"gone":true}]}
//
// Format 1 had no first line and no groups; it is read as it stands.

// format is the newest format that this version reads, and the one it writes.
const format = 2

// errFormat says that a newer version has written a journal. To set it aside as
// damaged would lose messages.
var errFormat = errors.New("it was written by a newer version; update this program")

type record struct {
	Format int           `json:"format,omitempty"`
	Send   *sendRecord   `json:"send,omitempty"`
	Done   []string      `json:"done,omitempty"`
	Cursor *uint64       `json:"cursor,omitempty"`
	Groups []groupRecord `json:"groups,omitempty"`
}

type sendRecord struct {
	ID       string      `json:"id"`
	To       im.UserID   `json:"to,omitempty"`
	Group    im.GroupID  `json:"group,omitempty"`
	Mentions []im.UserID `json:"mentions,omitempty"`
	All      bool        `json:"all,omitempty"`
	Text     string      `json:"text,omitempty"`
	Ext      []byte      `json:"ext,omitempty"`
}

type groupRecord struct {
	ID     im.GroupID `json:"id"`
	Cursor uint64     `json:"cursor,omitempty"`
	Gone   bool       `json:"gone,omitempty"`
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
	return record{Send: &sendRecord{
		ID: m.ClientID.String(), To: m.To, Group: m.Group, Mentions: m.Mentions, All: m.All, Text: m.Text, Ext: m.Ext,
	}}
}

func (r *sendRecord) message() (im.Outgoing, error) {
	id, err := im.ParseClientID(r.ID)
	return im.Outgoing{
		To: r.To, Group: r.Group, Mentions: r.Mentions, All: r.All, ClientID: id, Text: r.Text, Ext: r.Ext,
	}, err
}

func groupsOf(list []GroupCursor) record {
	r := record{Groups: make([]groupRecord, len(list))}
	for i, c := range list {
		r.Groups[i] = groupRecord{ID: c.Group, Gone: c.Gone}
		if !c.Gone {
			r.Groups[i].Cursor = c.Seq
		}
	}
	return r
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
	if r.Format > format {
		return errFormat
	}
	if r.Send != nil {
		m, err := r.Send.message()
		if err != nil {
			return err
		}
		s.Outbox = append(s.Outbox, m)
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
	for _, g := range r.Groups {
		s.note([]GroupCursor{{Group: g.ID, Seq: g.Cursor, Gone: g.Gone}})
	}
	return nil
}

func encodeJournal(s State) []byte {
	out := appendRecord(nil, record{Format: format})
	if s.HasCursor {
		out = appendRecord(out, record{Cursor: &s.Cursor})
	}
	if len(s.Groups) > 0 {
		list := make([]GroupCursor, 0, len(s.Groups))
		for g, seq := range s.Groups {
			list = append(list, GroupCursor{Group: g, Seq: seq})
		}
		slices.SortFunc(list, func(a, b GroupCursor) int { return cmp.Compare(a.Group, b.Group) })
		out = appendRecord(out, groupsOf(list))
	}
	for _, m := range s.Outbox {
		out = appendRecord(out, sendOf(m))
	}
	return out
}
