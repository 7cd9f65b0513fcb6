package client

import (
	"context"
	"errors"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// supervise connects, serves, and connects again until ctx ends or an error
// says that this is pointless.
func (c *Client) supervise(ctx context.Context) error {
	for {
		lived, err := c.attempt(ctx)
		if ctx.Err() != nil {
			c.setSession(nil, ErrClosed)
			return ErrClosed
		}
		if c.forgive(err) {
			continue
		}
		if final(err, c.wasOnline) {
			c.forgetIfVoid(err)
			c.setSession(nil, err)
			c.in.loose(Disconnected{Err: err})
			c.o.Log.Warn("client stopped", "user", c.addr.String(), "err", err)
			return err
		}
		wait := c.delay(lived, err)
		c.setSession(nil, err)
		c.in.loose(Disconnected{Err: err, RetryIn: wait})
		c.o.Log.Info("client disconnected", "user", c.addr.String(), "err", err, "retry_in", wait)
		if c.pause(ctx, wait) != nil {
			return ErrClosed
		}
	}
}

// delay says how long to wait after err, which ended a session that had lived
// for a while, or (zero) none at all.
func (c *Client) delay(lived time.Duration, err error) time.Duration {
	if lived >= steadyAfter {
		c.backoff.reset()
	}
	var e *im.Error
	if errors.As(err, &e) {
		if e.Code == im.CodeGoAway && lived >= steadyAfter {
			return 0 // the moment was drawn already
		}
		return c.backoff.next(e.RetryAfter)
	}
	if lived == 0 && len(c.route.next) > 0 {
		return 0 // a server that is not there says nothing about the next one
	}
	return c.backoff.next(0)
}

// attempt tries one server and returns how long the session lived.
func (c *Client) attempt(ctx context.Context) (lived time.Duration, err error) {
	t, err := c.route.pick(ctx)
	if err != nil {
		return 0, err
	}
	l, err := c.o.dial(ctx, t.addr)
	if err != nil {
		return 0, err
	}
	defer l.nc.Close()
	s, err := c.login(ctx, l, t)
	if err != nil {
		return 0, err
	}
	c.wasOnline = true
	err = s.serve(ctx)
	if im.CodeOf(err) == im.CodeGoAway {
		c.route.avoid = t.addr
	}
	return max(time.Since(s.began), 1), err
}

// login signs in and makes the session the current one.
func (c *Client) login(ctx context.Context, l *link, t target) (*session, error) {
	c.mu.Lock()
	id := c.id
	c.mu.Unlock()
	k, stop := c.o.knock(ctx, c.addr, l, t.ticket, loginTimeout)
	k.shown, _ = c.wantedPresence()
	r, err := k.login(ctx, id)
	stop()
	if err != nil {
		if refusesTicket(err) {
			c.route.refused()
		}
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	_ = l.nc.SetDeadline(time.Time{})
	me, err := c.adopt(r)
	if err != nil {
		return nil, err
	}
	c.route.settled(t.addr)
	s := newSession(c, l, im.UserID(r.User))
	c.in.loose(Connected{
		Server: t.addr, Addr: me, User: s.user, Device: im.DeviceID(r.Device), Head: r.Head, Relaxed: r.Relaxed,
	})
	c.openInbox(s.user, r.Head)
	c.setSession(s, nil)
	c.o.Log.Info("client connected", "user", me.String(), "node", t.addr)
	return s, nil
}

// adopt stores what a login has given, before anything is done with it: a token
// that was used and is replaced works only once more.
func (c *Client) adopt(r *cxxpb.LoginReply) (im.Addr, error) {
	me, err := im.ParseAddr(r.Addr)
	if err != nil {
		return me, im.Errorf(im.CodeMalformed, "the server calls this user %q, which is no address", r.Addr)
	}
	c.mu.Lock()
	id := c.id
	if id.User != 0 && id.User != im.UserID(r.User) {
		// The account was made anew, perhaps in another cell: the numbers that
		// are stored mean nothing there.
		c.fresh = true
		defer c.abandon()
	}
	id.User, id.Device, id.Resource = im.UserID(r.User), im.DeviceID(r.Device), me.Resource
	if len(r.Token) > 0 {
		id.Token = string(r.Token)
	}
	changed := id.Token != c.id.Token || id.Device != c.id.Device || id.Resource != c.id.Resource
	c.id = id
	c.mu.Unlock()
	if !changed {
		return me, nil
	}
	if err := c.keep.identity(id); err != nil {
		// The session is good all the same; only the next start may need the
		// password.
		c.in.loose(StateError{Err: err})
	}
	return me, nil
}

// abandon ends the messages that were meant for users of another cell.
func (c *Client) abandon() {
	for _, m := range c.Unsent() {
		c.keep.remove(m.ClientID)
		c.in.loose(Refused{Message: m, Err: im.Errorf(im.CodeNotFound, "the account was made anew")})
	}
	c.out.close(im.Errorf(im.CodeNotFound, "the account was made anew"))
}

func (c *Client) openInbox(user im.UserID, head uint64) {
	if c.o.Quiet {
		return
	}
	c.mu.Lock()
	var start *uint64
	if c.fresh {
		from := min(c.o.SyncFrom, head)
		start, c.fresh = &from, false
		c.newcomer = true
	}
	c.mu.Unlock()
	if start != nil {
		for _, g := range c.in.forgetGroups() {
			c.keep.group(g)
		}
		c.handled.Store(*start)
		c.keep.cursor(*start)
	}
	if regressed, from := c.in.opened(user, head, start); regressed {
		c.o.Log.Warn("server was restored from an older backup", "user", user, "cursor", from, "head", head)
	}
}

// forgive reports whether err is a token that does not work any more while
// there is another way to sign in, which is then tried at once.
func (c *Client) forgive(err error) bool {
	if im.CodeOf(err) != im.CodeTokenInvalid || !c.o.hasSecret() {
		return false
	}
	c.route.refused() // the ticket was used up
	return c.forget(false)
}

// forgetIfVoid drops a token that the server has ended for good, and with it
// the device, so that the next start signs in as a new one.
func (c *Client) forgetIfVoid(err error) {
	switch im.CodeOf(err) {
	case im.CodeRevoked, im.CodeLoggedOut:
		c.forget(true)
	case im.CodeTokenInvalid:
		c.forget(false)
	}
}

// forget drops the token, and the device with it when that is gone too.
func (c *Client) forget(device bool) (had bool) {
	c.mu.Lock()
	had = c.id.Token != ""
	c.id.Token = ""
	if device {
		c.id.Device, c.id.Resource = 0, ""
	}
	id := c.id
	c.mu.Unlock()
	if had || device {
		if err := c.keep.identity(id); err != nil {
			c.in.loose(StateError{Err: err})
		}
	}
	return had
}

// sawServers keeps the servers NAS has named, for the day it is down.
func (c *Client) sawServers(acs []string) {
	c.mu.Lock()
	c.id.ACS = append([]string(nil), acs...)
	id := c.id
	c.mu.Unlock()
	c.keep.put(func(b *batch) { b.identity = &id })
}

func refusesTicket(err error) bool {
	switch im.CodeOf(err) {
	case im.CodeTicketExpired, im.CodeTicketForeign, im.CodeTicketReplayed:
		return true
	}
	return false
}
