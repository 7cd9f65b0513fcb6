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
	head := []byte("<message to='" + to + "' type='chat' id='")
	tail := []byte(strings.Repeat("x", p.size-8) + "</body></message>")
	next, free := 0, p.window
	var out []byte
	for next < p.messages {
		out = out[:0]
		for ; free > 0 && next < p.messages; free-- {
			number := fmt.Sprintf("%08d", next)
			out = append(append(append(out, head...), number...), "'><body>"...)
			out = append(append(out, number...), tail...)
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

var bodyTag = []byte("<body>")

func xmppDrain(c net.Conn, p msgPlan, came chan<- int) error {
	buf := make([]byte, 0, 64<<10)
	for got := 0; got < p.messages; {
		if err := c.SetReadDeadline(time.Now().Add(xmppPatience)); err != nil {
			return err
		}
		n, err := c.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return fmt.Errorf("after %d messages: %w", got, err)
		}
		buf = buf[:len(buf)+n]
		before, at := got, 0
		for {
			i := bytes.Index(buf[at:], bodyTag)
			if i < 0 {
				at = max(at, len(buf)-len(bodyTag)+1)
				break
			}
			if at += i; len(buf) < at+len(bodyTag)+8 {
				break
			}
			number, err := strconv.Atoi(string(buf[at+len(bodyTag) : at+len(bodyTag)+8]))
			if err != nil || number != got {
				return fmt.Errorf("message %.8q came when %d was due", buf[at+len(bodyTag):], got)
			}
			got++
			at += len(bodyTag)
		}
		buf = buf[:copy(buf, buf[at:])]
		if got > before {
			came <- got - before
		}
	}
	return nil
}
