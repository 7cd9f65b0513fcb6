package c2s

import (
	"sync"
	"testing"
	"testing/synctest"
)

// Queues that wait for something take nobody else's goroutine, and none is left at the
// end.
func TestRunners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(runners)
		var mu sync.Mutex
		handled := 0
		blocked := make(chan struct{})
		queues := make([]queue, 2*maxIdleRunners)
		for i := range queues {
			q := &queues[i]
			q.runners = r
			q.init(func([]event) {
				if i%2 == 0 {
					<-blocked
				}
				mu.Lock()
				handled++
				mu.Unlock()
			})
			q.start()
		}
		synctest.Wait() // none has anything to do
		want := 0
		for turn := range 3 {
			for i := range queues {
				queues[i].post(event{kind: evCall})
			}
			synctest.Wait()
			if want += len(queues) / 2; handled != want {
				t.Errorf("turn %d: %d were handled beside those that are blocked, want %d", turn, handled, want)
			}
			if turn == 0 {
				if len(r.idle) == 0 || len(r.idle) > maxIdleRunners {
					t.Errorf("%d goroutines wait for work", len(r.idle))
				}
			}
		}
		close(blocked)
		synctest.Wait()
		r.end()
		synctest.Wait()
		if want += len(queues); handled < want {
			t.Errorf("%d were handled, want at least %d", handled, want)
		}
		queues[0].post(event{kind: evCall}) // too late for those, not for the session
		synctest.Wait()
	})
}
