package redis

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cxx-im/cxx/im"
)

// announced is what Announce remembers of an incarnation it announces.
type announced struct {
	runID  string    // of the Redis process that took the last announcement
	renews time.Time // when the sessions have to be put again, before they expire
}

// Announce renews the lease of a node; see presence.Registry. Besides a missing
// lease, another Redis process (a restart from an older snapshot, a failover)
// and records half way to their expiry give known=false.
func (r *Registry) Announce(ctx context.Context, n im.Node, lease time.Duration) (known bool, err error) {
	info, err := json.Marshal(n)
	if err != nil {
		return false, err
	}
	inc := incarnation{id: n.ID, epoch: n.Epoch}
	err = r.do(ctx, "announce", func(ctx context.Context) error {
		var answer *goredis.Cmd
		var server *goredis.StringCmd
		_, err := r.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			answer = announceScript.EvalSha(ctx, p, []string{r.nodeKey(n.ID), r.incsKey()},
				strconv.FormatUint(n.Epoch, 10), info, max(lease.Milliseconds(), 1), inc.String())
			server = p.Info(ctx, "server")
			return nil
		})
		// An ACL may forbid INFO; then restarts are noticed by the lost lease only.
		if err != nil && (answer.Err() != nil || !goredis.HasErrorPrefix(err, "NOPERM")) {
			return err
		}
		switch code, _ := answer.Int(); code {
		case -1:
			return im.Errorf(im.CodeConflict,
				"node id %d belongs to a newer incarnation; give every node its own id, or stop this process", n.ID)
		case 1:
			known = true
		}
		known = r.remember(inc, runID(server.Val())) && known
		return nil
	})
	return known && err == nil, err
}

// remember reports whether the sessions of an incarnation are still where they
// were put, and young enough.
func (r *Registry) remember(inc incarnation, run string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, ok := r.state[inc]
	now := r.now()
	if ok && last.runID == run && now.Before(last.renews) {
		return true
	}
	r.state[inc] = announced{runID: run, renews: now.Add(r.cfg.SessionTTL.D() / 2)}
	return false
}

func (r *Registry) forget(inc incarnation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.state, inc)
}

// runID picks the id of the Redis process from INFO.
func runID(info string) string {
	lines := bufio.NewScanner(strings.NewReader(info))
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "run_id:"); ok {
			return strings.TrimSpace(id)
		}
	}
	return ""
}

// Nodes returns the nodes with a live lease, in the order of their ids.
func (r *Registry) Nodes(ctx context.Context) (nodes []im.Node, err error) {
	var infos []string
	err = r.do(ctx, "nodes", func(ctx context.Context) (err error) {
		infos, err = nodesScript.EvalSha(ctx, r.client, []string{r.incsKey()}, r.nodePrefix()).StringSlice()
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		var n im.Node
		if err := json.Unmarshal([]byte(info), &n); err != nil {
			r.log.Warn("a node record was not readable", "err", err)
			continue
		}
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b im.Node) int { return cmp.Compare(a.ID, b.ID) })
	return nodes, nil
}

// Withdraw ends the lease of an incarnation and removes its sessions.
func (r *Registry) Withdraw(ctx context.Context, id im.NodeID, epoch uint64) error {
	inc := incarnation{id: id, epoch: epoch}
	r.forget(inc)
	err := r.do(ctx, "withdraw", func(ctx context.Context) error {
		return withdrawScript.EvalSha(ctx, r.client, []string{r.nodeKey(id)}, strconv.FormatUint(epoch, 10)).Err()
	})
	if err != nil {
		return err
	}
	_, err = r.sweepOne(ctx, inc)
	return err
}
