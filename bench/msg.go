package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// msgPlan is the load of the message benchmark.
type msgPlan struct {
	pairs, window, messages, size int
}

// msgResult is what it gave.
type msgResult struct {
	elapsed  time.Duration
	messages int
	ack      latencies
	delivery latencies
}

// runMessages lets every pair exchange messages: the first of a pair keeps
// window messages without ack in flight, the second receives. It ends when
// every message has been acknowledged and delivered, once and in order.
func runMessages(ctx context.Context, users []*conn, p msgPlan) (msgResult, error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	res := msgResult{messages: p.pairs * p.messages}
	var failed error
	start := time.Now()
	for i := range p.pairs {
		from, to := users[2*i], users[2*i+1]
		sent := make([]atomic.Int64, p.messages) // when each was sent, by its number
		wg.Go(func() {
			lat, err := pump(ctx, from, uint64(to.user), p, sent, start)
			mu.Lock()
			defer mu.Unlock()
			res.ack = append(res.ack, lat...)
			if err != nil && failed == nil {
				failed = fmt.Errorf("sender %d: %w", i, err)
			}
		})
		wg.Go(func() {
			lat, err := drain(to, p, sent, start)
			mu.Lock()
			defer mu.Unlock()
			res.delivery = append(res.delivery, lat...)
			if err != nil && failed == nil {
				failed = fmt.Errorf("receiver %d: %w", i, err)
			}
		})
	}
	wg.Wait()
	res.elapsed = time.Since(start)
	return res, failed
}

// pump sends with the window always full and returns the time to each ack.
func pump(ctx context.Context, c *conn, to uint64, p msgPlan, sent []atomic.Int64, start time.Time) (latencies, error) {
	text := strings.Repeat("x", p.size-8)
	lat := make(latencies, 0, p.messages)
	var id [16]byte
	rand.Read(id[:])
	next := 0
	var out []byte
	for acked := 0; acked < p.messages; {
		out = out[:0]
		for next < p.messages && next-acked < p.window {
			binary.BigEndian.PutUint64(id[8:], uint64(next))
			sent[next].Store(int64(time.Since(start)))
			out = proto.AppendFrame(out, cxxpb.FrameType_FRAME_SEND, 0, &cxxpb.Send{
				Id: uint32(next + 1), To: to, ClientId: id[:], Text: fmt.Sprintf("%08d", next) + text,
			})
			next++
		}
		if len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				return lat, err
			}
		}
		for more := true; more; more = acked < p.messages && c.Pending() {
			var ack cxxpb.SendAck
			if err := c.Expect(cxxpb.FrameType_FRAME_SEND_ACK, &ack); err != nil {
				return lat, err
			}
			if ack.Id == 0 || int(ack.Id) > next {
				return lat, fmt.Errorf("an ack names request %d, which was not sent", ack.Id)
			}
			lat = append(lat, time.Since(start)-time.Duration(sent[ack.Id-1].Load()))
			acked++
		}
		if ctx.Err() != nil {
			return lat, ctx.Err()
		}
	}
	return lat, nil
}

// drain receives all messages, each once and in order.
func drain(c *conn, p msgPlan, sent []atomic.Int64, start time.Time) (latencies, error) {
	lat := make(latencies, 0, p.messages)
	seq := c.head
	for len(lat) < p.messages {
		var push cxxpb.Push
		if err := c.Expect(cxxpb.FrameType_FRAME_PUSH, &push); err != nil {
			return lat, err
		}
		for _, e := range push.Entries {
			if e.Seq != seq+1 {
				return lat, fmt.Errorf("seq %d followed %d", e.Seq, seq)
			}
			seq = e.Seq
			if want := fmt.Sprintf("%08d", len(lat)); !strings.HasPrefix(e.Text, want) {
				return lat, fmt.Errorf("message %.8q came when %s was due", e.Text, want)
			}
			lat = append(lat, time.Since(start)-time.Duration(sent[len(lat)].Load()))
		}
	}
	c.head = seq
	return lat, nil
}

// latencies can be asked for percentiles.
type latencies []time.Duration

func (l latencies) at(p float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	slices.Sort(l)
	return l[min(len(l)-1, int(float64(len(l))*p))]
}
