package shard

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/prometheus/client_golang/prometheus"
)

// Store is all zones of the cell. It implements acs.Store; the comments there
// hold. All methods are safe for any goroutine.
type Store struct {
	zones   []*zone         // in the order of their ids
	bySlot  [im.Slots]*zone // the map
	relaxed bool
	log     *slog.Logger

	mu     sync.RWMutex
	closed bool // guarded by mu

	calls sync.WaitGroup // changes under way
	once  sync.Once
	err   error // of closing; set by once
}

// Open connects to every zone, migrates its schema, checks what its commits
// promise and that all zones agree on the map, and starts the writers. dataDir
// is where relative paths begin. reg may be nil. The caller calls Run or Close.
func Open(ctx context.Context, cfg Config, dataDir string, log *slog.Logger, reg prometheus.Registerer) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	found, err := openZones(ctx, cfg, dataDir, log)
	if err != nil {
		return nil, err
	}
	s, err := assemble(ctx, cfg, found, log, reg)
	if err != nil {
		for _, f := range found {
			err = errors.Join(err, f.db.Close())
		}
		return nil, err
	}
	return s, nil
}

// Run waits for the end of ctx, then closes the store.
func (s *Store) Run(ctx context.Context) error {
	<-ctx.Done()
	return s.Close()
}

// Close refuses new calls, waits for those under way, and disconnects. It is
// safe to call twice.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.calls.Wait()
		for _, z := range s.zones {
			s.err = errors.Join(s.err, z.close())
		}
	})
	return s.err
}

// enter counts a call; false: the store is closed.
func (s *Store) enter() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false
	}
	s.calls.Add(1)
	return true
}

func (s *Store) leave() { s.calls.Done() }

func errClosed() error {
	return im.Errorf(im.CodeGoAway, "this server is shutting down; connect to another one")
}

// zone returns the zone of a user.
func (s *Store) zone(u im.UserID) *zone { return s.bySlot[u.Slot()] }

// ZoneOf names the zone of a user.
func (s *Store) ZoneOf(u im.UserID) im.ZoneID { return s.zone(u).id }

// Relaxed reports whether any zone promises less than a synced commit.
func (s *Store) Relaxed() bool { return s.relaxed }

// ZoneState is what an operator sees of a zone.
type ZoneState struct {
	ID    im.ZoneID `json:"id"`
	Where string    `json:"where"` // database, without secrets
	Down  bool      `json:"down"`
	Queue int       `json:"queue"` // changes that wait
}

// Zones describes the zones in the order of their ids.
func (s *Store) Zones() []ZoneState {
	out := make([]ZoneState, len(s.zones))
	for i, z := range s.zones {
		out[i] = ZoneState{ID: z.id, Where: z.db.Where(), Down: z.breaker.isOpen(), Queue: z.queue.len()}
	}
	return out
}

// do runs a change of one user's state.
func (s *Store) do(ctx context.Context, u im.UserID, f func(*txn) error) error {
	return s.doAt(ctx, s.zone(u), []im.UserID{u}, f)
}

func (s *Store) doAt(ctx context.Context, z *zone, users []im.UserID, f func(*txn) error) error {
	if !s.enter() {
		return errClosed()
	}
	defer s.leave()
	return z.do(ctx, users, f)
}

// perZone calls f at the same time for every zone with those of users that it
// holds. Zones that fail do not keep the others from answering.
func (s *Store) perZone(users []im.UserID, f func(z *zone, users []im.UserID) error) error {
	byZone := make(map[*zone][]im.UserID)
	for _, u := range users {
		z := s.zone(u)
		byZone[z] = append(byZone[z], u)
	}
	errs := make([]error, 0, len(byZone))
	var mu sync.Mutex // guards errs
	var wg sync.WaitGroup
	for z, us := range byZone {
		call := func() {
			if err := f(z, us); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		}
		if len(byZone) == 1 {
			call()
			continue
		}
		wg.Go(call)
	}
	wg.Wait()
	return errors.Join(errs...)
}
