package faults

import (
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// receiver keeps a copy of its inbox by pushes and, after it was away, by sync.
type receiver struct {
	load *load
	*person

	mu      sync.Mutex
	cursor  uint64                  // guarded by mu: everything up to here is known
	inbox   map[uint64]*cxxpb.Entry // guarded by mu
	arrived map[string]time.Time    // guarded by mu: by text
	texts   int                     // guarded by mu
}

func newReceiver(l *load, p *person) *receiver {
	return &receiver{load: l, person: p, inbox: make(map[uint64]*cxxpb.Entry), arrived: make(map[string]time.Time)}
}

func (r *receiver) has() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.texts
}

func (r *receiver) run(k *link) {
	for r.load.ctx.Err() == nil {
		r.work(k)
		if r.load.ctx.Err() != nil {
			return
		}
		r.load.reconnects.Add(1)
		var err error
		if k, err = r.connect(r.load.ctx); err != nil {
			return
		}
	}
}

// work uses one connection until it ends.
func (r *receiver) work(k *link) {
	l := r.load
	l.on(r.name, k.acs)
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	syncing, id := false, uint32(0)
	ask := func() bool {
		id++
		syncing = true
		return k.send(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: id, Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{Cursor: r.cursor}}}) == nil
	}
	if k.head > r.cursor && !ask() {
		l.leave(k, false)
		return
	}
	var early [][]*cxxpb.Entry // pushed while a sync was under way
	var leaving <-chan time.Time
	roam := l.roaming()
	for {
		select {
		case <-roam:
			l.ended("roamed")
			l.leave(k, false)
			return
		case <-l.ctx.Done():
			l.leave(k, false)
			return
		case <-k.ended:
			l.ended("closed")
			l.leave(k, false)
			return
		case <-leaving:
			l.leave(k, false)
			return
		case e := <-k.events:
			switch {
			case e.push != nil && syncing:
				early = append(early, e.push)
			case e.push != nil:
				r.take(e.push, e.at, "push")
			case e.reply != nil && e.reply.Id == id:
				page := e.reply.GetSync()
				r.take(page.Entries, e.at, "sync")
				if r.cursor < page.Head {
					ask()
					continue
				}
				syncing = false
				for _, p := range early {
					r.take(p, e.at, "push")
				}
				early = nil
			case e.behind != nil:
				ask()
			case e.away != nil:
				l.goAways.Add(1)
				leaving = time.After(time.Duration(e.away.DelayMs) * time.Millisecond)
			case e.fail != nil && e.fail.Id == 0:
				l.ended(im.ErrorCode(e.fail.Code).String())
			case e.fail != nil:
				// A sync was refused: a zone is down. Ask again at the next beat.
				syncing, id = true, id+1
				l.ended("sync " + im.ErrorCode(e.fail.Code).String())
			}
		case <-beat.C:
			if syncing {
				ask()
			}
			if err := k.beat(); err != nil || k.quiet() > l.plan.deaf {
				l.ended("silence")
				l.leave(k, true)
				return
			}
		}
	}
}

// take puts entries behind what is known. One that is known already must be
// the same; a hole must not be.
func (r *receiver) take(entries []*cxxpb.Entry, at time.Time, way string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if known := r.inbox[e.Seq]; known != nil {
			if known.MsgId != e.MsgId || known.Text != e.Text {
				r.load.violate("%s: seq %d was %q, and now %q by %s", r.name, e.Seq, known.Text, e.Text, way)
			}
			continue
		}
		if e.Seq != r.cursor+1 {
			r.load.violate("%s: seq %d came by %s after %d", r.name, e.Seq, way, r.cursor)
		}
		r.inbox[e.Seq] = e
		r.cursor = max(r.cursor, e.Seq)
		if isMessage(e) {
			r.texts++
			r.arrived[e.Text] = at
		}
	}
}

func isMessage(e *cxxpb.Entry) bool { return e.Kind == 0 || e.Kind == uint32(im.KindMessage) }
