package shard

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// rest is what the body of an entry holds that is no message.
type rest struct {
	UpTo    im.MsgID    `json:"up_to,omitempty"`
	Contact *im.Contact `json:"contact,omitempty"`
	Device  *im.Device  `json:"device,omitempty"`
	Profile *im.Profile `json:"profile,omitempty"`
	Block   *im.Block   `json:"block,omitempty"`

	Group *im.GroupEvent `json:"group,omitempty"`
}

// rowOf is the stored form of an entry; the caller sets place and owner.
func rowOf(e *im.Entry) (schema.Row, error) {
	r := schema.Row{MsgID: uint64(e.MsgID), Kind: uint8(e.Kind), From: uint64(e.From), Peer: uint64(e.Peer)}
	if len(e.Ext) > 0 {
		r.Ext = e.Ext
	}
	if isMessage(e.Kind) {
		r.Conv, r.Body = conversation(e.Kind, e.Peer), e.Text
		if e.Post != nil {
			r.Ext = appendPost(nil, e.Post, e.Ext)
		}
		if !e.ClientID.IsZero() {
			r.Client = e.ClientID[:]
		}
		return r, nil
	}
	b, err := json.Marshal(rest{UpTo: e.UpTo, Contact: e.Contact, Device: e.Device, Profile: e.Profile, Block: e.Block, Group: e.Group})
	if err != nil {
		return r, fmt.Errorf("shard: encode entry of kind %d: %w", e.Kind, err)
	}
	r.Body = string(b)
	return r, nil
}

// isMessage reports whether entries of a kind are what AppendMessage logs.
func isMessage(k im.Kind) bool { return k == im.KindMessage || k == im.KindNote }

func kindOf(m *im.Message) im.Kind {
	if m.Note {
		return im.KindNote
	}
	return im.KindMessage
}

// conversation is where the conversation index holds a message or note.
func conversation(k im.Kind, peer im.UserID) uint64 {
	if peer == 0 {
		peer = schema.TimelineBit
	}
	if k == im.KindNote {
		return uint64(peer) | schema.NoteBit
	}
	return uint64(peer)
}

// convID is the conversation of messages with a peer; one with no messages for
// what is no user.
func convID(peer im.UserID) int64 {
	if !peer.Valid() && !peer.Foreign() {
		return -1
	}
	return int64(peer)
}

const entryColumns = "seq, msg_id, kind, from_id, peer_id, client_id, body, ext"

func scanEntry(rows *sql.Rows, e *im.Entry) error {
	var client []byte
	if err := rows.Scan(&e.Seq, &e.MsgID, &e.Kind, &e.From, &e.Peer, &client, &e.Text, &e.Ext); err != nil {
		return err
	}
	copy(e.ClientID[:], client)
	if isMessage(e.Kind) {
		return splitPost(e)
	}
	var r rest
	if err := json.Unmarshal([]byte(e.Text), &r); err != nil {
		return fmt.Errorf("shard: decode entry %d: %w", e.Seq, err)
	}
	e.Text = ""
	e.UpTo, e.Contact, e.Device, e.Profile, e.Block, e.Group = r.UpTo, r.Contact, r.Device, r.Profile, r.Block, r.Group
	return nil
}

// millis is the stored form of a time; 0 stands for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
