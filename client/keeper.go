package client

import (
	"maps"
	"slices"
	"sync"

	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

// keeper is the one goroutine that uses the store. Others hand it what to
// keep; while it waits for the disk, more gathers and goes in one write.
type keeper struct {
	store  state.Store
	failed func(error) // reports what could not be kept and nobody waits for

	mu     sync.Mutex
	batch  batch // guarded by mu
	closed bool  // guarded by mu
	wake   chan struct{}
}

type batch struct {
	identity *state.Identity
	kept     []func(error) // told when the identity is stored
	add      []im.Outgoing
	added    []func(error)
	remove   []im.ClientID
	cursor   *uint64
	groups   map[im.GroupID]state.GroupCursor
}

func newKeeper(s state.Store, failed func(error)) *keeper {
	return &keeper{store: s, failed: failed, wake: make(chan struct{}, 1)}
}

// put changes the next batch. False: the keeper has ended.
func (k *keeper) put(change func(*batch)) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return false
	}
	change(&k.batch)
	poke(k.wake)
	return true
}

// identity stores id before it returns.
func (k *keeper) identity(id state.Identity) error {
	done := make(chan error, 1)
	if !k.put(func(b *batch) {
		b.identity = &id
		b.kept = append(b.kept, func(err error) { done <- err })
	}) {
		return ErrClosed
	}
	return <-done
}

// add stores a message; then is called from the keeper's goroutine when it is
// stored, or could not be.
func (k *keeper) add(m im.Outgoing, then func(error)) bool {
	return k.put(func(b *batch) {
		b.add = append(b.add, m)
		b.added = append(b.added, then)
	})
}

func (k *keeper) remove(id im.ClientID) { k.put(func(b *batch) { b.remove = append(b.remove, id) }) }
func (k *keeper) cursor(seq uint64)     { k.put(func(b *batch) { b.cursor = &seq }) }

// group keeps how far the application has come in a group.
func (k *keeper) group(c state.GroupCursor) {
	k.put(func(b *batch) {
		if b.groups == nil {
			b.groups = make(map[im.GroupID]state.GroupCursor)
		}
		b.groups[c.Group] = c
	})
}

// run works until close, and ends with everything stored and the store closed.
func (k *keeper) run() {
	for range k.wake {
		k.mu.Lock()
		b, closed := k.batch, k.closed
		k.batch = batch{}
		k.mu.Unlock()
		k.keep(b)
		if closed {
			k.report(k.store.Close())
			return
		}
	}
}

func (k *keeper) keep(b batch) {
	if b.identity != nil {
		tell(b.kept, k.store.SaveIdentity(*b.identity))
	}
	if len(b.add) > 0 {
		tell(b.added, k.store.Add(b.add))
	}
	if len(b.remove) > 0 {
		k.report(k.store.Remove(b.remove))
	}
	if len(b.groups) > 0 {
		// Before the cursor of the inbox, whose entries say where groups begin.
		k.report(k.store.SaveGroups(slices.Collect(maps.Values(b.groups))))
	}
	if b.cursor != nil {
		k.report(k.store.SaveCursor(*b.cursor))
	}
}

func tell(all []func(error), err error) {
	for _, f := range all {
		f(err)
	}
}

func (k *keeper) report(err error) {
	if err != nil {
		k.failed(err)
	}
}

func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	poke(k.wake)
}
