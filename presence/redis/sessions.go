package redis

import (
	"context"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cxx-im/cxx/im"
)

// perTrip bounds the items of one pipeline, so that neither side buffers
// without limit. What the core writes in one go is below it.
const perTrip = 5000

// Put records sessions.
func (r *Registry) Put(ctx context.Context, sessions []im.SessionInfo) error {
	for chunk := range slices.Chunk(sessions, perTrip) {
		if err := r.put(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// put writes the sets of the incarnations first: a pipeline that is cut in the
// middle may leave a name too many there, which is harmless, but no session
// that Sweep would not find.
func (r *Registry) put(ctx context.Context, sessions []im.SessionInfo) error {
	owned := make(map[incarnation][]any)
	for i := range sessions {
		k := sessions[i].SessionKey
		owned[owner(k)] = append(owned[owner(k)], member(k))
	}
	ttl := r.cfg.SessionTTL.D()
	return r.do(ctx, "put", func(ctx context.Context) error {
		_, err := r.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for inc, members := range owned {
				p.SAdd(ctx, r.incsKey(), inc.String())
				p.SAdd(ctx, r.ownedKey(inc), members...)
				p.PExpire(ctx, r.ownedKey(inc), ttl)
			}
			for i := range sessions {
				s := &sessions[i]
				key := r.userKey(s.User)
				p.HSet(ctx, key, field(s.SessionKey), encodeSession(s))
				p.PExpire(ctx, key, ttl)
			}
			return nil
		})
		return err
	})
}

// Remove takes sessions out.
func (r *Registry) Remove(ctx context.Context, keys []im.SessionKey) error {
	for chunk := range slices.Chunk(keys, perTrip) {
		if err := r.remove(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) remove(ctx context.Context, keys []im.SessionKey) error {
	owned := make(map[incarnation][]any)
	for _, k := range keys {
		owned[owner(k)] = append(owned[owner(k)], member(k))
	}
	return r.do(ctx, "remove", func(ctx context.Context) error {
		_, err := r.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for _, k := range keys {
				p.HDel(ctx, r.userKey(k.User), field(k))
			}
			for inc, members := range owned {
				p.SRem(ctx, r.ownedKey(inc), members...)
			}
			return nil
		})
		return err
	})
}

// Lookup returns the sessions of users whose node incarnation is alive. Which
// incarnations are alive comes in the same round trip.
func (r *Registry) Lookup(ctx context.Context, users []im.UserID) (map[im.UserID][]im.SessionInfo, error) {
	out := make(map[im.UserID][]im.SessionInfo, len(users))
	for chunk := range slices.Chunk(users, perTrip) {
		if err := r.lookup(ctx, chunk, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *Registry) lookup(ctx context.Context, users []im.UserID, out map[im.UserID][]im.SessionInfo) error {
	var live *goredis.Cmd
	hashes := make([]*goredis.MapStringStringCmd, len(users))
	err := r.do(ctx, "lookup", func(ctx context.Context) error {
		_, err := r.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			live = incarnationsScript.EvalSha(ctx, p, []string{r.incsKey()}, r.nodePrefix(), "live")
			for i, u := range users {
				hashes[i] = p.HGetAll(ctx, r.userKey(u))
			}
			return nil
		})
		return err
	})
	if err != nil {
		return err
	}
	alive, err := incarnationSet(live)
	if err != nil {
		return err
	}
	for i, u := range users {
		out[u] = r.decodeUser(u, hashes[i].Val(), alive)
		if len(out[u]) == 0 {
			delete(out, u)
		}
	}
	return nil
}

func incarnationSet(c *goredis.Cmd) (map[incarnation]bool, error) {
	names, err := c.StringSlice()
	if err != nil {
		return nil, err
	}
	set := make(map[incarnation]bool, len(names))
	for _, name := range names {
		if inc, ok := parseIncarnation(name); ok {
			set[inc] = true
		}
	}
	return set, nil
}

func (r *Registry) decodeUser(u im.UserID, hash map[string]string, alive map[incarnation]bool) []im.SessionInfo {
	var out []im.SessionInfo
	for name, value := range hash {
		k, ok := parseField(u, name)
		if !ok || !alive[owner(k)] {
			continue
		}
		s, err := decodeSession(k, value)
		if err != nil {
			r.log.Warn("a session record was not readable", "user", u, "session", k.Session, "err", err)
			continue
		}
		out = append(out, s)
	}
	return out
}
