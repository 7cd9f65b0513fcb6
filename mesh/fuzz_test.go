package mesh

import (
	"bytes"
	"io"
	"net"
	"reflect"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// chunked is a connection that delivers bytes in chunks of a given size.
type chunked struct {
	net.Conn
	data  []byte
	chunk int
}

func (c *chunked) Read(b []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.data[:min(c.chunk, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

// readAll reads frames until the first error.
func readAll(data []byte, chunk int) (frames []proto.Frame, end reason) {
	r := newReader(&chunked{data: bytes.Clone(data), chunk: chunk})
	r.limit = maxFrame
	for {
		f, err := r.next()
		if err != nil {
			return frames, reasonOf(err)
		}
		f.Body = bytes.Clone(f.Body)
		frames = append(frames, f)
	}
}

// FuzzMeshFrame: no bytes make the decoder panic, any chunking gives the same
// frames, and what was decoded is the same after another trip.
func FuzzMeshFrame(f *testing.F) {
	for _, e := range []im.Envelope{
		message(1),
		{Sessions: &im.SessionsUpdate{Snapshot: true, Up: make([]im.SessionInfo, 2), Down: make([]im.SessionKey, 2)}},
		{Kick: &im.Kick{User: 1, Code: im.CodeRevoked}},
		{Signal: &im.Signal{From: 1, To: 2, Kind: 1}},
		{Bells: []im.Bell{{User: 1, Seq: 2}}},
		{Post: &im.GroupDeliver{Group: 7, Entry: im.Entry{Seq: 3, Kind: im.KindMessage, From: 9, Text: "x", Post: &im.Post{Nick: "n", Mentions: []im.UserID{9}}}}},
		{Post: &im.GroupDeliver{Group: 7, Entry: im.Entry{Seq: 3, Kind: im.KindGroup, From: 9, Group: &im.GroupEvent{What: im.GroupKicked, ID: 7, Member: &im.Member{User: 8}}}}},
		{Rooms: &im.RoomsUpdate{Snapshot: true, Number: 5, Want: []im.GroupID{1}, Lost: []im.GroupID{3}, Up: make([]im.Occupant, 2), Down: make([]im.OccupantGone, 2)}},
	} {
		frames, _ := encode([]byte{proto.Heartbeat}, &e)
		f.Add(frames, uint8(1))
	}
	f.Add(proto.AppendFrame(nil, frameHello, 0, hello(1, 2)), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, chunk uint8) {
		whole, end := readAll(data, max(1, len(data)))
		pieces, end2 := readAll(data, int(chunk)+1)
		if end != end2 || !reflect.DeepEqual(whole, pieces) {
			t.Fatalf("in chunks of %d: %v %v; whole: %v %v", int(chunk)+1, pieces, end2, whole, end)
		}
		for _, frame := range whole {
			if frame.Type == frameHello {
				_ = new(cxxpb.MeshHello).UnmarshalVT(frame.Body)
			}
			e, known, err := decode(frame, 3, 77)
			if !known || err != nil || isEmpty(&e) {
				continue
			}
			again, _ := encode(nil, &e)
			if got := decodeAll(t, again); len(got) != 1 || !reflect.DeepEqual(normal(got[0]), normal(e)) {
				t.Fatalf("after another trip %+v, before %+v", got, e)
			}
		}
	})
}

func isEmpty(e *im.Envelope) bool { return e.Bells != nil && len(e.Bells) == 0 }

// normal evens out what no peer of ours sends: an address that is none, and
// empty for absent.
func normal(e im.Envelope) im.Envelope {
	if e.Deliver != nil && len(e.Deliver.Entry.Ext) == 0 {
		e.Deliver.Entry.Ext = nil
	}
	if e.Post != nil && len(e.Post.Entry.Ext) == 0 {
		e.Post.Entry.Ext = nil
	}
	return e
}
