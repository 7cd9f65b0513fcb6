package shard

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cxx-im/cxx/shard/schema"
)

// write runs what is queued, one transaction after the other, until the zone
// closes.
func (z *zone) write() {
	defer z.done.close()
	for z.queue.wait() {
		z.gather()
		ops := z.startable(z.queue.take(z.lim.rows))
		z.last = len(ops)
		if len(ops) == 0 {
			continue
		}
		for len(ops) > 0 {
			n := fit(ops)
			z.commit(ops[:n:n])
			ops = ops[n:]
		}
	}
}

// gather lets more changes come together, when the transaction before had
// company too: a lone change never waits.
func (z *zone) gather() {
	const company = 8
	if z.lim.wait == 0 || z.last < company || z.queue.len() >= z.lim.rows {
		return
	}
	t := time.NewTimer(z.lim.wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-z.stop:
	}
}

// startable leaves out what its caller gave up and what waited too long.
func (z *zone) startable(ops []*op) []*op {
	now, out := time.Now(), ops[:0]
	for _, o := range ops {
		if !o.taken.CompareAndSwap(waiting, begun) {
			continue
		}
		if now.Sub(o.at) > z.lim.tx {
			o.err = z.tardy(o)
			z.done.add(o)
			continue
		}
		out = append(out, o)
	}
	return out
}

// tardy says why o has waited too long: for a database that did not answer, or
// behind too many others.
func (z *zone) tardy(o *op) error {
	if o.at.Before(z.lost) {
		return z.down(nil)
	}
	return z.full()
}

// maxBatchBytes keeps the statements of a transaction below the smallest usual
// max_allowed_packet (16 MiB): a body is written twice and may double when it
// is quoted.
const maxBatchBytes = 3 << 20

// fit returns how many of ops one transaction may take by size; at least one.
func fit(ops []*op) int {
	size := 0
	for i, o := range ops {
		size += len(o.msg.Text) + len(o.msg.Ext)
		if size > maxBatchBytes && i > 0 {
			return i
		}
	}
	return len(ops)
}

// commit runs ops as one transaction and hands them to complete.
func (z *zone) commit(ops []*op) {
	start := time.Now()
	z.began.Store(start.UnixNano())
	ctx, cancel := context.WithTimeout(context.Background(), z.lim.tx)
	z.attempt(ctx, start, ops, false)
	cancel()
	z.began.Store(0)
	z.met.committed(len(ops), time.Since(start))
	z.done.add(ops...)
}

// once runs ops in one transaction. sealed says that the error came from the
// commit; culprit is the op that the database refused, or -1.
func (z *zone) once(ctx context.Context, ops []*op, checked bool) (culprit int, sealed bool, err error) {
	z.number++
	tx, err := z.db.Begin(ctx, schema.Mark{Writer: z.writer, Number: z.number})
	if err != nil {
		return -1, false, err
	}
	defer tx.Rollback()
	t := &z.txn
	t.reset(ctx, tx)
	if err := t.lock(ops); err != nil {
		return -1, false, err
	}
	if checked {
		if err := t.lookup(ops); err != nil {
			return -1, false, err
		}
	}
	if err := t.readSpeakers(ops); err != nil {
		return -1, false, err
	}
	for i, o := range ops {
		o.err = t.apply(o)
		if _, fromDB := errors.AsType[sqlError](o.err); fromDB {
			return i, false, o.err
		}
	}
	if len(t.batch.Rows) == 0 && len(t.batch.Sent) == 0 && len(t.batch.Gone) == 0 && !t.wrote {
		return -1, false, nil
	}
	if err := t.writeMentions(); err != nil {
		return -1, false, err
	}
	t.seal()
	if err := z.at("before commit"); err != nil {
		return -1, false, err
	}
	if err := errors.Join(tx.Commit(ctx, &t.batch), z.at("after commit")); err != nil {
		return -1, true, err
	}
	t.remember()
	return -1, true, nil
}

func (z *zone) at(point string) error {
	if f := z.hook.Load(); f != nil {
		return (*f)(point)
	}
	return nil
}

// lock locks the heads of everyone in ops, in the order of ids.
func (t *txn) lock(ops []*op) (err error) {
	for _, o := range ops {
		switch o.part {
		case both:
			t.users = append(t.users, uint64(o.msg.To), uint64(o.msg.From))
		case recipient:
			t.users = append(t.users, uint64(o.msg.To))
		case sender:
			t.users = append(t.users, uint64(o.msg.From))
		case timeline:
			t.users = append(t.users, uint64(o.msg.Group))
		default:
			t.users = append(t.users, o.users...)
		}
	}
	slices.Sort(t.users)
	t.users = slices.Compact(t.users)
	if len(t.users) == 0 {
		return nil
	}
	if t.locked, err = t.tx.Heads(t.ctx, t.users, t.locked); err != nil {
		return err
	}
	for i, h := range t.locked {
		t.heads[h.User] = int32(i)
		t.touched = append(t.touched, false)
	}
	return nil
}
