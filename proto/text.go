package proto

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

var makers = map[cxxpb.FrameType]func() Message{
	cxxpb.FrameType_FRAME_HELLO:         func() Message { return new(cxxpb.Hello) },
	cxxpb.FrameType_FRAME_HELLO_REPLY:   func() Message { return new(cxxpb.HelloReply) },
	cxxpb.FrameType_FRAME_LOGIN:         func() Message { return new(cxxpb.Login) },
	cxxpb.FrameType_FRAME_LOGIN_REPLY:   func() Message { return new(cxxpb.LoginReply) },
	cxxpb.FrameType_FRAME_SEND:          func() Message { return new(cxxpb.Send) },
	cxxpb.FrameType_FRAME_SEND_ACK:      func() Message { return new(cxxpb.SendAck) },
	cxxpb.FrameType_FRAME_PUSH:          func() Message { return new(cxxpb.Push) },
	cxxpb.FrameType_FRAME_CURSOR:        func() Message { return new(cxxpb.Cursor) },
	cxxpb.FrameType_FRAME_SYNC_REQUIRED: func() Message { return new(cxxpb.SyncRequired) },
	cxxpb.FrameType_FRAME_CALL:          func() Message { return new(cxxpb.Call) },
	cxxpb.FrameType_FRAME_REPLY:         func() Message { return new(cxxpb.Reply) },
	cxxpb.FrameType_FRAME_ERROR:         func() Message { return new(cxxpb.Error) },
	cxxpb.FrameType_FRAME_PRESENCE:      func() Message { return new(cxxpb.Presence) },
	cxxpb.FrameType_FRAME_SIGNAL:        func() Message { return new(cxxpb.Signal) },
	cxxpb.FrameType_FRAME_GO_AWAY:       func() Message { return new(cxxpb.GoAway) },
	cxxpb.FrameType_FRAME_ALLOCATE:      func() Message { return new(cxxpb.Allocate) },
	cxxpb.FrameType_FRAME_ALLOCATED:     func() Message { return new(cxxpb.Allocated) },
	cxxpb.FrameType_FRAME_POST:          func() Message { return new(cxxpb.PostPush) },
	cxxpb.FrameType_FRAME_MOVED:         func() Message { return new(cxxpb.Moved) },
}

// NewMessage returns an empty message for frames of type t, or nil when the
// type is not known.
func NewMessage(t cxxpb.FrameType) Message {
	if f := makers[t]; f != nil {
		return f()
	}
	return nil
}

// Name is a frame type in documents and traces: "SEND_ACK".
func Name(t cxxpb.FrameType) string {
	if t == cxxpb.FrameType_FRAME_NONE {
		return "HEARTBEAT"
	}
	return strings.TrimPrefix(t.String(), "FRAME_")
}

// Decode inflates and decodes the body of a frame. The error is an *im.Error;
// an unknown type gives CodeUnsupported.
func Decode(f Frame) (Message, error) {
	m := NewMessage(f.Type)
	if m == nil {
		return nil, im.Errorf(im.CodeUnsupported, "frame type %d is not known", f.Type)
	}
	body, err := Inflate(f)
	if err != nil {
		return nil, err
	}
	return m, Unmarshal(body, m)
}

// Fields that never appear in a trace, and those of which only the size does.
var (
	secretFields = map[protoreflect.Name]bool{"data": true, "token": true, "ticket": true, "password": true, "invite": true, "old": true, "new": true}
	contentField = map[protoreflect.Name]bool{
		"text": true, "ext": true, "note": true, "status": true, "subject": true, "about": true, "announcement": true, "reason": true,
	}
)

// Text is the form of a frame in traces: who sent it (C or S), its name, and the
// fields that are set. Secrets are left out, and of what people write only the
// size is shown.
func Text(f Frame, fromServer bool) string {
	side := "C"
	if fromServer {
		side = "S"
	}
	if f.Type == cxxpb.FrameType_FRAME_NONE {
		return side + ": HEARTBEAT"
	}
	m, err := Decode(f)
	if err != nil {
		return fmt.Sprintf("%s: %s (%d bytes: %s)", side, Name(f.Type), len(f.Body), im.CodeOf(err))
	}
	var b strings.Builder
	b.WriteString(side + ": " + Name(f.Type))
	if f.Flags&FlagZstd != 0 {
		b.WriteString(" zstd")
	}
	textFields(&b, m.(proto.Message).ProtoReflect())
	return b.String()
}

func textFields(b *strings.Builder, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !m.Has(fd) {
			continue
		}
		if fd.IsList() {
			list := m.Get(fd).List()
			for j := range list.Len() {
				textField(b, fd, list.Get(j))
			}
			continue
		}
		textField(b, fd, m.Get(fd))
	}
}

func textField(b *strings.Builder, fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	b.WriteByte(' ')
	b.WriteString(string(fd.Name()))
	switch {
	case fd.Kind() == protoreflect.MessageKind:
		b.WriteByte('{')
		var inner strings.Builder
		textFields(&inner, v.Message())
		b.WriteString(strings.TrimPrefix(inner.String(), " "))
		b.WriteByte('}')
	case secretFields[fd.Name()] && (fd.Kind() == protoreflect.StringKind || fd.Kind() == protoreflect.BytesKind):
		b.WriteString("=***")
	case contentField[fd.Name()] && fd.Kind() == protoreflect.BytesKind:
		fmt.Fprintf(b, "=(%d bytes)", len(v.Bytes()))
	case contentField[fd.Name()]:
		fmt.Fprintf(b, "=(%d bytes)", len(v.String()))
	case fd.Kind() == protoreflect.BytesKind:
		b.WriteString("=" + hex.EncodeToString(v.Bytes()))
	case fd.Kind() == protoreflect.StringKind:
		b.WriteString("=" + strconv.Quote(v.String()))
	case fd.Name() == "code":
		b.WriteString("=" + im.ErrorCode(v.Uint()).String())
	default:
		b.WriteString("=" + v.String())
	}
}
