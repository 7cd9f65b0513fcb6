package edge

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
)

func (h *handshake) empty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fed == 0
}

// feed adds ciphertext; false when there is too much of it.
func (h *handshake) feed(data []byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fed += len(data); len(h.in)+len(data) > maxHandshakeBytes+cap64k(h.done) {
		return false
	}
	h.in = append(h.in, data...)
	h.signal()
	return true
}

// cap64k is the allowance for what a client sends right behind its handshake.
func cap64k(done bool) int {
	if done {
		return 64 << 10
	}
	return 0
}

// hasRecord reports whether the first record is complete, so that a client that
// sends less costs no worker.
func (h *handshake) hasRecord() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.in) >= 5 && len(h.in)-5 >= int(h.in[3])<<8|int(h.in[4])
}

func (h *handshake) signal() {
	if h.more.L != nil {
		h.more.Broadcast()
	}
}

// read is the worker's; it blocks.
func (h *handshake) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.more.L = &h.mu
	for len(h.in) == 0 && !h.gone {
		h.more.Wait()
	}
	if h.gone {
		return 0, net.ErrClosed
	}
	n := copy(p, h.in)
	if h.in = h.in[n:]; len(h.in) == 0 {
		h.in = nil
	}
	return n, nil
}

func (h *handshake) write(p []byte) {
	h.mu.Lock()
	h.out = append(h.out, p...)
	h.mu.Unlock()
}

// finish is the worker's last word.
func (h *handshake) finish(err error) {
	h.mu.Lock()
	h.done, h.err = true, err
	h.mu.Unlock()
}

// over reports whether the worker has finished.
func (h *handshake) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done
}

// end makes the worker give up.
func (h *handshake) end() {
	h.mu.Lock()
	h.gone = true
	h.signal()
	h.mu.Unlock()
}

// progress takes what is to be sent and says how far the worker is.
func (h *handshake) progress() (out []byte, done bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out, h.out = h.out, nil
	return out, h.done, h.err
}

// handshakes bounds the workers; those above the limit wait in order.
type handshakes struct {
	mu      sync.Mutex
	limit   int
	running int        // guarded by mu
	waiting []*tlsLink // guarded by mu
}

func (p *handshakes) pending() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(p.running + len(p.waiting))
}

// start runs the handshake of l on a worker, now or when there is one.
func (p *handshakes) start(l *tlsLink) {
	p.mu.Lock()
	if p.running >= p.limit {
		p.waiting = append(p.waiting, l)
		p.mu.Unlock()
		return
	}
	p.running++
	p.mu.Unlock()
	l.t.c.srv.runners.Go(func() { p.work(l) })
}

// work does handshakes until none waits.
func (p *handshakes) work(l *tlsLink) {
	for l != nil {
		l.shake()
		p.mu.Lock()
		if len(p.waiting) == 0 {
			l = nil
			p.running--
			p.waiting = nil
		} else {
			l = p.waiting[0]
			p.waiting[0] = nil
			p.waiting = p.waiting[1:]
		}
		p.mu.Unlock()
	}
}

// shake is the work of one handshake.
func (l *tlsLink) shake() {
	hs := l.hs
	if hs == nil {
		return
	}
	err := l.conn.Handshake()
	hs.finish(err)
	l.t.wake()
}

// handshakeReason puts a failed handshake in one of a few classes.
func handshakeReason(err error) string {
	var alert tls.AlertError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return "closed"
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error"):
		return "alert"
	case errors.As(err, &cert):
		return "certificate"
	case strings.Contains(err.Error(), "application protocol"):
		return "alpn"
	case strings.Contains(err.Error(), "version"):
		return "version"
	}
	return "protocol"
}
