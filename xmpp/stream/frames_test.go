package stream

import (
	"io"

	"github.com/gobwas/ws"
)

// readFrame reads one frame of at most a MiB, as a client does.
func readFrame(r io.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(r); err != nil {
		return f, err
	}
	const most = 1 << 20
	if f.Header.Length > most {
		return f, io.ErrShortBuffer
	}
	f.Payload = make([]byte, f.Header.Length)
	_, err = io.ReadFull(r, f.Payload)
	return f, err
}
