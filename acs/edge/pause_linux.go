package edge

import (
	"reflect"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// The engine has no call to stop reading from a socket; without one a client
// that sends faster than it may would fill our memory instead of its own. The
// interest in a descriptor can be changed from outside by whoever knows the
// poller's descriptor, which pollFD reads (never writes) from the engine's
// structures. The engine itself sets the interest again when it starts or ends
// waiting for room to write: then a chunk is read, kept, and reading stops anew.

// pollFD returns the epoll descriptor of a connection's loop, or -1.
func pollFD(g gnet.Conn) int {
	v := reflect.ValueOf(g)
	for _, field := range []string{"loop", "poller", "fd"} {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return -1
		}
		if v = v.FieldByName(field); !v.IsValid() {
			return -1
		}
	}
	if v.Kind() != reflect.Int {
		return -1
	}
	return int(v.Int())
}

// listen sets whether the poller reports what can be read. It reports success.
func (t *tcpConn) listen(on bool) bool {
	if t.loop.pollFD < 0 {
		if t.loop.pollFD = pollFD(t.g); t.loop.pollFD < 0 {
			return false
		}
	}
	var events uint32
	if on {
		events = unix.EPOLLIN | unix.EPOLLPRI
	}
	if t.g.OutboundBuffered() > 0 {
		events |= unix.EPOLLOUT
	}
	fd := t.g.Fd()
	return unix.EpollCtl(t.loop.pollFD, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Fd: int32(fd), Events: events}) == nil
}

// shutdownWrite ends our side of a connection.
func shutdownWrite(fd int) { _ = unix.Shutdown(fd, unix.SHUT_WR) }
