package acs

import (
	"sync"

	"github.com/cxx-im/cxx/im"
)

const hubShards = 64

// hub holds the sessions of this node by user. Any goroutine may call it.
type hub struct {
	shards [hubShards]hubShard
}

type hubShard struct {
	mu    sync.RWMutex
	users map[im.UserID][]*session // guarded by mu; a slice is replaced, never changed
}

func newHub() *hub {
	h := &hub{}
	for i := range h.shards {
		h.shards[i].users = make(map[im.UserID][]*session)
	}
	return h
}

func (h *hub) shard(u im.UserID) *hubShard { return &h.shards[uint64(u)%hubShards] }

// add registers s.
func (h *hub) add(s *session) {
	sh := h.shard(s.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.users[s.user]
	sh.users[s.user] = append(old[:len(old):len(old)], s)
}

// remove forgets s; false when it was not there.
func (h *hub) remove(s *session) bool {
	sh := h.shard(s.user)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	old := sh.users[s.user]
	rest := make([]*session, 0, len(old))
	for _, o := range old {
		if o != s {
			rest = append(rest, o)
		}
	}
	if len(rest) == 0 {
		delete(sh.users, s.user)
	} else {
		sh.users[s.user] = rest
	}
	return len(rest) < len(old)
}

// of returns the sessions of u. The slice must not be changed.
func (h *hub) of(u im.UserID) []*session {
	sh := h.shard(u)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.users[u]
}

// all returns every session; each shard is seen at one moment.
func (h *hub) all() []*session {
	var out []*session
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.RLock()
		for _, list := range sh.users {
			out = append(out, list...)
		}
		sh.mu.RUnlock()
	}
	return out
}

// users returns the users that have a session here.
func (h *hub) users() []im.UserID {
	var out []im.UserID
	for i := range h.shards {
		sh := &h.shards[i]
		sh.mu.RLock()
		for u := range sh.users {
			out = append(out, u)
		}
		sh.mu.RUnlock()
	}
	return out
}
