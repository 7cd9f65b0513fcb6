package client

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

// Client is one device of one user. Open makes it and Close ends it.
type Client struct {
	o         Options
	addr      im.Addr // bare
	in        *inbox
	out       *outbox
	keep      *keeper
	names     *names
	route     *route // belongs to run, as do the next two
	backoff   backoff
	wasOnline bool

	handled atomic.Uint64 // the newest entry that the application is done with
	moved   chan struct{} // handled has moved
	last    queued        // belongs to the caller of Next: what it was given

	cancel context.CancelFunc
	done   chan struct{}
	hurry  chan struct{}
	ended  error // set before done is closed

	mu       sync.Mutex
	id       state.Identity // guarded by mu
	fresh    bool           // guarded by mu: this device has no cursor yet
	newcomer bool           // guarded by mu: fresh was true at the login, and the groups are not listed yet
	sess     *session       // guarded by mu: nil while offline
	lastErr  error          // guarded by mu: why it is offline
	changed  chan struct{}  // guarded by mu: closed when sess or lastErr changes
	presence *im.Presence   // guarded by mu: what the application has set
}

// Open starts a client, which connects by itself from then on. It fails when
// the options or the stored state are unusable; Options.Store is closed then.
func Open(o Options) (*Client, error) {
	addr, err := o.prepare()
	if err != nil && o.Store != nil {
		return nil, errors.Join(err, o.Store.Close())
	}
	if err != nil {
		return nil, err
	}
	store, err := o.openStore()
	if err != nil {
		return nil, err
	}
	s, err := store.Load()
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	if s.Identity.Addr != "" && s.Identity.Addr != addr.String() {
		err := im.Errorf(im.CodeConflict, "the state belongs to %s, not to %s; choose another directory", s.Identity.Addr, addr)
		return nil, errors.Join(err, store.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		o: o, addr: addr, in: newInbox(s.Cursor, s.Groups), out: newOutbox(s.Outbox), names: newNames(),
		id: s.Identity, fresh: !s.HasCursor || o.Rewind, cancel: cancel, backoff: backoff{rand: o.Rand},
		moved: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		done: make(chan struct{}), changed: make(chan struct{}),
	}
	if o.Presence != (im.Presence{}) {
		c.presence = &o.Presence
	}
	c.id.Addr = addr.String()
	c.handled.Store(s.Cursor)
	c.keep = newKeeper(store, func(err error) { c.in.loose(StateError{Err: err}) })
	c.route = newRoute(&c.o, addr, s.Identity.ACS)
	c.route.onSeen = c.sawServers
	go c.run(ctx)
	return c, nil
}

// Dial is Open and a wait for the first login. When ctx ends before, or the
// server refuses, the client is closed and the reason returned.
func Dial(ctx context.Context, o Options) (*Client, error) {
	c, err := Open(o)
	if err != nil {
		return nil, err
	}
	if _, err := c.online(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// run is the client's life.
func (c *Client) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(c.keep.run)
	err := c.supervise(ctx)
	c.mu.Lock()
	c.ended = err
	c.mu.Unlock()
	c.out.close(err)
	c.keep.close()
	wg.Wait()
	close(c.done)
}

// Close ends the client and waits for it. What is not acknowledged stays in
// the store and is sent at the next start.
func (c *Client) Close() {
	c.cancel()
	<-c.done
}

// Done is closed when the client has ended, by Close or because the server
// wants it so; Err says why.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the client has ended: ErrClosed, or an error that trying
// again does not help against. It is nil before.
func (c *Client) Err() error {
	select {
	case <-c.done:
		return c.ended
	default:
		return nil
	}
}

// Next returns the next event. Asking for it says that the one before has been
// handled: the cursor moves past it, and it is never reported again. After the
// client has ended, what is left is returned, and then the reason.
func (c *Client) Next(ctx context.Context) (Event, error) {
	c.handle()
	for {
		if q, ok := c.in.take(); ok {
			c.last = q
			return q.ev, nil
		}
		select {
		case <-c.in.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.done:
			if q, ok := c.in.take(); ok {
				c.last = q
				return q.ev, nil
			}
			return nil, c.ended
		}
	}
}

// Acknowledge says that the event which Next gave last has been handled,
// without asking for another. Like Next it is for the one consumer.
func (c *Client) Acknowledge() { c.handle() }

// handle moves the cursor past the event that was given last.
func (c *Client) handle() {
	q := c.last
	c.last = queued{}
	r, regressed := q.ev.(Regressed)
	switch {
	case regressed && r.Group != 0:
		c.keep.group(state.GroupCursor{Group: r.Group, Seq: r.Head})
		return
	case regressed:
		c.handled.Store(r.Head)
		c.keep.cursor(r.Head)
		return
	case q.seq == 0:
		return
	case q.group != 0:
		c.keep.group(state.GroupCursor{Group: q.group, Seq: q.seq})
		return
	case q.mark.Group != 0:
		c.keep.group(q.mark)
	}
	c.handled.Store(q.seq)
	c.keep.cursor(q.seq)
	poke(c.moved)
}

// Events ranges over Next until ctx or the client ends; the error comes last.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			ev, err := c.Next(ctx)
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

// Me returns the account and the device, as of the last login.
func (c *Client) Me() (im.UserID, im.DeviceID, im.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.addr
	a.Resource = c.id.Resource
	return c.id.User, c.id.Device, a
}

// Hurry makes a client that waits to reconnect try at once, for instance
// because the network has come back.
func (c *Client) Hurry() { poke(c.hurry) }

// WaitOnline returns when the client is signed in. When ctx ends before, the
// error says why it is not.
func (c *Client) WaitOnline(ctx context.Context) error {
	_, err := c.online(ctx)
	return err
}

func (c *Client) online(ctx context.Context) (*session, error) {
	for {
		c.mu.Lock()
		s, changed, last := c.sess, c.changed, c.lastErr
		c.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-c.done:
			return nil, c.ended
		case <-ctx.Done():
			return nil, offline(ctx, last)
		}
	}
}

// offline explains a wait for a connection that was given up.
func offline(ctx context.Context, last error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if last == nil {
		last = &UnreachableError{Err: errors.New("no answer in time")}
	}
	return last
}

// LastError returns why the client is not connected; nil while it is.
func (c *Client) LastError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastErr
}

func (c *Client) setSession(s *session, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sess, c.lastErr = s, err
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Client) wantedPresence() (im.Presence, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.presence == nil {
		return im.Presence{}, false
	}
	return *c.presence, true
}

// pause waits before the next try.
func (c *Client) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.hurry:
	case <-ctx.Done():
	}
	return ctx.Err()
}
