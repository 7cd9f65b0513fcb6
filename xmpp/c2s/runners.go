package c2s

import "sync"

// maxIdleRunners is how many goroutines wait for work.
const maxIdleRunners = 256

// runners lends goroutines to queues. A message in a room gives each of its sessions
// something to do for a moment; a goroutine that was there before has a stack that is
// large enough already. A nil runners has none.
type runners struct {
	wg sync.WaitGroup

	mu    sync.Mutex
	idle  []chan *queue // guarded by mu: where those wait that have nothing to do
	ended bool          // guarded by mu
}

// run has q worked off by a goroutine. It does not wait.
func (r *runners) run(q *queue) {
	if r == nil {
		go q.work()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch last := len(r.idle) - 1; {
	case r.ended:
		go q.work()
	case last < 0:
		r.wg.Go(func() { r.work(q) })
	default:
		r.idle[last] <- q
		r.idle = r.idle[:last]
	}
}

func (r *runners) work(q *queue) {
	next := make(chan *queue, 1)
	for q != nil {
		q.work()
		if !r.stay(next) {
			return
		}
		q = <-next
	}
}

// stay reports whether one more may wait, for what comes on next.
func (r *runners) stay(next chan *queue) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || len(r.idle) == maxIdleRunners {
		return false
	}
	r.idle = append(r.idle, next)
	return true
}

// end lets those that wait go, and returns when all have. It is called when the
// sessions have ended.
func (r *runners) end() {
	r.mu.Lock()
	r.ended = true
	for _, next := range r.idle {
		next <- nil
	}
	r.idle = nil
	r.mu.Unlock()
	r.wg.Wait()
}
