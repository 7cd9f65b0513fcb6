package web

import (
	"net"
	"net/http"
	"sync"
)

// fresh holds the connections that have not sent a request yet. A server that
// shuts down would wait five seconds for one, and browsers and probes keep them.
type fresh struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu; nil after close
}

func newFresh() *fresh { return &fresh{conns: make(map[net.Conn]struct{})} }

// note is the ConnState hook of the server.
func (f *fresh) note(c net.Conn, state http.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(f.conns, c)
	case f.conns == nil:
		_ = c.Close()
	default:
		f.conns[c] = struct{}{}
	}
}

func (f *fresh) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}
