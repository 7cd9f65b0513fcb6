package mesh

import (
	"errors"
	"fmt"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

const (
	version    = 1       // of the mesh protocol; what is only added does not raise it
	maxHello   = 4 << 10 // bytes of a frame before the peer is known
	maxFrame   = 1 << 20 // bytes of a frame after that
	pieceBytes = 200 << 10
	pieceBells = 8 << 10
)

// The frame types of mesh.proto. frameError carries a cxx Error: why a hello
// was refused.
const (
	frameHello    = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_HELLO)
	frameDeliver  = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_DELIVER)
	frameSessions = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_SESSIONS)
	frameKick     = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_KICK)
	frameSignal   = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_SIGNAL)
	frameBells    = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_BELLS)
	frameBlocks   = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_BLOCKS)
	frameError    = cxxpb.FrameType(cxxpb.MeshFrameType_MESH_ERROR)
)

// encode appends the frames of an envelope, usually one, and reports their
// type. A large announcement of sessions or rooms becomes several frames, of which
// only the first says that it is a snapshot.
func encode(dst []byte, e *im.Envelope) ([]byte, cxxpb.FrameType) {
	switch {
	case e.Deliver != nil:
		return proto.AppendFrame(dst, frameDeliver, 0, deliverToPB(e.Deliver)), frameDeliver
	case e.Sessions != nil:
		return encodeSessions(dst, e.Sessions), frameSessions
	case e.Kick != nil:
		k := e.Kick
		return proto.AppendFrame(dst, frameKick, 0, &cxxpb.MeshKick{
			User: uint64(k.User), Device: uint64(k.Device), Below: k.Below,
			Except: uint64(k.Except), Code: uint32(k.Code),
		}), frameKick
	case e.Signal != nil:
		s := e.Signal
		return proto.AppendFrame(dst, frameSignal, 0, &cxxpb.MeshSignal{
			From: uint64(s.From), To: uint64(s.To), Kind: uint32(s.Kind),
			Session: uint64(s.Session), Node: uint32(s.Node), Data: s.Data,
			Group: uint64(s.Group), UpTo: s.UpTo, Nick: s.Nick,
		}), frameSignal
	case e.Bells != nil:
		return encodeBells(dst, e.Bells), frameBells
	case e.Blocks != nil:
		return proto.AppendFrame(dst, frameBlocks, 0, &cxxpb.MeshBlocks{User: uint64(e.Blocks.User)}), frameBlocks
	case e.Post != nil:
		return proto.AppendFrame(dst, frameDeliverPost, 0, postToPB(e.Post)), frameDeliverPost
	case e.Rooms != nil:
		return encodeRooms(dst, e.Rooms), frameRooms
	}
	return dst, cxxpb.FrameType_FRAME_NONE
}

// deliverToPB leaves nothing out, unlike what clients get: the receiving node
// hands the entry to sessions of either protocol and must know it whole.
func deliverToPB(d *im.Deliver) *cxxpb.MeshDeliver {
	p := proto.EntryToPB(&d.Entry, 0)
	p.Peer = uint64(d.Entry.Peer)
	if !d.Entry.ClientID.IsZero() {
		p.ClientId = d.Entry.ClientID[:]
	}
	out := &cxxpb.MeshDeliver{User: uint64(d.User), Entry: p}
	if c := d.Entry.Contact; c != nil {
		out.ContactExt = c.Ext
		for _, e := range c.Said {
			out.Said = append(out.Said, uint32(e))
		}
	}
	return out
}

func deliverFromPB(p *cxxpb.MeshDeliver) (*im.Deliver, error) {
	if p.Entry == nil {
		return nil, errNoEntry
	}
	d := &im.Deliver{User: im.UserID(p.User), Entry: proto.EntryFromPB(p.Entry, 0)}
	d.Entry.Peer = im.UserID(p.Entry.Peer)
	if c := d.Entry.Contact; c != nil {
		c.Ext = p.ContactExt
		for _, e := range p.Said {
			c.Said = append(c.Said, im.SubEvent(e))
		}
	}
	return d, nil
}

var errNoEntry = errors.New("a delivery without an entry")

func encodeSessions(dst []byte, u *im.SessionsUpdate) []byte {
	piece := &cxxpb.MeshSessions{Snapshot: u.Snapshot}
	size, frames := 0, 0
	flush := func() {
		dst = proto.AppendFrame(dst, frameSessions, 0, piece)
		piece = &cxxpb.MeshSessions{}
		size = 0
		frames++
	}
	for i := range u.Up {
		s := sessionToPB(&u.Up[i])
		if n := s.SizeVT() + 4; size+n > pieceBytes && size > 0 {
			flush()
			size = n
		} else {
			size += n
		}
		piece.Up = append(piece.Up, s)
	}
	for _, k := range u.Down {
		const most = 24
		if size+most > pieceBytes {
			flush()
		}
		size += most
		piece.Down = append(piece.Down, &cxxpb.MeshSessionKey{User: uint64(k.User), Session: uint64(k.Session)})
	}
	if size > 0 || frames == 0 {
		flush()
	}
	return dst
}

