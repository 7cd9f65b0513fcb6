package nas

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/presence"
)

var _ Nodes = presence.Registry(nil)

// fakeNodes is the presence registry as NAS sees it.
type fakeNodes struct {
	mu    sync.Mutex // guards all below
	list  []im.Node
	err   error
	reads int
}

func (f *fakeNodes) Nodes(context.Context) ([]im.Node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	return slices.Clone(f.list), f.err
}

func (f *fakeNodes) set(err error, list ...im.Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.err = list, err
}

func acsNode(id im.NodeID) im.Node {
	return im.Node{ID: id, Epoch: uint64(id) + 100, Role: "acs", CXX: "10.0.0." + string('0'+rune(id)) + ":5210", Capacity: 1000}
}

func bigNode(id im.NodeID) im.Node {
	n := acsNode(id)
	n.Capacity = 1 << 20
	return n
}

// rig is a Picker with a clock and nodes in the hands of the test.
type rig struct {
	*Picker
	nodes *fakeNodes
	time  time.Time
}

func newRig(t *testing.T, change func(*Config), list ...im.Node) *rig {
	t.Helper()
	cfg := Default()
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &rig{nodes: &fakeNodes{list: list}, time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	r.Picker = NewPicker(cfg, r.nodes, slog.New(slog.DiscardHandler), nil)
	r.now = func() time.Time { return r.time }
	r.jitter = func() float64 { return 0.5 }
	r.Refresh(t.Context())
	return r
}

// picks gives the shares of n picks, all of which have to succeed.
func (r *rig) picks(t *testing.T, n int) map[im.NodeID]int {
	t.Helper()
	shares := map[im.NodeID]int{}
	for range n {
		c, err := r.Pick()
		if err != nil {
			t.Fatalf("Pick: %v", err)
		}
		shares[c.Node.ID]++
	}
	return shares
}

func (r *rig) expect(t *testing.T, n int, want map[im.NodeID]int) {
	t.Helper()
	got := r.picks(t, n)
	for id := range im.NodeID(10) {
		if got[id] != want[id] {
			t.Fatalf("shares are %v, want %v", got, want)
		}
	}
}

func TestRotation(t *testing.T) {
	r := newRig(t, nil, acsNode(7), acsNode(2), acsNode(5))
	r.expect(t, 300, map[im.NodeID]int{2: 100, 5: 100, 7: 100})
}

func TestOnlyACS(t *testing.T) {
	other := acsNode(1)
	other.Role = "nas"
	mute := acsNode(2) // an ACS without a C-XX listener, such as an XMPP gateway
	mute.CXX = ""
	r := newRig(t, nil, other, mute, acsNode(3))
	r.expect(t, 10, map[im.NodeID]int{3: 10})
}

func TestJoinAndLeave(t *testing.T) {
	r := newRig(t, nil, acsNode(1), acsNode(3))
	r.expect(t, 101, map[im.NodeID]int{1: 51, 3: 50})
	r.nodes.set(nil, acsNode(1), acsNode(2), acsNode(3))
	r.Refresh(t.Context())
	r.expect(t, 300, map[im.NodeID]int{1: 100, 2: 100, 3: 100})
	r.nodes.set(nil, acsNode(2), acsNode(3))
	r.Refresh(t.Context())
	r.expect(t, 100, map[im.NodeID]int{2: 50, 3: 50})
	r.time = r.time.Add(time.Minute)
	// The one that left comes back as a new incarnation.
	back := acsNode(1)
	back.Epoch++
	r.nodes.set(nil, back, acsNode(2), acsNode(3))
	r.Refresh(t.Context())
	r.expect(t, 300, map[im.NodeID]int{1: 100, 2: 100, 3: 100})
}

// Nodes that come and go all the time leave the others equal.
func TestFlapping(t *testing.T) {
	r := newRig(t, nil, acsNode(1), acsNode(2), acsNode(3))
	shares := map[im.NodeID]int{}
	for i := range 600 {
		list := []im.Node{acsNode(1), acsNode(3)}
		if i%3 == 0 {
			list = append(list, acsNode(2))
		}
		r.nodes.set(nil, list...)
		r.time = r.time.Add(time.Second)
		r.Refresh(t.Context())
		for id, n := range r.picks(t, 5) {
			shares[id] += n
		}
	}
	if d := shares[1] - shares[3]; d < -300 || d > 300 {
		t.Fatalf("shares of the steady ones are %d and %d", shares[1], shares[3])
	}
}

func TestDraining(t *testing.T) {
	leaving := acsNode(1)
	leaving.Draining = true
	r := newRig(t, nil, leaving, acsNode(2))
	r.expect(t, 10, map[im.NodeID]int{2: 10})
	c, err := r.Pick()
	if err != nil || len(c.Alternatives) != 0 {
		t.Fatalf("alternatives are %v, %v; want none", c.Alternatives, err)
	}
	r.nodes.set(nil, leaving)
	r.Refresh(t.Context())
	wantNone(t, r)
}

func TestFull(t *testing.T) {
	full, nearly := acsNode(1), acsNode(2)
	full.Sessions, nearly.Sessions = 900, 898
	r := newRig(t, nil, full, nearly, acsNode(3))
	// Node 2 takes two more before it is full; that is not in its lease yet.
	r.expect(t, 100, map[im.NodeID]int{2: 2, 3: 98})
	nearly.Sessions = 800
	r.nodes.set(nil, full, nearly)
	r.Refresh(t.Context())
	r.expect(t, 100, map[im.NodeID]int{2: 100})
	wantNone(t, r)
	unlimited := acsNode(4)
	unlimited.Capacity, unlimited.Sessions = 0, 1<<30
	r.nodes.set(nil, full, unlimited)
	r.Refresh(t.Context())
	r.expect(t, 100, map[im.NodeID]int{4: 100})
}

func TestAlternatives(t *testing.T) {
	var list []im.Node
	for id := range im.NodeID(6) {
		list = append(list, acsNode(id+1))
	}
	r := newRig(t, nil, list...)
	for i := range 6 {
		c, err := r.Pick()
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for j := range 3 {
			want = append(want, list[(i+j+1)%6].CXX)
		}
		if c.Node.CXX != list[i].CXX || !slices.Equal(c.Alternatives, want) {
			t.Fatalf("pick %d is %s with %v, want %s with %v", i, c.Node.CXX, c.Alternatives, list[i].CXX, want)
		}
	}
}

func TestNobody(t *testing.T) {
	wantNone(t, newRig(t, nil))
}

func wantNone(t *testing.T, r *rig) {
	t.Helper()
	_, err := r.Pick()
	var e *im.Error
	if !errors.As(err, &e) || e.Code != im.CodeNoACS || e.RetryAfter < time.Second || e.RetryAfter > 3*time.Second {
		t.Fatalf("got %v, want NO_ACS and when to ask again", err)
	}
}

func TestRegistryDown(t *testing.T) {
	r := newRig(t, nil, acsNode(1), acsNode(2))
	r.nodes.set(errors.New("down"))
	for range 4 {
		r.time = r.time.Add(time.Minute)
		r.Refresh(t.Context())
		r.expect(t, 100, map[im.NodeID]int{1: 50, 2: 50})
	}
	r.time = r.time.Add(time.Minute + time.Second)
	r.Refresh(t.Context())
	wantNone(t, r)
	r.nodes.set(nil, acsNode(2))
	r.Refresh(t.Context())
	r.expect(t, 100, map[im.NodeID]int{2: 100})
}

// A flushed registry is empty for a moment, though every ACS is alive.
func TestRegistryFlushed(t *testing.T) {
	r := newRig(t, nil, acsNode(1), acsNode(2))
	r.nodes.set(nil)
	for range 4 {
		r.time = r.time.Add(time.Second)
		r.Refresh(t.Context())
		r.expect(t, 10, map[im.NodeID]int{1: 5, 2: 5})
	}
	r.time = r.time.Add(time.Second)
	r.Refresh(t.Context())
	wantNone(t, r)
}

// In a storm everybody gets an ACS or a time, and no ACS gets more than its
// rate once the burst is spent.
func TestStorm(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Logins, c.LoginBurst, c.MaxWait = 100, 50, config.Duration(10*time.Second) },
		bigNode(1), bigNode(2))
	perSecond := map[im.NodeID]map[int]int{1: {}, 2: {}}
	later := 0
	for range 3000 {
		c, err := r.Pick()
		if err != nil {
			var e *im.Error
			if !errors.As(err, &e) || e.Code != im.CodeRetryLater {
				t.Fatalf("Pick: %v", err)
			}
			if e.RetryAfter < 5*time.Second || e.RetryAfter > 15*time.Second {
				t.Fatalf("told to ask again after %s", e.RetryAfter)
			}
			later++
			continue
		}
		perSecond[c.Node.ID][int(c.Wait/time.Second)]++
	}
	for id, at := range perSecond {
		if at[0] < 140 || at[0] > 151 {
			t.Fatalf("ACS %d gets %d in the first second, want the burst and the rate", id, at[0])
		}
		for sec := 1; sec < 10; sec++ {
			if at[sec] != 100 {
				t.Fatalf("ACS %d gets %d in second %d, want 100", id, at[sec], sec)
			}
		}
	}
	if later < 800 || later > 1000 {
		t.Fatalf("%d of 3000 were told to ask again", later)
	}
	// A new ACS takes logins at once, while the others are busy.
	r.nodes.set(nil, bigNode(1), bigNode(2), bigNode(3))
	r.Refresh(t.Context())
	r.expect(t, 50, map[im.NodeID]int{3: 50})
	// When the storm is over nobody waits.
	r.time = r.time.Add(time.Minute)
	c, err := r.Pick()
	if err != nil || c.Wait != 0 {
		t.Fatalf("after the storm: wait %s, %v", c.Wait, err)
	}
}

func TestRunRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := &fakeNodes{}
		p := NewPicker(Default(), nodes, slog.New(slog.DiscardHandler), nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		synctest.Wait()
		if _, err := p.Pick(); im.CodeOf(err) != im.CodeNoACS {
			t.Fatalf("an empty list gives %v", err)
		}
		nodes.set(nil, acsNode(1))
		<-time.After(120 * time.Millisecond) // an empty list is read more often
		synctest.Wait()
		if _, err := p.Pick(); err != nil {
			t.Fatalf("a new ACS was not seen: %v", err)
		}
		nodes.set(nil, acsNode(1), acsNode(2))
		<-time.After(1200 * time.Millisecond)
		synctest.Wait()
		if p.Live() != 2 || nodes.reads > 4 {
			t.Fatalf("%d ACS after %d readings", p.Live(), nodes.reads)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatalf("Run ended with %v", err)
		}
	})
}
