package edge

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// foreign recognises, by the first bytes, what cannot be C-XX: HTTP, a TLS
// handshake, SSH.
func foreign(data []byte) bool {
	for _, start := range []string{"GET ", "POST", "HEAD", "PUT ", "OPTI", "CONN", "PRI ", "SSH-", "<?xm", "<str", "\x16\x03\x01", "\x16\x03\x03"} {
		if len(data) >= len(start) && string(data[:len(start)]) == start {
			return true
		}
	}
	return false
}

// notCXX answers another protocol so that a person can tell what is wrong.
func notCXX(data []byte) func([]byte) []byte {
	switch data[0] {
	case 0x16:
		// A fatal TLS alert, unexpected_message: the client reports an error at once.
		return func(b []byte) []byte { return append(b, 0x15, 3, 3, 0, 2, 2, 10) }
	case 'G', 'P', 'H', 'O', 'C':
		return func(b []byte) []byte {
			return append(b, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port speaks C-XX, not HTTP.\n"...)
		}
	}
	return func(b []byte) []byte {
		e := im.Errorf(im.CodeMalformed, "this port speaks C-XX")
		return proto.AppendFrame(b, cxxpb.FrameType_FRAME_ERROR, 0, proto.ErrorToPB(0, e))
	}
}
