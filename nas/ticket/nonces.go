package ticket

import (
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

const (
	// maxNonces bounds the memory of used tickets. At the limit of 200 logins a
	// second an ACS holds a tenth of it.
	maxNonces = 200_000
	// keep is how long a used nonce is remembered. A ticket that is accepted now
	// was issued at most Skew from now and is accepted until TTL and Skew after
	// that; nothing is forgotten while its ticket could still pass.
	keep = TTL + 2*Skew
)

// nonces is the memory of used tickets: a set, and the order to forget in.
type nonces struct {
	max int

	mu    sync.Mutex // guards all below
	seen  map[Nonce]struct{}
	queue []usedNonce // oldest first, from head on
	head  int
	// floor is the latest expiry among the forgotten. Tickets up to it are
	// refused, so that a clock that jumped forth and back reopens no door.
	floor time.Time
}

type usedNonce struct {
	nonce   Nonce
	expires time.Time
	forget  time.Time
}

func newNonces(limit int) *nonces {
	return &nonces{max: limit, seen: make(map[Nonce]struct{})}
}

// use takes the nonce of t, or says why it cannot be taken.
func (n *nonces) use(t Ticket, now time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forget(now)
	if _, used := n.seen[t.Nonce]; used {
		return im.Errorf(im.CodeTicketReplayed, "the ticket was used before; ask a NAS for a new one")
	}
	if !t.Expires.After(n.floor) {
		return im.Errorf(im.CodeTicketExpired, "the ticket is older than tickets that this server has forgotten; ask a NAS for a new one")
	}
	if len(n.seen) >= n.max {
		return &im.Error{
			Code: im.CodeRetryLater, RetryAfter: time.Second,
			Detail: "too many tickets were used in the last minutes; come back in a moment",
		}
	}
	n.seen[t.Nonce] = struct{}{}
	n.queue = append(n.queue, usedNonce{nonce: t.Nonce, expires: t.Expires, forget: now.Add(keep)})
	return nil
}

// forget is called with mu held.
func (n *nonces) forget(now time.Time) {
	for n.head < len(n.queue) && now.After(n.queue[n.head].forget) {
		u := n.queue[n.head]
		n.head++
		delete(n.seen, u.nonce)
		if u.expires.After(n.floor) {
			n.floor = u.expires
		}
	}
	if n.head > len(n.queue)/2 {
		n.queue = append(n.queue[:0], n.queue[n.head:]...)
		n.head = 0
	}
}
