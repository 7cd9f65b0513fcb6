package nas

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
)

// Limits of one connection. A client needs two frames and a second.
const (
	handshakeTime = 5 * time.Second
	helloTime     = 10 * time.Second // from the start to a whole Hello
	frameTime     = 30 * time.Second // between whole frames
	lifeTime      = 60 * time.Second
	writeTime     = 5 * time.Second
	lingerTime    = time.Second // for the peer to read why it is closed
	lingerBytes   = 64 << 10
	maxFrames     = 64 // in all; who needs more connects again
)

// conn is one connection; its goroutine owns it.
type conn struct {
	srv   *Server
	nc    net.Conn
	from  netip.Addr
	start time.Time
	hello bool // has been exchanged
	count int  // frames so far
	out   []byte
}

// run serves the connection until it ends and says why it did, in a word for
// metrics.
func (c *conn) run(ctx context.Context) (reason string) {
	if reason := c.handshake(ctx); reason != "" {
		return reason
	}
	defer func() { c.nc.Close() }() // with TLS, says goodbye
	err := c.loop()
	var fail *im.Error
	switch {
	case ctx.Err() != nil:
		return "shutdown"
	case errors.As(err, &fail):
		c.farewell(fail)
		return fail.Code.String()
	case errors.Is(err, io.EOF):
		return "done"
	}
	return "lost"
}

func (c *conn) handshake(ctx context.Context) (failed string) {
	if c.srv.tls == nil {
		return ""
	}
	ctx, cancel := context.WithDeadline(ctx, c.start.Add(handshakeTime))
	defer cancel()
	t := tls.Server(c.nc, c.srv.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		c.srv.log.Debug("TLS handshake failed", "err", err)
		c.foreign(err)
		return "tls"
	}
	c.nc = t
	return ""
}

// foreign answers what is no TLS at all so that a person can tell what is
// wrong: a browser, or a client that was told to use plaintext.
func (c *conn) foreign(err error) {
	var not tls.RecordHeaderError
	if !errors.As(err, &not) || not.Conn == nil {
		return
	}
	switch string(not.RecordHeader[:4]) {
	case "GET ", "POST", "HEAD", "PUT ", "OPTI", "CONN":
		c.out = append(c.out, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port speaks C-XX, not HTTP. NAS answers HTTP on the port of http.listen.\n"...)
	default:
		c.refuse(0, im.Errorf(im.CodeMalformed, "this port speaks C-XX over TLS"))
	}
	c.linger()
}

// loop reads frames and answers them. Data that comes in drops does not move
// the deadline; only a whole frame does.
func (c *conn) loop() error {
	buf := make([]byte, 0, proto.FrameSize(proto.MaxFrameBeforeLogin))
	c.nc.SetReadDeadline(c.start.Add(helloTime))
	for {
		used, err := c.frames(buf)
		if werr := c.flush(); werr != nil {
			return werr
		}
		if err != nil {
			return err
		}
		if used > 0 {
			buf = buf[:copy(buf, buf[used:])]
			c.nc.SetReadDeadline(c.deadline())
		}
		n, err := c.nc.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if n == 0 && err != nil {
			return readError(err)
		}
	}
}

func (c *conn) deadline() time.Time {
	end := c.start.Add(lifeTime)
	if !c.hello {
		end = c.start.Add(helloTime)
	}
	if next := time.Now().Add(frameTime); next.Before(end) {
		return next
	}
	return end
}

func readError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return im.Errorf(im.CodeTimeout, "the connection took too long; connect again when you need an ACS")
	}
	return err
}

func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	c.nc.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	return err
}

// farewell tells the peer why it is closed, and waits a moment for it to read:
// closing over unread data would reset the connection and lose the words.
func (c *conn) farewell(e *im.Error) {
	c.refuse(0, e)
	c.linger()
}

// linger sends what is written and waits for the peer to have read it.
func (c *conn) linger() {
	if c.flush() != nil {
		return
	}
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	io.CopyN(io.Discard, c.nc, lingerBytes)
}
