package nas

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
)

// maxAlternatives is how many further addresses come with an answer.
const maxAlternatives = 3

// emptyGrace is how long an empty list is not believed after a full one: a
// registry that was flushed is empty until the ACS announce themselves again,
// and that is likelier than all of them dying at once.
const emptyGrace = 5 * time.Second

// Choice is what Pick gives: the ACS to dial, others in case it does not
// answer, and how long to wait before dialling.
type Choice struct {
	Node         im.Node
	Alternatives []string
	Wait         time.Duration
}

// Picker keeps the list of live ACS and gives them out in rotation. Run keeps
// the list fresh; the other methods are safe for any goroutine.
type Picker struct {
	cfg     Config
	nodes   Nodes
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time
	jitter  func() float64 // in [0, 1)

	mu      sync.Mutex // guards all below
	list    []im.Node  // ACS by id, from the last good reading
	read    time.Time  // when that was
	failing bool
	last    im.NodeID             // the one given out last
	given   map[im.NodeID]int     // given out since the list was read
	buckets map[im.NodeID]*bucket // logins each may get now
}

// NewPicker returns a Picker with an empty list. metrics may be nil.
func NewPicker(cfg Config, nodes Nodes, log *slog.Logger, reg prometheus.Registerer) *Picker {
	return &Picker{
		cfg:     cfg,
		nodes:   nodes,
		log:     log,
		metrics: newMetrics(reg),
		now:     time.Now,
		jitter:  rand.Float64,
		given:   make(map[im.NodeID]int),
		buckets: make(map[im.NodeID]*bucket),
	}
}

// hurry is how much more often the list is read while it is empty: when a cell
// starts, clients wait for it.
const hurry = 10

// Run reads the list at once and then about every Config.Refresh, until ctx
// ends; it returns nil. The times vary, so that many NAS do not read together.
func (p *Picker) Run(ctx context.Context) error {
	for {
		p.Refresh(ctx)
		pause := time.Duration(float64(p.cfg.Refresh.D()) * (0.9 + 0.2*p.jitter()))
		if p.Live() == 0 {
			pause /= hurry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// Refresh reads the list once. When that fails the last list stays.
func (p *Picker) Refresh(ctx context.Context) {
	nodes, err := p.nodes.Nodes(ctx)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	turned := p.failing != (err != nil)
	p.failing = err != nil
	if err == nil {
		p.take(nodes)
	}
	age := p.now().Sub(p.read)
	live := len(p.list)
	p.mu.Unlock()
	p.metrics.age.Set(age.Seconds())
	p.metrics.live.Set(float64(live))
	switch {
	case turned && err != nil:
		p.log.Warn("the list of ACS could not be read; the last one is used", "err", err)
	case turned:
		p.log.Info("the list of ACS could be read again")
	}
}

// Live returns how many ACS are in the list, full and draining ones included.
func (p *Picker) Live() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.list)
}

// take is called with mu held.
func (p *Picker) take(nodes []im.Node) {
	list := make([]im.Node, 0, len(nodes))
	for _, n := range nodes {
		if n.Role == "acs" && n.CXX != "" {
			list = append(list, n)
		}
	}
	if len(list) == 0 && len(p.list) > 0 && p.now().Sub(p.read) < emptyGrace {
		return
	}
	slices.SortFunc(list, func(a, b im.Node) int { return cmp.Compare(a.ID, b.ID) })
	p.list, p.read = list, p.now()
	clear(p.given)
	for id := range p.buckets {
		if !slices.ContainsFunc(list, func(n im.Node) bool { return n.ID == id }) {
			delete(p.buckets, id)
		}
	}
}

// Pick chooses the next ACS. The error is an *im.Error: CodeNoACS when none is
// live or all are full or draining, CodeRetryLater when all have their hands
// full with logins; both say when to ask again.
func (p *Picker) Pick() (Choice, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if len(p.list) == 0 || now.Sub(p.read) > p.cfg.KeepLast.D() {
		return Choice{}, p.none("no ACS is running; ask again in a moment")
	}
	ready := p.ready()
	if len(ready) == 0 {
		return Choice{}, p.none("every ACS is full or about to stop; ask again in a moment")
	}
	best, wait := p.least(ready, now)
	if wait > p.cfg.MaxWait.D() {
		return Choice{}, p.storm()
	}
	n := ready[best]
	p.last = n.ID
	p.given[n.ID]++
	p.buckets[n.ID].tokens--
	return Choice{Node: n, Wait: wait.Round(time.Millisecond), Alternatives: alternatives(ready, best)}, nil
}

// ready returns the ACS that take logins, in rotation: first the one whose turn
// it is. The turn goes by id, so that joining and leaving nodes do not change
// it for the others. It is called with mu held.
func (p *Picker) ready() []im.Node {
	next, _ := slices.BinarySearchFunc(p.list, p.last+1, func(n im.Node, id im.NodeID) int { return cmp.Compare(n.ID, id) })
	out := make([]im.Node, 0, len(p.list))
	for i := range p.list {
		if n := p.list[(next+i)%len(p.list)]; !n.Draining && !p.full(n) {
			out = append(out, n)
		}
	}
	return out
}

// full counts what was given out since the node told its number. It is called
// with mu held.
func (p *Picker) full(n im.Node) bool {
	return n.Capacity > 0 && float64(n.Sessions+p.given[n.ID]) >= p.cfg.FullAt*float64(n.Capacity)
}

// least returns the first of ready that can take a login now, or else the one
// that can soonest. It is called with mu held.
func (p *Picker) least(ready []im.Node, now time.Time) (best int, wait time.Duration) {
	rate, burst := float64(p.cfg.Logins), float64(p.cfg.LoginBurst)
	for i, n := range ready {
		b := p.buckets[n.ID]
		if b == nil {
			fresh := fullBucket(burst, now)
			b = &fresh
			p.buckets[n.ID] = b
		}
		b.refill(rate, burst, now)
		if w := b.wait(rate); i == 0 || w < wait {
			best, wait = i, w
		}
		if wait == 0 {
			break
		}
	}
	return best, wait
}

// alternatives returns the addresses after the chosen one.
func alternatives(ready []im.Node, chosen int) []string {
	var out []string
	for i := 1; i < len(ready) && len(out) < maxAlternatives; i++ {
		out = append(out, ready[(chosen+i)%len(ready)].CXX)
	}
	return out
}

// none sends the client away for one to three seconds.
func (p *Picker) none(detail string) error {
	return &im.Error{Code: im.CodeNoACS, Detail: detail, RetryAfter: p.spread(time.Second, 3*time.Second)}
}

// storm sends the client away until the queue of those who got an ACS has
// mostly gone, each for another time.
func (p *Picker) storm() error {
	w := max(p.cfg.MaxWait.D(), time.Second)
	return &im.Error{
		Code: im.CodeRetryLater, RetryAfter: p.spread(w/2, w+w/2),
		Detail: "very many clients are logging in; ask again later",
	}
}

func (p *Picker) spread(from, to time.Duration) time.Duration {
	return (from + time.Duration(p.jitter()*float64(to-from))).Round(time.Millisecond)
}
