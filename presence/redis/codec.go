package redis

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/cxx-im/cxx/im"
)

// record is a session as it lies in Redis; its key is the name of the field.
// JSON, so that an operator can read it and versions can add to it.
type record struct {
	Device   im.DeviceID `json:"d,omitempty"`
	Epoch    uint64      `json:"e,omitempty"`
	Resource string      `json:"r,omitempty"`
	Protocol im.Protocol `json:"p,omitempty"`
	Show     im.Show     `json:"s,omitempty"`
	Status   string      `json:"t,omitempty"`
	Priority int8        `json:"y,omitempty"`
	Ext      string      `json:"c,omitempty"`
	Wants    string      `json:"i,omitempty"`
}

func encodeSession(s *im.SessionInfo) []byte {
	b, err := json.Marshal(record{
		Device: s.Device, Epoch: s.DeviceEpoch, Resource: s.Resource, Protocol: s.Protocol,
		Show: s.Presence.Show, Status: s.Presence.Status, Priority: s.Presence.Priority,
		Ext: s.Presence.Ext, Wants: s.Presence.Interests,
	})
	if err != nil {
		panic(err) // numbers and strings always encode
	}
	return b
}

func decodeSession(k im.SessionKey, value string) (im.SessionInfo, error) {
	var v record
	if err := json.Unmarshal([]byte(value), &v); err != nil {
		return im.SessionInfo{}, err
	}
	return im.SessionInfo{
		SessionKey: k, Device: v.Device, DeviceEpoch: v.Epoch, Resource: v.Resource, Protocol: v.Protocol,
		Presence: im.Presence{Show: v.Show, Status: v.Status, Priority: v.Priority, Ext: v.Ext, Interests: v.Wants},
	}, nil
}

// bellVersion opens a message of doorbells; receivers ignore other versions.
const bellVersion = 1

var errBells = errors.New("not a message of doorbells")

// appendBells encodes doorbells as pairs of varints.
func appendBells(dst []byte, bells []im.Bell) []byte {
	dst = append(dst, bellVersion)
	for _, b := range bells {
		dst = binary.AppendUvarint(dst, uint64(b.User))
		dst = binary.AppendUvarint(dst, b.Seq)
	}
	return dst
}

func parseBells(b []byte) ([]im.Bell, error) {
	if len(b) == 0 || b[0] != bellVersion {
		return nil, errBells
	}
	b = b[1:]
	var bells []im.Bell
	for len(b) > 0 {
		user, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errBells
		}
		seq, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return nil, errBells
		}
		bells = append(bells, im.Bell{User: im.UserID(user), Seq: seq})
		b = b[n+m:]
	}
	return bells, nil
}
