package acs

import (
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// heldStore keeps appends until the test completes them.
type heldStore struct {
	order []im.UserID
	held  map[im.UserID][]func(im.Committed, error)
}

func (h *heldStore) append(m im.Message, done func(im.Committed, error)) {
	h.order = append(h.order, m.To)
	h.held[m.To] = append(h.held[m.To], done)
}

func (h *heldStore) complete(to im.UserID) {
	done := h.held[to][0]
	h.held[to] = h.held[to][1:]
	done(im.Committed{}, nil)
}

func TestSendOrder(t *testing.T) {
	h := &heldStore{held: map[im.UserID][]func(im.Committed, error){}}
	var o sendOrder
	var ids im.MsgID
	next := func() im.MsgID { ids++; return ids }
	send := func(to im.UserID, z im.ZoneID) {
		o.add(&pendingSend{m: im.Message{To: to}, zone: z, done: func(im.Committed, error) {}}, next, h.append)
	}
	// Two to zone 1 run side by side; the one to zone 2 waits for both, and the
	// last to zone 1 waits behind it.
	send(11, 1)
	send(12, 1)
	send(21, 2)
	send(13, 1)
	if want := []im.UserID{11, 12}; !slices.Equal(h.order, want) {
		t.Fatalf("handed over %v; want %v", h.order, want)
	}
	h.complete(11)
	if len(h.order) != 2 {
		t.Fatalf("a send to another zone did not wait: %v", h.order)
	}
	h.complete(12)
	h.complete(21)
	if want := []im.UserID{11, 12, 21, 13}; !slices.Equal(h.order, want) {
		t.Fatalf("handed over %v; want %v", h.order, want)
	}
}

// A storage that refuses at once must not break the pump.
func TestSendOrderSynchronousDone(t *testing.T) {
	var o sendOrder
	done := 0
	refuse := func(_ im.Message, f func(im.Committed, error)) { f(im.Committed{}, im.Errorf(im.CodeOverloaded, "")) }
	for range 3 {
		o.add(&pendingSend{done: func(im.Committed, error) { done++ }}, func() im.MsgID { return 1 }, refuse)
	}
	if done != 3 {
		t.Fatalf("done was called %d times; want 3", done)
	}
}
