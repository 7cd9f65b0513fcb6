package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

const (
	accountFresh = 3 * time.Second // well inside the 5 s in which a revocation must bite
	accountMost  = 20_000          // accounts remembered
	plainMost    = 20_000          // right passwords remembered
)

// accountCache remembers accounts for a few seconds, so that devices coming
// back together cost one read. It holds no verifiers.
type accountCache struct {
	mu   sync.Mutex
	seen lru[im.UserID, readAccount] // guarded by mu
}

type readAccount struct {
	acct im.Account
	at   time.Time // just before it was read: what was changed later may be missing
}

func newAccountCache() *accountCache {
	return &accountCache{seen: newLRU[im.UserID, readAccount](accountMost)}
}

func (c *accountCache) get(u im.UserID, now time.Time) (readAccount, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.seen.get(u)
	return r, ok && now.Sub(r.at) < accountFresh && !now.Before(r.at)
}

func (c *accountCache) put(r readAccount) {
	r.acct.Verifiers = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.put(r.acct.ID, r)
}

func (c *accountCache) forget(u im.UserID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.remove(u)
}

// plainCache remembers, under a key that lives only in this process, which
// passwords were right, so that a PLAIN login does not cost the full work each
// time. The verifier is part of what is remembered: a new password makes the
// old entry useless.
type plainCache struct {
	keep time.Duration
	now  func() time.Time
	key  []byte

	mu    sync.Mutex
	right lru[[sha256.Size]byte, time.Time] // guarded by mu: good until
}

func newPlainCache(keep time.Duration, now func() time.Time) *plainCache {
	return &plainCache{keep: keep, now: now, key: randomBytes(sha256.Size), right: newLRU[[sha256.Size]byte, time.Time](plainMost)}
}

func (c *plainCache) print(verifier []byte, password string) [sha256.Size]byte {
	m := hmac.New(sha256.New, c.key)
	sum := sha256.Sum256(verifier) // of fixed length, so that the two cannot run together
	m.Write(sum[:])
	m.Write([]byte(password))
	return [sha256.Size]byte(m.Sum(nil))
}

func (c *plainCache) has(print [sha256.Size]byte) bool {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.right.get(print)
	return ok && now.Before(until)
}

func (c *plainCache) put(print [sha256.Size]byte) {
	if c.keep == 0 {
		return
	}
	until := c.now().Add(c.keep)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.right.put(print, until)
}
