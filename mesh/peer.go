package mesh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cxx-im/cxx/im"
)

// peer is another node, whether linked or not. Its goroutine owns the link. A
// peer is never removed: there are at most im.MaxNode, and an idle one costs
// nothing but its goroutine.
type peer struct {
	mesh *Mesh
	id   im.NodeID
	wake chan struct{} // something below has changed
	live atomic.Pointer[link]

	mu       sync.Mutex
	node     im.Node   // guarded by mu: as the newest lease had it; zero: there was none
	missing  time.Time // guarded by mu: since when the lease has been gone; zero: it is there
	incoming *link     // guarded by mu: accepted, waits for the owner
	lastErr  string    // guarded by mu: why the last attempt failed
	ended    bool      // guarded by mu: there is no owner any more
}

func newPeer(m *Mesh, id im.NodeID) *peer {
	return &peer{mesh: m, id: id, wake: make(chan struct{}, 1), missing: time.Now()}
}

var errStopped = errors.New("mesh: this node is shutting down")

// run owns the links to the peer, one after the other, until ctx ends.
func (p *peer) run(ctx context.Context) {
	defer p.finish()
	var wait time.Duration // before the next dial
	for {
		l := p.next(ctx, wait)
		if l == nil {
			return
		}
		p.serve(ctx, l)
		wait = p.longer(wait)
		if time.Since(l.since) >= p.mesh.cfg.DeadAfter.D() {
			wait = p.mesh.cfg.RedialMin.D()
		}
	}
}

// finish lets go of a link that was accepted too late.
func (p *peer) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.incoming != nil {
		p.incoming.close(endShutdown, nil)
	}
}

func (p *peer) longer(wait time.Duration) time.Duration {
	return min(max(2*wait, p.mesh.cfg.RedialMin.D()), p.mesh.cfg.RedialMax.D())
}

// serve runs one link from up to down.
func (p *peer) serve(ctx context.Context, l *link) {
	m := p.mesh
	p.live.Store(l)
	m.metrics.links.Inc()
	m.metrics.opened.Inc()
	m.log.Info("link opened", "peer", l.peer, "epoch", l.epoch, "version", l.version, "remote", l.raw.RemoteAddr())
	var writer sync.WaitGroup
	writer.Go(func() { l.write(ctx, m) })
	p.recheck(l)
	m.handler.LinkUp(l.peer, l.epoch)
	l.read(m)
	p.live.Store(nil)
	p.parted()
	writer.Wait()
	m.metrics.links.Dec()
	why, err := l.ended()
	m.metrics.ended.WithLabelValues(string(why)).Inc()
	m.log.Info("link ended", "peer", l.peer, "epoch", l.epoch, "reason", string(why), "err", err)
	p.fail(err)
	m.handler.LinkDown(l.peer, l.epoch)
}

// next returns the next link: one that was accepted, or one that it dials
// after a while. Nil means that ctx has ended.
func (p *peer) next(ctx context.Context, wait time.Duration) *link {
	for first := true; ctx.Err() == nil; {
		l, node, dial := p.wish()
		if l != nil {
			return l
		}
		if !dial {
			select {
			case <-ctx.Done():
			case <-p.wake:
			}
			continue
		}
		if wait > 0 && pause(ctx, jitter(wait), p.wake) {
			wait = 0 // there is news of the peer
			continue
		}
		l, err := p.mesh.dial(ctx, node)
		if err == nil {
			p.fail(nil)
			return l
		}
		if ctx.Err() != nil {
			return nil
		}
		p.mesh.metrics.failed.Inc()
		if p.fail(err) || first {
			p.mesh.log.Warn("peer was not reached, will try again", "peer", p.id, "err", err)
		}
		first = false
		wait = p.longer(wait)
	}
	return nil
}

// jitter is between half of d and d, so that nodes do not dial in step.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// wish says what there is to do: serve an accepted link, dial, or wait.
func (p *peer) wish() (l *link, n im.Node, dial bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, p.incoming = p.incoming, nil
	return l, p.node, p.mesh.self.ID < p.id && p.node.Mesh != "" && !p.forgottenLocked()
}

func (p *peer) forgottenLocked() bool {
	return !p.missing.IsZero() && time.Since(p.missing) >= p.mesh.cfg.ForgetAfter.D()
}

// fail records why there is no link, and reports whether that is news.
func (p *peer) fail(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	news := text != p.lastErr
	p.lastErr = text
	return news
}

// admits refuses incarnations that have been followed by another.
func (p *peer) admits(epoch uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.admitsLocked(epoch)
}

func (p *peer) admitsLocked(epoch uint64) error {
	if p.ended {
		return errStopped
	}
	newest := p.node.Epoch
	if l := p.live.Load(); l != nil {
		newest = max(newest, l.epoch)
	}
	if p.incoming != nil {
		newest = max(newest, p.incoming.epoch)
	}
	if epoch < newest {
		return fmt.Errorf("mesh: incarnation %d of node %d is not the newest, that is %d; are two processes running with this id?", epoch, p.id, newest)
	}
	return nil
}

// offer gives the owner an accepted link, which replaces what there is.
func (p *peer) offer(l *link) error {
	p.mu.Lock()
	if err := p.admitsLocked(l.epoch); err != nil {
		p.mu.Unlock()
		return err
	}
	older, old := p.incoming, p.live.Load() // which cannot be l yet
	p.incoming = l
	if !p.missing.IsZero() {
		p.missing = time.Now() // it has dialled, so its lease should appear
	}
	p.mu.Unlock()
	if older != nil {
		older.close(endReplaced, nil)
	}
	if old != nil {
		old.close(endReplaced, nil)
	}
	p.poke()
	return nil
}

// seen takes the lease of the peer.
func (p *peer) seen(n im.Node) {
	p.mu.Lock()
	changed := n.Epoch != p.node.Epoch || n.Mesh != p.node.Mesh || p.forgottenLocked()
	p.node, p.missing = n, time.Time{}
	p.mu.Unlock()
	if changed {
		p.poke()
	}
	if l := p.live.Load(); l != nil {
		p.recheck(l)
	}
}

// gone takes that the peer has no lease. A link that works is proof of life and
// stays: the peer may have lost the registry, and nothing else. Without a link
// the peer is dialled for a while yet.
func (p *peer) gone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.missing.IsZero() {
		p.missing = time.Now()
	}
}

// parted takes that the link to the peer has ended: until then it was alive.
func (p *peer) parted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.missing.IsZero() {
		p.missing = time.Now()
	}
}

// recheck ends a link that has a successor, or whose incarnation has one.
func (p *peer) recheck(l *link) {
	p.mu.Lock()
	newest, next := p.node.Epoch, p.incoming
	p.mu.Unlock()
	switch {
	case l.epoch < newest:
		l.close(endNewer, nil)
	case next != nil:
		l.close(endReplaced, nil)
	}
}

func (p *peer) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
