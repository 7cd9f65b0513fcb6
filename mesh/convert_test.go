package mesh

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
)

// decodeAll reads frames back into envelopes.
func decodeAll(t testing.TB, b []byte) []im.Envelope {
	t.Helper()
	var list []im.Envelope
	for len(b) > 0 {
		f, n, err := proto.Parse(b, maxFrame)
		if err != nil || n == 0 {
			t.Fatalf("frame of %d bytes: n %d, %v", len(b), n, err)
		}
		e, known, err := decode(f, 3, 77)
		if err != nil || !known {
			t.Fatalf("decode: known %v, %v", known, err)
		}
		list = append(list, e)
		b = b[n:]
	}
	return list
}

func TestEnvelopesSurviveTheWire(t *testing.T) {
	addr := im.Addr{Local: "bob", Domain: "example.org"}
	stamp := im.SessionKey{User: 5, Node: 3, NodeEpoch: 77, Session: 6}
	deliver := func(e im.Entry) im.Envelope { return im.Envelope{Deliver: &im.Deliver{User: 8, Entry: e}} }
	for name, e := range map[string]im.Envelope{
		"message of another": deliver(im.Entry{
			Seq: 9, MsgID: 10, Kind: im.KindMessage, From: 11, Peer: 11,
			ClientID: im.ClientID{1, 2, 3}, Text: "grüße", Ext: []byte("<x/>"),
		}),
		"own message":    deliver(im.Entry{Seq: 9, MsgID: 10, Kind: im.KindMessage, From: 8, Peer: 11, ClientID: im.ClientID{4}}),
		"note to self":   deliver(im.Entry{Seq: 9, MsgID: 10, Kind: im.KindMessage, From: 8, Peer: 8, Text: "x"}),
		"nobody's entry": deliver(im.Entry{Seq: 9, Kind: im.KindProfile, Profile: &im.Profile{User: 8, Addr: addr, Name: "Bob", LastSeen: 1}}),
		"without a peer": deliver(im.Entry{Seq: 9, Kind: im.KindProfile, From: 8}),
		"read mark":      deliver(im.Entry{Seq: 9, MsgID: 10, Kind: im.KindRead, From: 8, Peer: 11, UpTo: 12}),
		"contact":        deliver(im.Entry{Seq: 9, Kind: im.KindContact, From: 11, Peer: 11, Contact: &im.Contact{User: 11, Addr: addr, Sub: im.SubBoth, Listed: true, Name: "B", Groups: []string{"a", "b"}, Note: "hi", Said: []im.SubEvent{im.Subscribed, im.Subscribe}, Ext: []byte("<presence/>")}}),
		"note":           deliver(im.Entry{Seq: 9, MsgID: 10, Kind: im.KindNote, From: 11, Peer: 11, Ext: []byte("<message/>")}),
		"block":          deliver(im.Entry{Seq: 9, Kind: im.KindBlock, From: 8, Peer: 8, Block: &im.Block{Blocked: []im.Addr{addr}}}),
		"blocks":         {Blocks: &im.Blocks{User: 9}},
		"post": {Post: &im.GroupDeliver{Group: 7, Entry: im.Entry{
			Seq: 3, MsgID: 4, Kind: im.KindMessage, From: 9, ClientID: im.ClientID{1}, Text: "x", Ext: []byte("<x/>"), Post: &im.Post{Nick: "n", Mentions: []im.UserID{9}, All: true},
		}}},
		"event": {Post: &im.GroupDeliver{Group: 7, Entry: im.Entry{
			Seq: 3, MsgID: 4, Kind: im.KindGroup, From: 9, Group: &im.GroupEvent{What: im.GroupKicked, ID: 7, Reason: "r", Member: &im.Member{User: 8, Nick: "b"}},
		}}},
		"rooms": {Rooms: &im.RoomsUpdate{
			Snapshot: true, Number: 5, Want: []im.GroupID{1, 2}, Lost: []im.GroupID{3},
			Up: []im.Occupant{{
				Group: 1, User: 9, Node: 3, Session: 4, Resource: "r", Presence: im.Presence{Show: im.ShowAway, Status: "s", Priority: -1, Ext: "<c/>"},
				Member: im.Member{User: 9, Addr: im.Addr{Local: "bob", Domain: "example.org"}, Nick: "Bob", Passing: true, Role: im.RoleVisitor, Voice: im.VoiceGranted},
				Since:  11,
			}},
			Down: []im.OccupantGone{{Group: 1, User: 9, Session: 4, Presence: im.Presence{Status: "bye"}, By: 12}},
		}},
		"group signal":     {Signal: &im.Signal{From: 1, Group: 7, Kind: im.SignalRead, UpTo: 8, Nick: "n"}},
		"stanza":           {Signal: &im.Signal{From: 1, To: 2, Session: 3, Node: 4, Kind: im.SignalStanza, Data: []byte("<iq/>")}},
		"device":           deliver(im.Entry{Seq: 9, Kind: im.KindDevice, From: 8, Peer: 8, Device: &im.Device{ID: 4, Resource: "phone", Created: time.UnixMilli(5).UTC()}}),
		"session up":       {Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{{SessionKey: stamp, Device: 4, DeviceEpoch: 3, Resource: "phone", Protocol: 1, Presence: im.Presence{Show: im.ShowDND, Status: "busy", Priority: -5, Ext: "<c/>", Interests: "a\nb\n"}}}}},
		"session down":     {Sessions: &im.SessionsUpdate{Down: []im.SessionKey{stamp}}},
		"empty snapshot":   {Sessions: &im.SessionsUpdate{Snapshot: true}},
		"nothing changed":  {Sessions: &im.SessionsUpdate{}},
		"kick":             {Kick: &im.Kick{User: 1, Device: 2, Below: 3, Except: 4, Code: im.CodeRevoked}},
		"signal":           {Signal: &im.Signal{From: 1, To: 2, Kind: im.SignalStopped}},
		"bells":            {Bells: []im.Bell{{User: 1, Seq: 2}, {User: 3, Seq: 4}}},
		"highest user":     {Signal: &im.Signal{From: 1<<52 - 1, To: 1<<52 - 1, Kind: 255}},
		"session lowest":   {Sessions: &im.SessionsUpdate{Up: []im.SessionInfo{{SessionKey: stamp, Presence: im.Presence{Priority: -128}}}}},
		"kick of everyone": {Kick: &im.Kick{User: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			frames, _ := encode(nil, &e)
			got := decodeAll(t, frames)
			if len(got) != 1 || !reflect.DeepEqual(got[0], e) {
				t.Errorf("received %+v\n    sent %+v", got, e)
			}
		})
	}
	if frames, _ := encode(nil, &im.Envelope{}); len(frames) != 0 {
		t.Errorf("an empty envelope has %d bytes", len(frames))
	}
}