func sessionToPB(s *im.SessionInfo) *cxxpb.MeshSession {
	return &cxxpb.MeshSession{
		User: uint64(s.User), Session: uint64(s.Session), Device: uint64(s.Device), DeviceEpoch: s.DeviceEpoch,
		Resource: s.Resource, Protocol: uint32(s.Protocol), Show: uint32(s.Presence.Show),
		Status: s.Presence.Status, Priority: int32(s.Presence.Priority),
		Ext: s.Presence.Ext, Interests: s.Presence.Interests,
	}
}

func encodeBells(dst []byte, bells []im.Bell) []byte {
	for len(bells) > 0 {
		n := min(len(bells), pieceBells)
		piece := &cxxpb.MeshBells{Users: make([]uint64, n), Seqs: make([]uint64, n)}
		for i, b := range bells[:n] {
			piece.Users[i], piece.Seqs[i] = uint64(b.User), b.Seq
		}
		dst = proto.AppendFrame(dst, frameBells, 0, piece)
		bells = bells[n:]
	}
	return dst
}

// decode reads one frame of the incarnation (peer, epoch), whose sessions it
// stamps with it. Known is false for a frame type of a later version. What it
// returns shares no memory with the frame.
func decode(f proto.Frame, peer im.NodeID, epoch uint64) (e im.Envelope, known bool, err error) {
	switch f.Type {
	case frameDeliver:
		var p cxxpb.MeshDeliver
		if err = p.UnmarshalVT(f.Body); err == nil {
			e.Deliver, err = deliverFromPB(&p)
		}
	case frameSessions:
		var p cxxpb.MeshSessions
		err = p.UnmarshalVT(f.Body)
		e.Sessions = sessionsFromPB(&p, peer, epoch)
	case frameKick:
		var p cxxpb.MeshKick
		err = p.UnmarshalVT(f.Body)
		e.Kick = &im.Kick{
			User: im.UserID(p.User), Device: im.DeviceID(p.Device), Below: p.Below,
			Except: im.DeviceID(p.Except), Code: im.ErrorCode(p.Code),
		}
	case frameSignal:
		var p cxxpb.MeshSignal
		err = p.UnmarshalVT(f.Body)
		e.Signal = &im.Signal{
			From: im.UserID(p.From), To: im.UserID(p.To), Kind: im.SignalKind(p.Kind),
			Session: im.SessionID(p.Session), Node: im.NodeID(p.Node), Data: p.Data,
			Group: im.GroupID(p.Group), UpTo: p.UpTo, Nick: p.Nick,
		}
	case frameBells:
		var p cxxpb.MeshBells
		err = p.UnmarshalVT(f.Body)
		e.Bells = bellsFromPB(&p)
	case frameBlocks:
		var p cxxpb.MeshBlocks
		err = p.UnmarshalVT(f.Body)
		e.Blocks = &im.Blocks{User: im.UserID(p.User)}
	case frameDeliverPost:
		var p cxxpb.MeshPost
		if err = p.UnmarshalVT(f.Body); err == nil {
			e.Post, err = postFromPB(&p)
		}
	case frameRooms:
		var p cxxpb.MeshRooms
		err = p.UnmarshalVT(f.Body)
		e.Rooms = roomsFromPB(&p, peer)
	default:
		return e, false, nil
	}
	if err != nil {
		return im.Envelope{}, true, fmt.Errorf("mesh: decode frame type %d of %d bytes: %w", f.Type, len(f.Body), err)
	}
	return e, true, nil
}

func sessionsFromPB(p *cxxpb.MeshSessions, peer im.NodeID, epoch uint64) *im.SessionsUpdate {
	u := &im.SessionsUpdate{Snapshot: p.Snapshot}
	key := func(user, session uint64) im.SessionKey {
		return im.SessionKey{User: im.UserID(user), Node: peer, NodeEpoch: epoch, Session: im.SessionID(session)}
	}
	if len(p.Up) > 0 {
		u.Up = make([]im.SessionInfo, len(p.Up))
	}
	for i, s := range p.Up {
		u.Up[i] = im.SessionInfo{
			SessionKey: key(s.User, s.Session), Device: im.DeviceID(s.Device), DeviceEpoch: s.DeviceEpoch,
			Resource: s.Resource, Protocol: im.Protocol(s.Protocol),
			Presence: im.Presence{
				Show: im.Show(s.Show), Status: s.Status, Priority: int8(s.Priority), Ext: s.Ext, Interests: s.Interests,
			},
		}
	}
	if len(p.Down) > 0 {
		u.Down = make([]im.SessionKey, len(p.Down))
	}
	for i, k := range p.Down {
		u.Down[i] = key(k.User, k.Session)
	}
	return u
}

func bellsFromPB(p *cxxpb.MeshBells) []im.Bell {
	bells := make([]im.Bell, min(len(p.Users), len(p.Seqs)))
	for i := range bells {
		bells[i] = im.Bell{User: im.UserID(p.Users[i]), Seq: p.Seqs[i]}
	}
	return bells
}
