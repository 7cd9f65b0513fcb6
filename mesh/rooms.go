package mesh

import (
	"encoding/json"
	"fmt"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

const (
	frameDeliverPost = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_POST)
	frameRooms       = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_ROOMS)
)

// postToPB leaves nothing out; an event travels as it is stored.
func postToPB(d *im.GroupDeliver) *cxxpb.MeshPost {
	e := d.Entry
	ev := e.Group
	e.Group = nil
	p := proto.EntryToPB(&e, 0)
	p.Peer = 0
	if !e.ClientID.IsZero() {
		p.ClientId = e.ClientID[:]
	}
	out := &cxxpb.MeshPost{Group: uint64(d.Group), Entry: p}
	if ev != nil {
		out.Event, _ = json.Marshal(ev) // plain fields: it cannot fail
	}
	return out
}

func postFromPB(p *cxxpb.MeshPost) (*im.GroupDeliver, error) {
	if p.Entry == nil {
		return nil, errNoEntry
	}
	d := &im.GroupDeliver{Group: im.GroupID(p.Group), Entry: proto.EntryFromPB(p.Entry, 0)}
	d.Entry.Peer = 0
	if len(p.Event) > 0 {
		d.Entry.Group = &im.GroupEvent{}
		if err := json.Unmarshal(p.Event, d.Entry.Group); err != nil {
			return nil, fmt.Errorf("an event of a group: %w", err)
		}
	}
	return d, nil
}

// encodeRooms appends the frames of an announcement: the first says that it is a
// snapshot, the last asks for an echo.
func encodeRooms(dst []byte, u *im.RoomsUpdate) []byte {
	p := &cxxpb.MeshRooms{Snapshot: u.Snapshot, Echo: u.Echo}
	size := 0
	// room makes room in the piece for n more bytes.
	room := func(n int) {
		if size += n; size <= pieceBytes || size == n {
			return
		}
		dst = proto.AppendFrame(dst, frameRooms, 0, p)
		p, size = &cxxpb.MeshRooms{}, n
	}
	const ofGroup, ofField = 8, 4
	for _, g := range u.Want {
		room(ofGroup)
		p.Want = append(p.Want, uint64(g))
	}
	for _, g := range u.Lost {
		room(ofGroup)
		p.Lost = append(p.Lost, uint64(g))
	}
	for i := range u.Up {
		o := occupantToPB(&u.Up[i])
		room(o.SizeVT() + ofField)
		p.Up = append(p.Up, o)
	}
	for i := range u.Down {
		o := goneToPB(&u.Down[i])
		room(o.SizeVT() + ofField)
		p.Down = append(p.Down, o)
	}
	p.Number = u.Number
	return proto.AppendFrame(dst, frameRooms, 0, p)
}

func goneToPB(o *im.OccupantGone) *cxxpb.MeshOccupantGone {
	return &cxxpb.MeshOccupantGone{
		Group: uint64(o.Group), User: uint64(o.User), Session: uint64(o.Session), Status: o.Presence.Status, Ext: o.Presence.Ext,
		By: o.By,
	}
}

func occupantToPB(o *im.Occupant) *cxxpb.MeshOccupant {
	p := &cxxpb.MeshOccupant{
		Group: uint64(o.Group), User: uint64(o.User), Session: uint64(o.Session), Resource: o.Resource,
		Show: uint32(o.Presence.Show), Status: o.Presence.Status, Priority: int32(o.Presence.Priority), Ext: o.Presence.Ext,
		Nick: o.Member.Nick, Addr: o.Member.Addr.String(), Passing: o.Member.Passing,
		Since: o.Since,
	}
	if o.Member.Passing {
		p.Role, p.Voice, p.MutedUntilMs = uint32(o.Member.Role), uint32(o.Member.Voice), proto.Millis(o.Member.MutedUntil)
	}
	return p
}

func roomsFromPB(p *cxxpb.MeshRooms, peer im.NodeID) *im.RoomsUpdate {
	u := &im.RoomsUpdate{Snapshot: p.Snapshot, Number: p.Number, Echo: p.Echo}
	for _, g := range p.Want {
		u.Want = append(u.Want, im.GroupID(g))
	}
	for _, g := range p.Lost {
		u.Lost = append(u.Lost, im.GroupID(g))
	}
	for _, o := range p.Up {
		u.Up = append(u.Up, occupantFromPB(o, peer))
	}
	for _, o := range p.Down {
		u.Down = append(u.Down, im.OccupantGone{
			Group: im.GroupID(o.Group), User: im.UserID(o.User), Session: im.SessionID(o.Session),
			Presence: im.Presence{Status: o.Status, Ext: o.Ext}, By: o.By,
		})
	}
	return u
}

func occupantFromPB(p *cxxpb.MeshOccupant, peer im.NodeID) im.Occupant {
	addr, _ := im.ParseAddr(p.Addr)
	o := im.Occupant{
		Group: im.GroupID(p.Group), User: im.UserID(p.User), Node: peer, Session: im.SessionID(p.Session), Resource: p.Resource,
		Presence: im.Presence{Show: im.Show(p.Show), Status: p.Status, Priority: int8(p.Priority), Ext: p.Ext},
		Member:   im.Member{User: im.UserID(p.User), Addr: addr, Nick: p.Nick, Passing: p.Passing},
		Since:    p.Since,
	}
	if p.Passing {
		o.Member.Role, o.Member.Voice, o.Member.MutedUntil = im.Role(p.Role), im.Voice(p.Voice), proto.Time(p.MutedUntilMs)
	}
	return o
}
