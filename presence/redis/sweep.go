package redis

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"github.com/cxx-im/cxx/im"
)

const (
	sweepChunk = 500              // sessions per script call: Redis answers nobody else meanwhile
	sweepLock  = 10 * time.Second // a sweeper that dies lets the next one in after this
)

// Sweep removes the sessions of incarnations without a lease. Who does not get
// the lock has nothing to do.
func (r *Registry) Sweep(ctx context.Context) (removed []im.SessionInfo, err error) {
	dead, err := r.deadIncarnations(ctx)
	if err != nil || len(dead) == 0 {
		return nil, err
	}
	token := rand.Text()
	locked := false
	err = r.do(ctx, "sweep_lock", func(ctx context.Context) (err error) {
		locked, err = r.client.SetNX(ctx, r.sweepKey(), token, sweepLock).Result()
		return err
	})
	if err != nil || !locked {
		return nil, err
	}
	defer func() {
		unlockErr := r.do(context.WithoutCancel(ctx), "sweep_unlock", func(ctx context.Context) error {
			return unlockScript.EvalSha(ctx, r.client, []string{r.sweepKey()}, token).Err()
		})
		if unlockErr != nil {
			r.log.Debug("the lock of the sweep was left to expire", "err", unlockErr)
		}
	}()
	for _, inc := range dead {
		gone, err := r.sweepOne(ctx, inc)
		removed = append(removed, gone...)
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (r *Registry) deadIncarnations(ctx context.Context) (dead []incarnation, err error) {
	err = r.do(ctx, "sweep_list", func(ctx context.Context) error {
		c := incarnationsScript.EvalSha(ctx, r.client, []string{r.incsKey()}, r.nodePrefix(), "dead")
		set, err := incarnationSet(c)
		dead = dead[:0]
		for inc := range set {
			dead = append(dead, inc)
		}
		return err
	})
	return dead, err
}

// sweepOne takes the sessions of one incarnation, chunk by chunk, as long as it
// has no lease.
func (r *Registry) sweepOne(ctx context.Context, inc incarnation) (removed []im.SessionInfo, err error) {
	for more := true; more; {
		var rows []string
		err := r.do(ctx, "sweep", func(ctx context.Context) (err error) {
			rows, err = sweepScript.EvalSha(ctx, r.client,
				[]string{r.incsKey(), r.nodeKey(inc.id), r.ownedKey(inc)},
				strconv.FormatUint(inc.epoch, 10), inc.String(), sweepChunk, r.userPrefix()).StringSlice()
			return err
		})
		if err != nil {
			return removed, err
		}
		more = len(rows) > 0 && rows[0] == "1"
		removed = append(removed, r.sweptRows(inc, rows)...)
	}
	return removed, nil
}

func (r *Registry) sweptRows(inc incarnation, rows []string) []im.SessionInfo {
	var out []im.SessionInfo
	for i := 1; i+2 < len(rows); i += 3 {
		user, err1 := strconv.ParseUint(rows[i], 10, 64)
		session, err2 := strconv.ParseUint(rows[i+1], 10, 64)
		k := im.SessionKey{User: im.UserID(user), Node: inc.id, NodeEpoch: inc.epoch, Session: im.SessionID(session)}
		s, err3 := decodeSession(k, rows[i+2])
		if err1 != nil || err2 != nil || err3 != nil {
			r.log.Warn("a swept session record was not readable", "node", inc.id)
			continue
		}
		out = append(out, s)
	}
	return out
}
