package socket

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// crypto/tls keeps the buffers of a connection's handshake and of its largest
// record for as long as the connection lives: three of the nine kilobytes that
// an idle connection would cost, and up to 32 after one large record. There is
// no call to release them. trimOffsets finds the two buffers in the structure;
// when a release of Go has them no more, nothing is trimmed and memory is the
// only thing lost. TestTrim notices.
var trimOffsets = func() (offsets []uintptr) {
	t := reflect.TypeFor[tls.Conn]()
	for _, name := range []string{"hand", "rawInput"} {
		if f, ok := t.FieldByName(name); ok && f.Type == reflect.TypeFor[bytes.Buffer]() {
			offsets = append(offsets, f.Offset)
		}
	}
	return offsets
}()

// Trim releases the buffers of a connection that has nothing in them: an empty
// bytes.Buffer is as good as a zero one. Only the goroutine that reads from the
// connection may call it, after the handshake.
func Trim(c *tls.Conn) (freed int) {
	for _, offset := range trimOffsets {
		b := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), offset))
		if b.Len() == 0 && b.Cap() > 0 {
			freed += b.Cap()
			*b = bytes.Buffer{}
		}
	}
	return freed
}
