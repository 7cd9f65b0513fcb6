package edge

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/gobwas/ws"

	"github.com/cxx-im/cxx/im"
)

// serve reads until the connection ends, and returns when the writer has ended
// too.
func (w *wsConn) serve(r io.Reader) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.writer()
	}()
	reason := w.reader(deadlined{w, r})
	w.c.finish(reason, nil)
	<-written
	_ = w.net.Close()
	w.c.gone(reason, func() {
		w.c.srv.ws.remove(w)
		w.c.srv.open[overWS].Add(-1)
	})
}

// reader cuts WebSocket frames, takes their payload as it comes, and returns
// why it ended.
func (w *wsConn) reader(r deadlined) string {
	buf := make([]byte, 4<<10)
	fragmented := false
	for {
		h, err := ws.ReadHeader(r)
		if err != nil {
			return w.ended(err)
		}
		state := ws.StateServerSide
		if fragmented {
			state |= ws.StateFragmented
		}
		// A frame of WebSocket may hold many of ours; each of ours has its limit.
		if ws.CheckHeader(h, state) != nil || h.OpCode == ws.OpText || h.Rsv != 0 {
			return reasonProto
		}
		if h.OpCode.IsControl() {
			if reason := w.control(h, r); reason != "" {
				return reason
			}
			continue
		}
		fragmented = !h.Fin
		for offset := int64(0); offset < h.Length; {
			n, err := r.Read(buf[:min(int64(len(buf)), h.Length-offset)])
			if err != nil {
				return w.ended(err)
			}
			ws.Cipher(buf[:n], h.Mask, int(offset))
			offset += int64(n)
			w.c.srv.metrics.bytesIn.Add(float64(n))
			w.c.consume(buf[:n])
			w.await()
		}
		if h.Fin && len(w.c.in) > 0 {
			w.c.fail(im.Errorf(im.CodeMalformed, "a WebSocket message ended inside a frame"))
			return reasonOf(im.CodeMalformed)
		}
	}
}

// await waits while the session may not read.
func (w *wsConn) await() {
	for w.c.paused.Load() && !w.c.is(closing) {
		w.c.srv.metrics.pauses.backlog.Inc()
		timer := time.NewTimer(max(w.c.until-w.c.srv.now(), w.c.srv.tick))
		select {
		case <-w.resume:
		case <-timer.C:
		}
		timer.Stop()
		w.c.resume()
	}
}

// control deals with ping, pong and close.
func (w *wsConn) control(h ws.Header, r deadlined) (reason string) {
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return w.ended(err)
	}
	ws.Cipher(payload, h.Mask, 0)
	switch h.OpCode {
	case ws.OpClose:
		return reasonPeer
	case ws.OpPing:
		w.mu.Lock()
		// One answer to the latest of several pings is enough (RFC 6455, 5.5.3).
		w.pongs = ws.MustCompileFrame(ws.NewPongFrame(payload))
		w.mu.Unlock()
		w.wake()
	}
	return ""
}

// ended turns a read error into a reason, telling the client when it was late.
func (w *wsConn) ended(err error) string {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return reasonPeer
	}
	e := im.Errorf(im.CodeIdle, "nothing was heard for too long")
	w.mu.Lock()
	leaving := !w.leave.IsZero() && !time.Now().Before(w.leave)
	w.mu.Unlock()
	switch {
	case leaving:
		e = im.Errorf(im.CodeGoAway, "the server goes down")
	case !w.c.is(loggedIn):
		e = im.Errorf(im.CodeTimeout, "no login within the time for it")
	}
	w.c.fail(e)
	return reasonOf(e.Code)
}

// deadlined reads with the deadline of the connection's state.
type deadlined struct {
	w *wsConn
	r io.Reader
}

func (d deadlined) Read(p []byte) (int, error) {
	since := time.Now()
	for {
		if err := d.w.setDeadline(since); err != nil {
			return 0, err
		}
		n, err := d.r.Read(p)
		// The state may have changed while we waited, and with it the deadline.
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(d.w.due(since)) {
			continue
		}
		return n, err
	}
}

// due is when a read that began at since is late.
func (w *wsConn) due(since time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dueLocked(since)
}

func (w *wsConn) dueLocked(since time.Time) time.Time {
	cfg := &w.c.srv.cfg
	due := since.Add(cfg.IdleTimeout.D())
	switch {
	case w.c.is(closing):
		due = since.Add(lingerTime)
	case !w.c.is(loggedIn):
		due = w.opened.Add(cfg.LoginTimeout.D())
	}
	if !w.leave.IsZero() && w.leave.Before(due) {
		due = w.leave
	}
	return due
}

func (w *wsConn) setDeadline(since time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.net.SetReadDeadline(w.dueLocked(since))
}

// leaveAt makes the connection end at a moment; a read that waits learns it.
func (w *wsConn) leaveAt(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave = at
	_ = w.net.SetReadDeadline(at)
}

// writer sends what the outbox holds, a message per flush, until the connection
// closes.
func (w *wsConn) writer() {
	for range w.flush {
		last := w.c.is(closing)
		b := w.c.out.take()
		w.mu.Lock()
		control := w.pongs
		w.pongs = nil
		w.mu.Unlock()
		if err := w.write(control, b); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				w.c.slow()
			}
			w.c.finish(reasonPeer, nil)
			_ = w.net.Close() // the reader ends
			return
		}
		putBuffer(b)
		if last {
			w.sayGoodbye()
			w.leaveAt(time.Now().Add(lingerTime))
			return
		}
	}
}

// write puts frames into messages of a bounded size: whole frames each.
func (w *wsConn) write(control, b []byte) error {
	if len(control) == 0 && len(b) == 0 {
		return nil
	}
	w.c.out.setUnsent(len(b))
	defer func() {
		if w.c.out.setUnsent(0) {
			w.wake()
		}
	}()
	_ = w.net.SetWriteDeadline(time.Now().Add(w.c.srv.cfg.ProgressTimeout.D()))
	bufs := net.Buffers{}
	if len(control) > 0 {
		bufs = append(bufs, control)
	}
	if len(b) > 0 {
		w.c.srv.metrics.flushes.Inc()
		w.c.srv.metrics.bytesOut.Add(float64(len(b)))
		head, err := headerBytes(len(b))
		if err != nil {
			return err
		}
		bufs = append(bufs, head, b)
	}
	_, err := bufs.WriteTo(w.net)
	return err
}

func headerBytes(n int) ([]byte, error) {
	var h sliceWriter
	err := ws.WriteHeader(&h, ws.Header{Fin: true, OpCode: ws.OpBinary, Length: int64(n)})
	return h, err
}

type sliceWriter []byte

func (s *sliceWriter) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}

// sayGoodbye sends the close frame; the reader ends when the client answers, or
// does not for too long.
func (w *wsConn) sayGoodbye() {
	_ = w.net.SetWriteDeadline(time.Now().Add(lingerTime))
	_, _ = w.net.Write(ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))))
}
