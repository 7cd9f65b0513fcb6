package c2s

import (
	"context"
	"errors"
	"io"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/stream"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// read feeds the session from a connection until that ends. It runs on the
// connection's goroutine. Its frame stays small, and so the stack of a client that
// is silent: what it does with an event is done elsewhere.
func (s *session) read(conn stream.Conn) {
	pace := &pacer{rate: s.srv.cfg.SendRate, burst: s.srv.cfg.SendBurst}
	for {
		ev, err := conn.Next()
		if err != nil {
			if !s.unread(conn, err) {
				return
			}
			continue
		}
		if !s.took(conn, ev, pace) {
			return
		}
	}
}

// unread handles what Next returns instead of an event; false: nothing more will
// come.
func (s *session) unread(conn stream.Conn, err error) bool {
	if errors.Is(err, stream.ErrIdle) {
		return s.poke(conn)
	}
	s.broken(conn, err)
	return false
}

// took hands an event to the runner; false: it was the last of the connection.
//
//go:noinline
func (s *session) took(conn stream.Conn, ev xmlstream.Event, pace *pacer) bool {
	switch ev.Kind {
	case xmlstream.Close:
		s.queue.post(event{kind: evCall, call: func(context.Context) { s.closed(conn) }})
		return false
	case xmlstream.Open:
		s.fail(conn, stream.Errorf(xmlstream.BadFormat, "a stream header within the stream"))
		return false
	}
	s.heard()
	if stanza.IsStanza(ev.Element) {
		pace.wait(s.ctx)
	}
	return s.queue.postStanza(ev.Element, conn)
}

// done returns when the session has done with a connection that is not read any
// more: whoever serves it closes it then, and must not cut off the last words.
func (s *session) done(conn stream.Conn) {
	left := make(chan struct{})
	s.queue.post(event{kind: evCall, call: func(context.Context) {
		s.lost(conn) // unless that is known
		close(left)
	}})
	select {
	case <-left:
	case <-s.ctx.Done(): // it has ended, with all that it had to say
	}
}

// broken ends a connection that cannot be read on.
func (s *session) broken(conn stream.Conn, err error) {
	var x *xmlstream.Error
	if errors.As(err, &x) {
		s.fail(conn, stream.FromXML(x))
		return
	}
	if !errors.Is(err, io.EOF) {
		s.srv.log.Debug("connection broke", "session", s.core.ID(), "user", s.core.User(), "err", err)
	}
	s.queue.post(event{kind: evCall, call: func(context.Context) { s.lost(conn) }})
}

// fail ends the session for a mistake of its client on conn.
func (s *session) fail(conn stream.Conn, reason *stream.Error) {
	s.queue.post(event{kind: evCall, call: func(context.Context) {
		if s.conn == conn {
			s.end(reason, false)
		}
	}})
}
