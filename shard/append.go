package shard

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// crossing is a message between two zones. It goes through three mailboxes in
// the order of the calls: a look at the sender's zone whether it was sent
// before, the writer of the recipient's zone, the writer of the sender's zone.
// Places in both writers are promised before it starts, so that it never
// waits on the way.
type crossing struct {
	msg      im.Message
	from, to *zone
	at       time.Time
	done     func(im.Committed, error)
}

func (c *crossing) key() sentKey {
	return sentKey{owner: uint64(c.msg.From), sender: uint64(c.msg.From), client: c.msg.ClientID}
}

// AppendMessage commits m to the recipient's inbox and then, or in the same
// transaction, to the sender's; see acs.InboxStore. When a message had reached
// only the recipient's zone, a repeat completes it: the result has the first
// MsgID and ToSeq, and Duplicate is false, since nobody was told of it before.
func (s *Store) AppendMessage(m im.Message, done func(im.Committed, error)) {
	if !s.enter() {
		done(im.Committed{}, errClosed())
		return
	}
	from, to, what := s.zone(m.From), s.zone(m.To), both
	if m.Group != 0 {
		from, to, what = s.zone(m.Group.Log()), s.zone(m.Group.Log()), timeline
	}
	finish := func(c im.Committed, err error) {
		done(c, err)
		s.leave()
	}
	var err error
	if from == to {
		err = to.submit(&op{at: time.Now(), part: what, msg: m, done: func(o *op) {
			if o.err != nil {
				o.res = im.Committed{}
			}
			finish(o.res, o.err)
		}})
	} else {
		err = (&crossing{msg: m, from: from, to: to, at: time.Now(), done: finish}).start()
	}
	if err != nil {
		finish(im.Committed{}, err)
	}
}

func (c *crossing) start() error {
	for _, z := range []*zone{c.from, c.to} {
		if z.breaker.isOpen() {
			return z.down(nil)
		}
	}
	if !c.to.queue.reserve() {
		return c.to.full()
	}
	if !c.from.queue.reserve() {
		c.to.queue.release()
		return c.from.full()
	}
	c.from.checks.add(c)
	return nil
}

// check looks up, for many at a time, whether messages to other zones had been
// sent before, so that a reused id is refused before anything is stored.
func (z *zone) check() {
	for z.checks.wait() {
		z.checkAll(z.checks.take(z.lim.rows))
	}
}

func (z *zone) checkAll(all []*crossing) {
	found := make(map[sentKey]sentRow)
	keys := make([]sentKey, 0, len(all))
	all = z.enroll(all)
	for _, c := range all {
		if !c.msg.ClientID.IsZero() {
			keys = append(keys, c.key())
		}
	}
	var err error
	if len(keys) > 0 {
		err = z.read(context.Background(), func(ctx context.Context, q schema.Queryer) error {
			return lookupSent(ctx, q, keys, found)
		})
	}
	for _, c := range all {
		row, known := found[c.key()]
		switch {
		case err != nil:
			c.abandon(im.Committed{}, err)
		case known:
			o := op{part: sender, msg: c.msg}
			err := row.answer(&o)
			c.abandon(o.res, err)
		default:
			c.toRecipient()
		}
	}
}

// enroll marks sends as under way, and sets aside those whose twin is: they are
// looked at again when it has ended.
func (z *zone) enroll(all []*crossing) []*crossing {
	out := all[:0]
	z.crossMu.Lock()
	defer z.crossMu.Unlock()
	for _, c := range all {
		if c.msg.ClientID.IsZero() {
			out = append(out, c)
			continue
		}
		if twins, underWay := z.crosses[c.key()]; underWay {
			z.crosses[c.key()] = append(twins, c)
			continue
		}
		z.crosses[c.key()] = nil
		out = append(out, c)
	}
	return out
}

// abandon ends a crossing before anything of it was queued.
func (c *crossing) abandon(res im.Committed, err error) {
	c.to.queue.release()
	c.from.queue.release()
	c.end(res, err)
}

func (c *crossing) toRecipient() {
	c.to.queue.put(&op{at: c.at, part: recipient, msg: c.msg, done: func(o *op) {
		if o.err == nil {
			o.err = c.from.at("between zones")
		}
		if o.err != nil {
			c.from.queue.release()
			c.end(im.Committed{}, o.err)
			return
		}
		c.toSender(o.res)
	}})
}

// toSender writes the sender's side. Whatever fails now, the recipient has the
// message: only a repeat can tell the sender more.
func (c *crossing) toSender(first im.Committed) {
	m := c.msg
	m.MsgID = first.MsgID
	c.from.queue.put(&op{at: time.Now(), part: sender, msg: m, res: im.Committed{ToSeq: first.ToSeq}, done: func(o *op) {
		if o.err == nil {
			c.ended(o.res, nil)
			return
		}
		if im.CodeOf(o.err) != im.CodeIDReused {
			o.err = &im.Error{Code: im.CodeUnknownOutcome, Detail: "the message has reached the recipient but is not in your own log; send it again with the same id", Err: o.err}
		}
		c.ended(im.Committed{}, o.err)
	}})
}

// end answers in the goroutine complete of the sender's zone.
func (c *crossing) end(res im.Committed, err error) {
	c.from.done.add(&op{done: func(*op) { c.ended(res, err) }})
}

// ended answers, in that goroutine, and lets twins go on.
func (c *crossing) ended(res im.Committed, err error) {
	c.done(res, err)
	if c.msg.ClientID.IsZero() {
		return
	}
	c.from.crossMu.Lock()
	twins := c.from.crosses[c.key()]
	delete(c.from.crosses, c.key())
	c.from.crossMu.Unlock()
	c.from.checks.add(twins...)
}
