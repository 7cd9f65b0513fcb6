package proto

import (
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// MaxFrameFromServer is what a client must be able to receive: the server's
// pages are cut to MaxFrameAfterLogin, a long contact list is not.
const MaxFrameFromServer = 4 << 20

// The messages of the hot path are reused, because a protobuf message escapes
// through the interface that AppendFrame takes.
var (
	acks   = sync.Pool{New: func() any { return new(cxxpb.SendAck) }}
	pushes = sync.Pool{New: func() any { return &cxxpb.Push{Entries: make([]*cxxpb.Entry, 1)} }}
	sends  = sync.Pool{New: func() any { return new(cxxpb.Send) }}
)

// AppendSendAck appends the acknowledgement of request id.
func AppendSendAck(dst []byte, id uint32, a im.Ack) []byte {
	m := acks.Get().(*cxxpb.SendAck)
	m.Id, m.MsgId, m.Seq, m.Duplicate = id, uint64(a.MsgID), a.Seq, a.Duplicate
	dst = AppendFrame(dst, cxxpb.FrameType_FRAME_SEND_ACK, 0, m)
	acks.Put(m)
	return dst
}

// AppendPush appends a push of one entry to a session of owner.
func AppendPush(dst []byte, e *im.Entry, owner im.UserID) []byte {
	m := pushes.Get().(*cxxpb.Push)
	m.Entries[0] = EntryToPB(e, owner)
	dst = AppendFrame(dst, cxxpb.FrameType_FRAME_PUSH, 0, m)
	m.Entries[0] = nil
	pushes.Put(m)
	return dst
}

// ParseSend decodes the body of a Send. The result holds copies. The error is
// an *im.Error; id is that of the request as far as it could be read.
func ParseSend(body []byte) (id uint32, m im.Outgoing, err error) {
	p := sends.Get().(*cxxpb.Send)
	defer func() {
		clientID := p.ClientId[:0]
		p.Reset()
		p.ClientId = clientID
		sends.Put(p)
	}()
	if err := Unmarshal(body, p); err != nil {
		return 0, m, err
	}
	if p.Id == 0 {
		return 0, m, NoID()
	}
	switch len(p.ClientId) {
	case 0, len(m.ClientID):
		copy(m.ClientID[:], p.ClientId)
	default:
		return p.Id, m, im.Errorf(im.CodeInvalid, "client_id has %d bytes; it must have %d", len(p.ClientId), len(m.ClientID))
	}
	m.To, m.Text = im.UserID(p.To), p.Text
	m.Group, m.Mentions, m.All = im.GroupID(p.Group), UserIDs(p.Mentions), p.All
	if len(p.Ext) > 0 {
		m.Ext = p.Ext
	}
	return p.Id, m, nil
}

// NoID is the error of a request without an id. It closes the connection,
// because nothing else could answer it.
func NoID() *im.Error {
	return im.Errorf(im.CodeMalformed, "a request needs an id above zero")
}
