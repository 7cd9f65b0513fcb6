package proto

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Flags of the type-and-flags byte. The low six bits are the type.
const (
	// FlagZstd marks a body compressed with zstd.
	FlagZstd byte = 0x80
	// FlagOptional marks a frame that a receiver may ignore when it does not
	// know the type; it answers UNSUPPORTED otherwise.
	FlagOptional byte = 0x40

	typeMask = 0x3f
)

// Frame size limits in bytes, of what the length counts (contract section 3).
const (
	MaxFrameBeforeLogin = 4 << 10
	MaxFrameAfterLogin  = 256 << 10
)

// maxLengthBytes bounds the length varint: 28 bits.
const maxLengthBytes = 4

// Heartbeat is the frame of length zero.
const Heartbeat byte = 0

// Frame is one frame as it lies in a read buffer: Body aliases the buffer.
type Frame struct {
	Type  cxxpb.FrameType // FRAME_NONE: a heartbeat
	Flags byte
	Body  []byte
}

// Parse finds the first frame in buf. n is the number of bytes it takes; n zero
// without error means that buf does not hold a whole frame yet. The length is
// checked against limit as soon as it can be read, before the body is there.
// The error is an *im.Error that closes the connection.
func Parse(buf []byte, limit int) (f Frame, n int, err error) {
	size, used, err := parseLength(buf)
	if err != nil || used == 0 {
		return Frame{}, 0, err
	}
	if size == 0 {
		return Frame{}, used, nil
	}
	if size > limit {
		return Frame{}, 0, im.Errorf(im.CodeFrameTooLarge, "a frame of %d bytes is over the limit of %d", size, limit)
	}
	if len(buf)-used < size {
		return Frame{}, 0, nil
	}
	head := buf[used]
	if head&typeMask == 0 {
		return Frame{}, 0, im.Errorf(im.CodeMalformed, "frame type 0 has no body; a heartbeat is a single zero byte")
	}
	return Frame{
		Type:  cxxpb.FrameType(head & typeMask),
		Flags: head &^ typeMask,
		Body:  buf[used+1 : used+size],
	}, used + size, nil
}

func parseLength(buf []byte) (size, used int, err error) {
	for i := 0; i < len(buf) && i < maxLengthBytes; i++ {
		size |= int(buf[i]&0x7f) << (7 * i)
		if buf[i] < 0x80 {
			if i > 0 && buf[i] == 0 {
				return 0, 0, im.Errorf(im.CodeMalformed, "the frame length is not written in the fewest bytes")
			}
			return size, i + 1, nil
		}
	}
	if len(buf) >= maxLengthBytes {
		return 0, 0, im.Errorf(im.CodeFrameTooLarge, "the frame length does not fit %d bytes", maxLengthBytes)
	}
	return 0, 0, nil
}

// Message is what vtprotobuf generates for every message.
type Message interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
}

// AppendFrame appends m as a frame of type t. Marshalling into a buffer of the
// right size cannot fail for the messages of cxxpb; a failure is a bug and
// panics.
func AppendFrame(dst []byte, t cxxpb.FrameType, flags byte, m Message) []byte {
	body := m.SizeVT()
	dst = binary.AppendUvarint(dst, uint64(body+1))
	dst = append(dst, byte(t)|flags)
	start := len(dst)
	dst = append(dst, make([]byte, body)...)
	if _, err := m.MarshalToSizedBufferVT(dst[start:]); err != nil {
		panic(fmt.Sprintf("proto: marshal %T: %v", m, err))
	}
	return dst
}

// AppendRaw appends a frame whose body is encoded (and perhaps compressed)
// already.
func AppendRaw(dst []byte, t cxxpb.FrameType, flags byte, body []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(body)+1))
	dst = append(dst, byte(t)|flags)
	return append(dst, body...)
}

// FrameSize returns the bytes on the wire of a frame with a body of n bytes.
func FrameSize(n int) int { return 1 + n + (bits.Len(uint(n+1))+6)/7 }
