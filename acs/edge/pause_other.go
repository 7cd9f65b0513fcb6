//go:build !linux

package edge

import "golang.org/x/sys/unix"

// listen is not possible here: a client over its limits is closed when it fills
// the buffer behind the pause.
func (t *tcpConn) listen(bool) bool { return false }

func shutdownWrite(fd int) { _ = unix.Shutdown(fd, unix.SHUT_WR) }
