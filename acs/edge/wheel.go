package edge

import "time"

// wheel is the deadlines of a loop's connections: each sits in the slot of the
// moment at which it has to be looked at. Activity does not move it; the look
// finds out whether the deadline is still that early. Only the loop uses it.
type wheel struct {
	tick  time.Duration
	now   int64 // ticks since the start
	slots [512]*tcpConn
}

// links are the neighbours in a slot.
type links struct {
	next, prev *tcpConn
	slot       int16 // of the wheel, plus one; zero: in none
}

// put sees to it that t is looked at in at about d.
func (w *wheel) put(t *tcpConn, d time.Duration) {
	w.remove(t)
	ticks := int64(min(max(d/w.tick+1, 1), time.Duration(len(w.slots)-1)))
	slot := (w.now + ticks) % int64(len(w.slots))
	t.links = links{next: w.slots[slot], slot: int16(slot) + 1}
	if t.links.next != nil {
		t.links.next.links.prev = t
	}
	w.slots[slot] = t
}

func (w *wheel) remove(t *tcpConn) {
	if t.links.slot == 0 {
		return
	}
	if t.links.prev == nil {
		w.slots[t.links.slot-1] = t.links.next
	} else {
		t.links.prev.links.next = t.links.next
	}
	if t.links.next != nil {
		t.links.next.links.prev = t.links.prev
	}
	t.links = links{}
}

// advance moves to the moment now and calls look for what is due; look puts the
// connection back or closes it.
func (w *wheel) advance(now time.Duration, look func(*tcpConn)) {
	for target := int64(now / w.tick); w.now < target; {
		w.now++
		for t := w.slots[w.now%int64(len(w.slots))]; t != nil; t = w.slots[w.now%int64(len(w.slots))] {
			w.remove(t)
			look(t)
		}
	}
}

// each calls f for all connections of the loop.
func (w *wheel) each(f func(*tcpConn)) {
	var all []*tcpConn
	for _, t := range w.slots {
		for ; t != nil; t = t.links.next {
			all = append(all, t)
		}
	}
	for _, t := range all {
		f(t)
	}
}
