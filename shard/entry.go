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
}

// rowOf is the stored form of an entry; the caller sets place and owner.
func rowOf(e *im.Entry) (schema.Row, error) {
	r := schema.Row{MsgID: uint64(e.MsgID), Kind: uint8(e.Kind), From: uint64(e.From), Peer: uint64(e.Peer)}
	if e.Kind == im.KindMessage {
		r.Conv, r.Body = uint64(e.Peer), e.Text
		if !e.ClientID.IsZero() {
			r.Client = e.ClientID[:]
		}
		if len(e.Ext) > 0 {
			r.Ext = e.Ext
		}
		return r, nil
	}
	b, err := json.Marshal(rest{UpTo: e.UpTo, Contact: e.Contact, Device: e.Device, Profile: e.Profile})
	if err != nil {
		return r, fmt.Errorf("shard: encode entry of kind %d: %w", e.Kind, err)
	}
	r.Body = string(b)
	return r, nil
}

const entryColumns = "seq, msg_id, kind, from_id, peer_id, client_id, body, ext"

func scanEntry(rows *sql.Rows, e *im.Entry) error {
	var client []byte
	if err := rows.Scan(&e.Seq, &e.MsgID, &e.Kind, &e.From, &e.Peer, &client, &e.Text, &e.Ext); err != nil {
		return err
	}
	copy(e.ClientID[:], client)
	if e.Kind == im.KindMessage {
		return nil
	}
	var r rest
	if err := json.Unmarshal([]byte(e.Text), &r); err != nil {
		return fmt.Errorf("shard: decode entry %d: %w", e.Seq, err)
	}
	e.Text = ""
	e.UpTo, e.Contact, e.Device, e.Profile = r.UpTo, r.Contact, r.Device, r.Profile
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
