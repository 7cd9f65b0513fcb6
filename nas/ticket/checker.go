package ticket

import (
	"crypto/ed25519"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Checker admits tickets for one incarnation of an ACS, each once. It is safe
// for any goroutine and satisfies im.TicketChecker.
type Checker struct {
	node     im.NodeID
	epoch    uint64
	required bool
	keys     atomic.Pointer[map[KeyID]ed25519.PublicKey]
	used     *nonces
}

// NewChecker returns a Checker for the ACS incarnation (node, epoch) that
// accepts tickets signed with one of keys. required refuses logins without a
// ticket; then there has to be a key.
func NewChecker(node im.NodeID, epoch uint64, keys []ed25519.PublicKey, required bool) (*Checker, error) {
	c := &Checker{node: node, epoch: epoch, required: required, used: newNonces(maxNonces)}
	if err := c.SetKeys(keys); err != nil {
		return nil, err
	}
	return c, nil
}

// SetKeys replaces the accepted keys, while running: to rotate, add the new
// key everywhere, change NAS, and take the old one out after TTL.
func (c *Checker) SetKeys(keys []ed25519.PublicKey) error {
	if c.required && len(keys) == 0 {
		return errors.New("ticket: tickets are required but no key is given; name the public key file of each NAS")
	}
	byID := make(map[KeyID]ed25519.PublicKey, len(keys))
	for _, k := range keys {
		if len(k) != ed25519.PublicKeySize {
			return errors.New("ticket: a public key has the wrong length")
		}
		if other, there := byID[IDOf(k)]; there && !other.Equal(k) {
			return errors.New("ticket: two public keys have the same id; make a new key for one NAS")
		}
		byID[IDOf(k)] = k
	}
	c.keys.Store(&byID)
	return nil
}

// Check verifies a ticket and uses it up. An empty ticket is refused only when
// tickets are required. The error is an *im.Error.
func (c *Checker) Check(ticket []byte, now time.Time) error {
	if len(ticket) == 0 {
		return c.checkNone()
	}
	t, err := Parse(ticket)
	if err != nil {
		return err
	}
	if err := c.checkOrigin(t, ticket); err != nil {
		return err
	}
	if err := checkTime(t, now); err != nil {
		return err
	}
	return c.used.use(t, now)
}

func (c *Checker) checkNone() error {
	if !c.required {
		return nil
	}
	return im.Errorf(im.CodeTicketForeign, "this server wants a login ticket; ask a NAS for one with Allocate")
}

// checkOrigin comes before everything that leaves a trace: only what a NAS has
// signed for us may take room among the used nonces.
func (c *Checker) checkOrigin(t Ticket, raw []byte) error {
	key, ok := (*c.keys.Load())[t.Key]
	if !ok {
		return im.Errorf(im.CodeTicketForeign, "the ticket was signed with a key that this server does not know; ask a NAS of this cell")
	}
	if t.Node != c.node {
		return im.Errorf(im.CodeTicketForeign, "the ticket is for another server; dial the address it came with, or ask a NAS for a new one")
	}
	if t.Epoch != c.epoch {
		return im.Errorf(im.CodeTicketForeign, "the ticket is from before this server was restarted; ask a NAS for a new one")
	}
	if !verify(key, raw) {
		return im.Errorf(im.CodeTicketForeign, "the signature of the ticket is wrong; ask a NAS for a new one")
	}
	return nil
}

func checkTime(t Ticket, now time.Time) error {
	switch {
	case t.Expires.Sub(t.Issued) > TTL:
		return im.Errorf(im.CodeTicketForeign, "the ticket claims to be good for more than %s; ask a NAS for a new one", TTL)
	case now.After(t.Expires.Add(Skew)):
		return im.Errorf(im.CodeTicketExpired, "the ticket is older than %s; ask a NAS for a new one", TTL)
	case now.Before(t.Issued.Add(-Skew)):
		return im.Errorf(im.CodeTicketExpired, "the ticket is from the future; the clocks of NAS and this server disagree by more than %s", Skew)
	}
	return nil
}