func TestPiecesStaySmall(t *testing.T) {
	big := im.SessionsUpdate{Snapshot: true, Up: make([]im.SessionInfo, 20000), Down: make([]im.SessionKey, 50000)}
	for i := range big.Up {
		big.Up[i] = im.SessionInfo{SessionKey: im.SessionKey{User: 1<<52 - 1, Session: 1<<64 - 1}, Resource: "a-longer-resource", Presence: im.Presence{Status: "here"}}
	}
	for i := range big.Down {
		big.Down[i] = im.SessionKey{User: 1<<52 - 1, Session: 1<<64 - 1}
	}
	bells := make([]im.Bell, 100000)
	for i := range bells {
		bells[i] = im.Bell{User: 1<<52 - 1, Seq: 1<<64 - 1}
	}
	rooms := im.RoomsUpdate{Snapshot: true, Number: 7, Want: make([]im.GroupID, 60000), Lost: make([]im.GroupID, 60000), Up: make([]im.Occupant, 300), Down: make([]im.OccupantGone, 300)}
	for i := range rooms.Up { // with the largest presences that clients may send
		rooms.Up[i].Presence.Ext = strings.Repeat("x", 100_000)
		rooms.Down[i].Presence.Ext = rooms.Up[i].Presence.Ext
	}
	for _, e := range []im.Envelope{{Sessions: &big}, {Bells: bells}, {Rooms: &rooms}} {
		frames, _ := encode(nil, &e)
		for len(frames) > 0 {
			_, n, err := proto.Parse(frames, 256<<10)
			if err != nil || n == 0 {
				t.Fatalf("a piece is over 256 KiB: n %d, %v", n, err)
			}
			frames = frames[n:]
		}
	}
	wantRooms(t, &rooms)
	frames, _ := encode(nil, &im.Envelope{Bells: bells})
	total := 0
	for _, e := range decodeAll(t, frames) {
		total += len(e.Bells)
	}
	if total != len(bells) {
		t.Errorf("%d bells arrived of %d", total, len(bells))
	}
}

// wantRooms sees that an announcement in pieces is the same as in one: it replaces
// what was known once, at its beginning, and asks for an echo once, at its end.
func wantRooms(t *testing.T, sent *im.RoomsUpdate) {
	t.Helper()
	frames, _ := encode(nil, &im.Envelope{Rooms: sent})
	list := decodeAll(t, frames)
	var want, lost, up, down int
	for i, e := range list {
		r := e.Rooms
		want, lost, up, down = want+len(r.Want), lost+len(r.Lost), up+len(r.Up), down+len(r.Down)
		if r.Snapshot != (i == 0) || (r.Number == sent.Number) != (i == len(list)-1) {
			t.Errorf("piece %d of %d: snapshot %v, number %d", i, len(list), r.Snapshot, r.Number)
		}
	}
	if want != len(sent.Want) || lost != len(sent.Lost) || up != len(sent.Up) || down != len(sent.Down) {
		t.Errorf("%d wanted, %d lost, %d up, %d down arrived", want, lost, up, down)
	}
}
