package proto

import (
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// CompressFrom is the size in bytes from which a body is worth compressing.
const CompressFrom = 1 << 10

// The coders are made at first use: they hold some hundred kilobytes.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
			zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
		if err != nil {
			panic("proto: zstd: " + err.Error())
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxFrameFromServer), zstd.WithDecoderMaxWindow(1<<20))
		if err != nil {
			panic("proto: zstd: " + err.Error())
		}
		return d
	})
)

// AppendFrameZstd is AppendFrame for a receiver that has FEATURE_ZSTD: a body of
// CompressFrom bytes or more is compressed when that makes it smaller.
func AppendFrameZstd(dst []byte, t cxxpb.FrameType, m Message) []byte {
	n := m.SizeVT()
	if n < CompressFrom {
		return AppendFrame(dst, t, 0, m)
	}
	body := make([]byte, n)
	if _, err := m.MarshalToSizedBufferVT(body); err != nil {
		panic("proto: marshal: " + err.Error())
	}
	packed := encoder().EncodeAll(body, make([]byte, 0, n/2))
	if len(packed) >= n {
		return AppendRaw(dst, t, 0, body)
	}
	return AppendRaw(dst, t, FlagZstd, packed)
}

// Inflate returns the body of a frame as it was before compression; a body that
// is not compressed comes back as it is. The error is an *im.Error.
func Inflate(f Frame) ([]byte, error) {
	if f.Flags&FlagZstd == 0 {
		return f.Body, nil
	}
	body, err := decoder().DecodeAll(f.Body, nil)
	if err != nil {
		return nil, &im.Error{Code: im.CodeMalformed, Detail: "a compressed frame cannot be decompressed", Err: err}
	}
	if len(body) > MaxFrameFromServer {
		return nil, im.Errorf(im.CodeFrameTooLarge, "a compressed frame holds more than %d bytes", MaxFrameFromServer)
	}
	return body, nil
}
