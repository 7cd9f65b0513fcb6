package c2s

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/xmpp/stream"
)

// lost notes that conn is gone: the client may come back and resume.
func (s *session) lost(conn stream.Conn) {
	if conn != s.conn || s.over {
		return
	}
	if !s.resumable() || s.srv.draining.Load() {
		s.end(nil, true)
		return
	}
	s.srv.closeLater(conn, nil)
	s.attach(nil)
	s.later(s.srv.cfg.Grace.D(), s.hide)
}

// later runs f on the runner when d has passed and the client is still away.
func (s *session) later(d time.Duration, f func()) {
	s.away = time.AfterFunc(d, func() {
		s.queue.post(event{kind: evCall, call: func(context.Context) {
			if s.conn == nil {
				f()
			}
		}})
	})
}

// hide shows the user's contacts that the client is away for longer than a change
// of networks takes (contract clause 9). It may still come back.
func (s *session) hide() {
	if s.available {
		s.hidden = true
		s.announce(s.ctx)
	}
	s.later(s.srv.cfg.ResumeWindow.D()-s.srv.cfg.Grace.D(), func() { s.end(nil, true) })
}

// closed ends the session as its client wished (RFC 6120 section 4.4).
func (s *session) closed(conn stream.Conn) {
	if conn == s.conn {
		s.end(nil, false)
	}
}

// attach sets where the client is.
func (s *session) attach(conn stream.Conn) {
	s.conn = conn
	if s.away != nil {
		s.away.Stop()
		s.away = nil
	}
}

// end ends the session once, on its runner. silent: the client is not there to
// hear it.
func (s *session) end(reason *stream.Error, silent bool) {
	if s.over {
		return
	}
	s.over = true
	conn := s.conn
	s.queue.close()
	s.leave()
	s.core.Close()
	if conn != nil {
		if len(s.out) > 0 && !silent {
			_ = conn.Send(s.out...) // the last words; the connection may be gone
		}
		conn.Close(reason)
	}
	s.out, s.sm.unacked = nil, nil
	s.cancel()
	s.srv.forget(s)
	s.asks.abort(context.Background())
}
