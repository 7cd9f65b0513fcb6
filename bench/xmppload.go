package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// runXMPP lets every pair exchange messages: the first of a pair keeps window
// messages on their way, the second receives. It reads no more XML than it must:
// the number in each body, which has to be the next.
func runXMPP(ctx context.Context, users []*xmpptest.Client, p msgPlan) (time.Duration, error) {
	stop := context.AfterFunc(ctx, func() { abortAll(users) })
	defer stop()
	errs := make(chan error, 3*p.pairs)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range p.pairs {
		from, to := users[2*i].Detach(), users[2*i+1].Detach()
		came := make(chan int, p.messages)
		wg.Go(func() { errs <- xmppPump(from, users[2*i+1].Bare(), p, came) })
		wg.Go(func() {
			errs <- xmppDrain(to, p, came)
			close(came)
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	close(errs)
	for err := range errs {
		if err != nil {
			return elapsed, err
		}
	}
	return elapsed, ctx.Err()
}

func xmppPump(c net.Conn, to string, p msgPlan, came <-chan int) error {
	return pumpXML(c, to, "chat", p, came, func(n int) string { return fmt.Sprintf("%08d", n) })
}

// pumpXML sends messages with the window always full. number begins each.
func pumpXML(c net.Conn, to, typ string, p msgPlan, came <-chan int, number func(n int) string) error {
	head := []byte("<message to='" + to + "' type='" + typ + "' id='")
	tail := []byte(strings.Repeat("x", max(0, p.size-numberSize)) + "</body></message>")
	next, free := 0, p.window
	var out []byte
	for next < p.messages {
		out = out[:0]
		for ; free > 0 && next < p.messages; free-- {
			text := number(next)
			out = append(append(append(out, head...), text...), "'><body>"...)
			out = append(append(out, text...), tail...)
			next++
		}
		if err := c.SetWriteDeadline(time.Now().Add(xmppPatience)); err != nil {
			return err
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
		n, ok := <-came
		if !ok {
			return nil // the receiver says why
		}
		free += n
	}
	return nil
}

func xmppDrain(c net.Conn, p msgPlan, came chan<- int) error {
	r := bodyReader{c: c, buf: make([]byte, 0, 64<<10)}
	for got := 0; got < p.messages; {
		before := got
		err := r.read(func(text []byte) error {
			number, err := strconv.Atoi(string(text))
			if err != nil || number != got {
				return fmt.Errorf("message %q came when %d was due", text, got)
			}
			got++
			return nil
		})
		if err != nil {
			return fmt.Errorf("after %d messages: %w", got, err)
		}
		if got > before {
			came <- got - before
		}
	}
	return nil
}

// bodyReader finds what the bodies of messages begin with, and reads no more XML.
type bodyReader struct {
	c   net.Conn
	buf []byte // its capacity is what is read at once
}

var bodyTag = []byte("<body>")

// read waits for more and calls take for the first numberSize bytes of each body.
func (r *bodyReader) read(take func(text []byte) error) error {
	if err := r.c.SetReadDeadline(time.Now().Add(xmppPatience)); err != nil {
		return err
	}
	n, err := r.c.Read(r.buf[len(r.buf):cap(r.buf)])
	if err != nil {
		return err
	}
	r.buf = r.buf[:len(r.buf)+n]
	rest := r.buf
	for {
		i := bytes.Index(rest, bodyTag)
		if i < 0 {
			rest = rest[max(0, len(rest)-len(bodyTag)+1):]
			break
		}
		if rest = rest[i:]; len(rest) < len(bodyTag)+numberSize {
			break
		}
		rest = rest[len(bodyTag):]
		if err := take(rest[:numberSize]); err != nil {
			return err
		}
	}
	r.buf = r.buf[:copy(r.buf, rest)]
	return nil
}
