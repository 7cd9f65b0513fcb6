package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// dial connects to a peer and exchanges hellos.
func (m *Mesh) dial(ctx context.Context, n im.Node) (l *link, err error) {
	if m.tls.plain && !isLoopback(n.Mesh) {
		return nil, fmt.Errorf("mesh: links without TLS are for loopback only, and node %d is at %s", n.ID, n.Mesh)
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.DialTimeout.D())
	defer cancel()
	raw, err := m.dialNet(ctx, n.Mesh)
	if err != nil {
		return nil, fmt.Errorf("mesh: dial %s: %w", n.Mesh, err)
	}
	release := guard(ctx, raw)
	defer func() {
		if !release() {
			l, err = nil, m.late(ctx)
		}
		if err != nil {
			_ = raw.Close()
		}
	}()
	conn, certified, err := m.tls.client(ctx, raw, n.ID)
	if err != nil {
		return nil, err
	}
	if err := writeFrame(conn, frameHello, m.hello()); err != nil {
		return nil, fmt.Errorf("mesh: send the hello: %w", err)
	}
	r := newReader(conn)
	h, err := readHello(r)
	if err != nil {
		return nil, err
	}
	if err := m.check(h, certified); err != nil {
		return nil, err
	}
	if im.NodeID(h.Node) != n.ID {
		return nil, fmt.Errorf("mesh: node %d was dialled at %s and node %d answered", n.ID, n.Mesh, h.Node)
	}
	if h.Epoch < n.Epoch {
		return nil, fmt.Errorf("mesh: at %s an earlier incarnation of node %d answered (%d, the lease has %d)", n.Mesh, n.ID, h.Epoch, n.Epoch)
	}
	return m.newLink(raw, conn, r, h, true)
}

// guard closes raw when ctx ends, until released. Released is false when that
// has happened.
func guard(ctx context.Context, raw net.Conn) (release func() bool) {
	return context.AfterFunc(ctx, func() { _ = raw.Close() })
}

// late says why a connection was closed before its hello.
func (m *Mesh) late(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("mesh: there was no hello within %s", m.cfg.DialTimeout)
	}
	return errStopped
}

// mostHandshakes is how many connections may be between accept and hello.
const mostHandshakes = 64

func (m *Mesh) accept(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	slots := make(chan struct{}, mostHandshakes)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		raw, err := ln.Accept()
		if err == nil {
			m.tasks.Go(func() {
				defer func() { <-slots }()
				m.welcome(ctx, raw)
			})
			continue
		}
		<-slots
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("mesh: accept: %w", err)
		}
		m.log.Warn("peer was not accepted", "err", err) // too many open files, and the like
		pause(ctx, m.cfg.RedialMin.D(), nil)
	}
}

// welcome takes a connection as far as the hellos and gives it to the owner.
func (m *Mesh) welcome(ctx context.Context, raw net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.DialTimeout.D())
	defer cancel()
	release := guard(ctx, raw)
	l, err := m.greet(ctx, raw)
	if !release() {
		err = m.late(ctx)
	}
	if err == nil {
		err = m.peer(l.peer).offer(l)
	}
	if err == nil {
		return
	}
	_ = raw.Close()
	if errors.Is(ctx.Err(), context.Canceled) || errors.Is(err, errStopped) {
		return
	}
	m.metrics.refused.Inc()
	level := slog.LevelDebug
	if now, last := time.Now().Unix(), m.warned.Load(); now != last && m.warned.CompareAndSwap(last, now) {
		level = slog.LevelWarn // once per second, whoever knocks
	}
	m.log.Log(ctx, level, "connection was refused", "remote", raw.RemoteAddr(), "err", err)
}

func (m *Mesh) greet(ctx context.Context, raw net.Conn) (*link, error) {
	conn, certified, err := m.tls.server(ctx, raw)
	if err != nil {
		return nil, err
	}
	r := newReader(conn)
	h, err := readHello(r)
	if err != nil {
		return nil, err
	}
	if err := m.admit(h, certified); err != nil {
		_ = writeFrame(conn, frameError, &cxxpb.Error{Code: uint32(im.CodeInvalid), Detail: err.Error()})
		return nil, err
	}
	if err := writeFrame(conn, frameHello, m.hello()); err != nil {
		return nil, fmt.Errorf("mesh: answer the hello: %w", err)
	}
	return m.newLink(raw, conn, r, h, false)
}

func (m *Mesh) admit(h *cxxpb.MeshHello, certified im.NodeID) error {
	if err := m.check(h, certified); err != nil {
		return err
	}
	if h.Node > uint32(m.self.ID) {
		return fmt.Errorf("mesh: node %d has dialled node %d; of two nodes the lower one dials", h.Node, m.self.ID)
	}
	return m.peer(im.NodeID(h.Node)).admits(h.Epoch)
}

// pause waits for d, or less when ctx ends or something is sent on wake; then
// it returns true.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-t.C:
		return false
	}
	return true
}
