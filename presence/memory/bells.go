package memory

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// backlog bounds the messages that wait for a slow listener; beyond it bells
// are lost, as they are by any registry.
const backlog = 1024

// listener is one running Listen. Ring only queues, so that a caller of Ring
// never runs the code of the node that it rings at.
type listener struct {
	queue chan []im.Bell
}

// Ring sends doorbells to the listeners of a node, best effort.
func (r *Registry) Ring(_ context.Context, to im.NodeID, bells []im.Bell) error {
	if len(bells) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.listeners[to] {
		select {
		case l.queue <- slices.Clone(bells):
		default:
		}
	}
	return nil
}

// Listen calls ring for the doorbells of a node until ctx ends.
func (r *Registry) Listen(ctx context.Context, id im.NodeID, ring func([]im.Bell)) error {
	l := &listener{queue: make(chan []im.Bell, backlog)}
	r.mu.Lock()
	if r.listeners[id] == nil {
		r.listeners[id] = make(map[*listener]struct{})
	}
	r.listeners[id][l] = struct{}{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listeners[id], l)
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case bells := <-l.queue:
			ring(bells)
		}
	}
}
