package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// groupPlan is the load of a group: each of senders keeps window messages without
// ack on their way, until each has sent messages of them. When every is set, it sends
// one in each such time instead, whether the ones before have come or not.
type groupPlan struct {
	group                           im.GroupID
	senders, window, messages, size int
	every                           time.Duration
}

func (p *groupPlan) total() int { return p.senders * p.messages }

// groupResult is what it gave.
type groupResult struct {
	elapsed    time.Duration
	deliveries int
	pulls      int // pages that members fetched, because they were told to or had not kept up
	latency    latencies
}

// groupLoad is a round of it.
type groupLoad struct {
	groupPlan
	start time.Time
	sent  [][]atomic.Int64 // when each was sent, by sender and number
}

// runGroup lets the first of members send to their group. It ends when every member
// has received every message, once and in order.
func runGroup(ctx context.Context, members []*member, p groupPlan) (groupResult, error) {
	stop := context.AfterFunc(ctx, func() { closeMembers(members) })
	defer stop()
	l := &groupLoad{groupPlan: p, start: time.Now(), sent: make([][]atomic.Int64, p.senders)}
	for i := range l.sent {
		l.sent[i] = make([]atomic.Int64, p.messages)
	}
	rounds := make([]memberRound, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		r := &rounds[i]
		*r = memberRound{load: l, m: m, next: make([]int, p.senders), latency: make(latencies, 0, p.total())}
		if i < p.senders {
			r.acks, r.unacked = make(chan int, p.messages), p.messages
			wg.Go(func() { r.sendErr = l.send(ctx, m.conn, i, r.acks) })
		}
		wg.Go(func() { r.err = r.drain() })
	}
	wg.Wait()
	res := groupResult{elapsed: time.Since(l.start)}
	for i := range rounds {
		r := &rounds[i]
		if err := errors.Join(r.sendErr, r.err); err != nil {
			return res, fmt.Errorf("member %d: %w", i, err)
		}
		res.deliveries += len(r.latency)
		res.pulls += r.pulls
		res.latency = append(res.latency, r.latency...)
	}
	return res, ctx.Err()
}

// send sends all messages of a sender as the plan says.
func (l *groupLoad) send(ctx context.Context, c *conn, sender int, acks <-chan int) error {
	s := l.source(c, sender)
	if l.every > 0 {
		return s.pace(ctx)
	}
	return s.pump(acks)
}

// source is what a sender of a load writes.
type source struct {
	*groupLoad
	c      *conn
	sender int
	id     [16]byte
	rest   string
}

func (l *groupLoad) source(c *conn, sender int) *source {
	s := &source{groupLoad: l, c: c, sender: sender, rest: strings.Repeat("x", max(0, l.size-numberSize))}
	rand.Read(s.id[:])
	return s
}

// append appends message n, which is taken to be sent at a time since the start.
func (s *source) append(b []byte, n int, at time.Duration) []byte {
	binary.BigEndian.PutUint64(s.id[8:], uint64(n))
	s.sent[s.sender][n].Store(int64(at))
	return proto.AppendFrame(b, cxxpb.FrameType_FRAME_SEND, 0, &cxxpb.Send{
		Id: uint32(n + 1), Group: uint64(s.group), ClientId: s.id[:], Text: number(s.sender, n) + s.rest,
	})
}

// pump sends with the window always full.
func (s *source) pump(acks <-chan int) error {
	var out []byte
	next, free := 0, s.window
	for next < s.messages {
		out = out[:0]
		for ; free > 0 && next < s.messages; free-- {
			out = s.append(out, next, time.Since(s.start))
			next++
		}
		if err := s.c.write(out); err != nil {
			return err
		}
		n, ok := <-acks
		if !ok {
			return nil // the receiver says why
		}
		free += n
	}
	return nil
}

// pace sends at fixed times, the senders in turn. A message counts as sent when it was
// due: what waits in the generator is late too.
func (s *source) pace(ctx context.Context) error {
	first := s.every * time.Duration(s.sender) / time.Duration(s.senders)
	for n := range s.messages {
		at := first + time.Duration(n)*s.every
		wait(ctx, at-time.Since(s.start))
		if err := s.c.write(s.append(nil, n, at)); err != nil {
			return err
		}
	}
	return nil
}

// numberSize is how many digits begin a message: two of the sender, six of its
// number.
const numberSize = 8

func number(sender, n int) string { return fmt.Sprintf("%02d%06d", sender, n) }

// order sees to it that the messages of each sender come once and in order. next is
// the number that is due, by sender.
func order(next []int, text string) (sender, n int, err error) {
	if len(text) >= numberSize {
		sender, err = strconv.Atoi(text[:2])
		n, _ = strconv.Atoi(text[2:numberSize])
	}
	switch {
	case len(text) < numberSize || err != nil || sender >= len(next):
		return 0, 0, fmt.Errorf("a message %.20q came that nobody has sent", text)
	case n != next[sender]:
		return 0, 0, fmt.Errorf("message %d of sender %d came when %d was due", n, sender, next[sender])
	}
	next[sender]++
	return sender, n, nil
}
