package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// target is one server to try.
type target struct {
	addr   string
	ticket []byte // what NAS gave for it
}

// route finds the server to dial: what is left of the last answer first, then
// NAS in rotation, then the servers of earlier answers while every NAS is down.
// It belongs to the goroutine that connects.
type route struct {
	o      *Options
	addr   im.Addr
	nasAt  int
	next   []target // to be tried before anyone is asked again
	known  []string // servers of the last answer
	avoid  string   // the server that asked to leave
	onSeen func(acs []string)
}

func newRoute(o *Options, addr im.Addr, known []string) *route {
	r := &route{o: o, addr: addr, known: known, onSeen: func([]string) {}}
	if n := len(o.NAS); n > 1 {
		r.nasAt = int(o.Rand() * float64(n))
	}
	return r
}

// pick returns the next server. It waits when NAS says so.
func (r *route) pick(ctx context.Context) (target, error) {
	if t, ok := r.pop(); ok {
		return t, nil
	}
	var failed error
	for range r.o.NAS {
		nas := r.o.NAS[r.nasAt%len(r.o.NAS)]
		r.nasAt++
		a, err := r.ask(ctx, nas)
		if err == nil {
			return r.allocated(ctx, nas, a)
		}
		if ctx.Err() != nil {
			return target{}, err
		}
		failed = errors.Join(failed, err)
		r.o.Log.Debug("NAS gave no answer", "addr", nas, "err", err)
	}
	fallback := r.o.ACS
	if len(fallback) == 0 {
		fallback = r.known
	}
	for _, i := range r.shuffled(len(fallback)) {
		r.next = append(r.next, target{addr: fallback[i]})
	}
	if t, ok := r.pop(); ok {
		return t, nil
	}
	return target{}, failed
}

// pop takes the next candidate; the server that asked to leave comes last.
func (r *route) pop() (target, bool) {
	if len(r.next) == 0 {
		return target{}, false
	}
	i := max(0, slices.IndexFunc(r.next, func(t target) bool { return t.addr != r.avoid }))
	t := r.next[i]
	r.next = slices.Delete(r.next, i, i+1)
	return t, true
}

func (r *route) allocated(ctx context.Context, nas string, a *cxxpb.Allocated) (target, error) {
	wait := time.Duration(a.WaitMs) * time.Millisecond
	if a.Acs == "" {
		return target{}, &im.Error{
			Code: im.CodeNoACS, Detail: "NAS " + nas + " knows no server that takes clients now", RetryAfter: wait,
		}
	}
	r.next = []target{{addr: a.Acs, ticket: a.Ticket}}
	for _, alt := range a.Alternatives {
		r.next = append(r.next, target{addr: alt})
	}
	seen := append([]string{a.Acs}, a.Alternatives...)
	if !slices.Equal(seen, r.known) {
		r.known = seen
		r.onSeen(seen)
	}
	if err := sleep(ctx, wait); err != nil {
		return target{}, err
	}
	t, _ := r.pop()
	return t, nil
}

// settled is called after a login to at: the others of the answer are tried
// first when that connection ends.
func (r *route) settled(at string) {
	r.avoid = ""
	r.next = r.next[:0]
	for _, a := range r.known {
		if a != at {
			r.next = append(r.next, target{addr: a})
		}
	}
}

// refused forgets the candidates, because only NAS can help now.
func (r *route) refused() { r.next = nil }

func (r *route) shuffled(n int) []int {
	order := make([]int, n)
	for i := range order {
		j := min(int(r.o.Rand()*float64(i+1)), i)
		order[i] = order[j]
		order[j] = i
	}
	return order
}

// ask has one NAS name a server.
func (r *route) ask(ctx context.Context, nas string) (*cxxpb.Allocated, error) {
	l, err := r.o.dial(ctx, nas)
	if err != nil {
		return nil, err
	}
	defer l.nc.Close()
	k, stop := r.o.knock(ctx, r.addr, l, nil, dialTimeout)
	defer stop()
	if err := l.send(k.helloFrame(), allocateFrame(r.addr)); err != nil {
		return nil, loginHangUp(nas, err)
	}
	if err := k.awaitHello(); err != nil {
		return nil, err
	}
	a := &cxxpb.Allocated{}
	return a, k.await(cxxpb.FrameType_FRAME_ALLOCATED, a)
}
