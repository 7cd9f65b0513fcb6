package stream

import (
	"bytes"
	"errors"
	"io"

	"github.com/gobwas/ws"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

var (
	errNoStartTLS = errors.New("xmpp: TLS is the business of HTTP here")
	errBrokenWS   = errors.New("xmpp: the client broke the rules of WebSocket")
)

// Next implements Conn.
func (c *wsConn) Next() (xmlstream.Event, error) {
	if err := c.flush(); err != nil {
		return xmlstream.Event{}, err
	}
	for c.err == nil {
		ev, err := c.read()
		switch {
		case errors.Is(err, ErrIdle) && !c.closed.Load():
			return xmlstream.Event{}, err
		case err != nil:
			c.err = err
		case c.closed.Load() && ev.Kind != xmlstream.Close:
			// said after our end
		case c.closed.Load():
			c.err = io.EOF
		default:
			return ev, nil
		}
	}
	switch {
	case c.closed.Load():
		return xmlstream.Event{}, io.EOF
	case errors.Is(c.err, ErrLogin):
		c.Close(errNoLogin)
	}
	return xmlstream.Event{}, c.err
}

// read returns what the next message says.
func (c *wsConn) read() (xmlstream.Event, error) {
	for {
		text, err := c.receive()
		if err != nil {
			return xmlstream.Event{}, err
		}
		if len(bytes.Trim(text.data, " \t\r\n")) == 0 {
			text.free() // a keepalive as on TCP; RFC 7395 section 3.8 has pings for it
			continue
		}
		e, err := xmlstream.Parse(text.data, xmlstream.Standalone, c.srv.cfg.XML.WithStanza(c.max))
		text.free()
		if err != nil {
			return xmlstream.Event{}, c.judge(err)
		}
		return c.event(e)
	}
}

// judge chooses the status of a connection whose client sends what no stream
// can hold.
func (c *wsConn) judge(err error) error {
	var x *xmlstream.Error
	if errors.As(err, &x) && x.Condition == xmlstream.UnsupportedEncoding {
		c.status = ws.StatusInvalidFramePayloadData // RFC 6455 section 8.1
	}
	return err
}

// event translates the frames of RFC 7395 section 3.3.2.
func (c *wsConn) event(e *xmlstream.Element) (xmlstream.Event, error) {
	switch {
	case e.Is(nsFraming, "open"):
		c.open = true
		head := xmlstream.New(xmlstream.NSStreams, "stream")
		head.Attrs = e.Attrs
		return xmlstream.Event{Kind: xmlstream.Open, Element: head, Content: xmlstream.NSClient}, nil
	case e.Is(nsFraming, "close"):
		c.over = true
		return xmlstream.Event{Kind: xmlstream.Close}, nil
	case !c.open || e.Space == nsFraming:
		return xmlstream.Event{}, &xmlstream.Error{Condition: xmlstream.BadFormat, Reason: "an element where open was expected"}
	}
	return xmlstream.Event{Kind: xmlstream.Stanza, Element: e}, nil
}

// receive returns a whole text message.
func (c *wsConn) receive() (*outBuffer, error) {
	for {
		if _, err := c.in.Peek(1); err != nil {
			if errors.Is(err, ErrIdle) && c.message == nil {
				return nil, err
			}
			return nil, c.broke(err)
		}
		h, err := ws.ReadHeader(c.in)
		if err != nil {
			return nil, c.broke(err)
		}
		state := ws.StateServerSide
		if c.message != nil {
			state |= ws.StateFragmented
		}
		switch {
		case ws.CheckHeader(h, state) != nil || h.Rsv != 0:
			return nil, c.violated(ws.StatusProtocolError)
		case h.OpCode == ws.OpBinary:
			return nil, c.violated(ws.StatusUnsupportedData) // RFC 7395 section 3.2
		case h.OpCode.IsControl():
			if err := c.control(h); err != nil {
				return nil, err
			}
			continue
		}
		if err := c.payload(h); err != nil {
			return nil, err
		}
		if h.Fin {
			m := c.message
			c.message = nil
			return m, nil
		}
	}
}

// payload adds a frame to the message.
func (c *wsConn) payload(h ws.Header) error {
	if c.message == nil {
		c.message = newBuffer()
	}
	m := c.message
	start := len(m.data)
	if h.Length > int64(c.max-start) {
		c.status = ws.StatusMessageTooBig
		return &xmlstream.Error{Condition: xmlstream.PolicyViolation, Reason: "the stanza is over the size limit", Offset: int64(start)}
	}
	// The memory grows with what has come, not with what was announced.
	for left := int(h.Length); left > 0; {
		n := min(left, 4<<10)
		at := len(m.data)
		m.data = append(m.data, make([]byte, n)...)
		if _, err := io.ReadFull(c.in, m.data[at:]); err != nil {
			return c.broke(err)
		}
		left -= n
	}
	ws.Cipher(m.data[start:], h.Mask, 0)
	return nil
}

// control answers pings and the end.
func (c *wsConn) control(h ws.Header) error {
	var space [ws.MaxControlFramePayloadSize]byte
	payload := space[:h.Length]
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return c.broke(err)
	}
	ws.Cipher(payload, h.Mask, 0)
	switch h.OpCode {
	case ws.OpClose:
		// RFC 7395 section 3.6: without <close/> before it, the connection is
		// lost, not the stream ended.
		c.mu.Lock()
		c.ended = true
		c.mu.Unlock()
		if c.over {
			return io.EOF
		}
		c.over = true
		return io.ErrUnexpectedEOF
	case ws.OpPing:
		return c.pong(payload)
	}
	return nil
}

func (c *wsConn) pong(payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return io.ErrClosedPipe
	}
	if _, err := c.wire.Write(appendControl(nil, ws.OpPong, payload)); err != nil {
		c.fail()
		return err
	}
	return nil
}

// violated ends a connection on which nothing can be read any more.
func (c *wsConn) violated(status ws.StatusCode) error {
	c.status = status
	return errBrokenWS
}

// broke makes sense of the end of the connection.
func (c *wsConn) broke(err error) error {
	switch {
	case errors.Is(err, io.EOF) && c.over:
		return io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, ErrIdle): // silent within a message
		return io.ErrUnexpectedEOF
	}
	return err
}
