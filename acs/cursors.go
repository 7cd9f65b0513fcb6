package acs

import (
	"context"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// cursors gathers how far devices have come and saves it now and then: it tells
// what has reached nobody yet, and the operator how far devices are. What is
// lost of it is delivered twice at worst.
type cursors struct {
	wake chan struct{}

	mu     sync.Mutex
	due    cursorMap // guarded by mu: to be saved
	saving cursorMap // guarded by mu: on the way to the storage
}

type cursorMap map[im.UserID]map[im.DeviceID]uint64

func newCursors() *cursors {
	return &cursors{wake: make(chan struct{}, 1), due: make(cursorMap)}
}

func (m cursorMap) put(d im.DeviceCursor) {
	if m[d.User] == nil {
		m[d.User] = make(map[im.DeviceID]uint64, 1)
	}
	m[d.User][d.Device] = max(m[d.User][d.Device], d.Seq)
}

func (m cursorMap) of(u im.UserID) (best uint64) {
	for _, seq := range m[u] {
		best = max(best, seq)
	}
	return best
}

func (c *cursors) put(d im.DeviceCursor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due.put(d)
}

// final is put for a session that has ended: the user may ask another node next.
func (c *cursors) final(d im.DeviceCursor) {
	c.put(d)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// hurry saves at once how far the devices of users have come who have opened a
// session on another node: that node is about to ask what has reached nobody. What
// is saved here stays due, and is saved once more without effect.
func (s *Server) hurry(opened []im.SessionInfo) {
	var list []im.DeviceCursor
	c := s.cursors
	c.mu.Lock()
	for i := range opened {
		for d, seq := range c.due[opened[i].User] {
			list = append(list, im.DeviceCursor{User: opened[i].User, Device: d, Seq: seq})
		}
	}
	c.mu.Unlock()
	if len(list) == 0 {
		return
	}
	s.after(0, func(ctx context.Context) {
		if err := s.store.SaveCursors(ctx, list); err != nil {
			s.log.Debug("cursors were not saved, will try again", "err", err)
		}
	})
}

// of is how far any device of u has come of which the storage may not know.
func (c *cursors) of(u im.UserID) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.due.of(u), c.saving.of(u))
}

// save writes what has gathered. One call at a time runs.
func (c *cursors) save(ctx context.Context, s *Server) {
	c.mu.Lock()
	due := c.due
	c.due, c.saving = make(cursorMap), due
	c.mu.Unlock()
	var list []im.DeviceCursor
	for u, devices := range due {
		for d, seq := range devices {
			list = append(list, im.DeviceCursor{User: u, Device: d, Seq: seq})
		}
	}
	var err error
	if len(list) > 0 {
		err = s.store.SaveCursors(ctx, list)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saving = nil
	if err == nil {
		return
	}
	s.log.Debug("cursors were not saved, will try again", "err", err)
	for _, d := range list {
		if len(c.due) < maxCursors {
			c.due.put(d)
		}
	}
}

// maxCursors is of how many users cursors are kept for another try.
const maxCursors = 100_000

// finalSave is how long the cursors of ended sessions are gathered.
const finalSave = 200 * time.Millisecond

func (s *Server) cursorLoop(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.cursors.wake:
			pause(ctx, finalSave)
		}
		if ctx.Err() == nil {
			s.cursors.save(ctx, s)
		}
	}
}
