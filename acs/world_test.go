package acs

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
)

// world is a server among a storage, a registry and a mesh that do what the
// test says. Each has a hook that runs before it answers.
type world struct {
	*Server
	store    *worldStore
	registry *worldRegistry
	mesh     *worldMesh
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		store:    &worldStore{profiles: make(map[im.UserID]im.Profile), contacts: make(map[im.UserID][]im.Contact)},
		registry: &worldRegistry{sessions: make(map[im.SessionID]bool)},
		mesh:     &worldMesh{linked: make(map[im.NodeID]bool)},
	}
	var err error
	w.Server, err = New(DefaultConfig(), Deps{
		Node: im.Node{ID: 1, Epoch: 10, Mesh: "127.0.0.1:1"}, Store: w.store, Registry: w.registry, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.UseMesh(w.mesh)
	return w
}

// run starts the server; the test ends it.
func (w *world) run(t *testing.T) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	synctest.Wait()
	return sync.OnceValue(func() error {
		cancel()
		return <-done
	})
}

// open logs a device of a user in.
func (w *world) open(t *testing.T, u im.UserID, d im.DeviceID, epoch uint64) (*session, *fakeSink) {
	t.Helper()
	sink := &fakeSink{}
	s, _, err := w.Open(t.Context(), opening(u, d, epoch, sink))
	if err != nil {
		t.Fatal(err)
	}
	return s.(*session), sink
}

func opening(u im.UserID, d im.DeviceID, epoch uint64, sink im.Sink) im.Opening {
	return im.Opening{
		Account: im.Account{ID: u, Addr: addrOf(u)}, Device: im.Device{ID: d, Epoch: epoch, Resource: "d" + d.String()},
		Protocol: im.ProtocolCXX, Presence: im.Presence{Show: im.ShowOnline}, Sink: sink,
	}
}

// addrOf is the address of a user of the world.
func addrOf(u im.UserID) im.Addr { return im.Addr{Local: "u" + u.String(), Domain: "example.org"} }

type worldStore struct {
	Store
	mu       sync.Mutex
	hook     func(op string)
	head     im.Head
	newest   im.MsgID
	states   []im.DeviceState
	profiles map[im.UserID]im.Profile
	contacts map[im.UserID][]im.Contact
	memory
}

func (*worldStore) Owed(context.Context, time.Time, int) ([]im.Owed, error)  { return nil, nil }
func (*worldStore) PruneGroups(context.Context, time.Time, int) (int, error) { return 0, nil }

func (f *worldStore) before(op string) {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook != nil {
		hook(op)
	}
}

func (f *worldStore) on(op string, do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = func(o string) {
		if o == op {
			f.mu.Lock()
			f.hook = nil
			f.mu.Unlock()
			do()
		}
	}
}

func (f *worldStore) ZoneOf(im.UserID) im.ZoneID { return 1 }

func (f *worldStore) MaxMsgID(context.Context) (im.MsgID, error) { return f.newest, nil }

func (f *worldStore) Heads(_ context.Context, users []im.UserID) ([]im.Head, error) {
	f.before("heads")
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []im.Head
	for _, u := range users {
		if f.gone[u] {
			continue
		}
		h := f.head
		h.User = u
		if n := len(f.logs[u]); n > 0 {
			h.Seq = uint64(n)
		}
		out = append(out, h)
	}
	return out, nil
}

func (f *worldStore) grow(head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head.Seq = head
}

func (f *worldStore) Read(_ context.Context, u im.UserID, after uint64, _ int) (p im.SyncPage, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.Head = f.head.Seq
	if log := f.logs[u]; len(log) > 0 {
		p.Head = uint64(len(log))
		p.Entries = slices.Clone(log[min(int(after), len(log)):])
		return p, nil
	}
	for seq := after + 1; seq <= p.Head; seq++ {
		p.Entries = append(p.Entries, *entry(seq))
	}
	return p, nil
}

func (f *worldStore) DeviceStates(context.Context, []im.UserID) ([]im.DeviceState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.states), nil
}

func (f *worldStore) set(states ...im.DeviceState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.states = states
}

// Contacts answers what was there before the hook ran.
func (f *worldStore) Contacts(_ context.Context, u im.UserID) ([]im.Contact, error) {
	f.mu.Lock()
	list := slices.Clone(f.contacts[u])
	f.mu.Unlock()
	f.before("contacts")
	return list, nil
}

func (f *worldStore) Profiles(_ context.Context, users []im.UserID) ([]im.Profile, error) {
	f.before("profiles")
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []im.Profile
	for _, u := range users {
		p := f.profiles[u]
		p.User = u
		out = append(out, p)
	}
	return out, nil
}

func (f *worldStore) TouchLastSeen(context.Context, map[im.UserID]time.Time) error { return nil }

type worldRegistry struct {
	Registry
	mu       sync.Mutex
	err      error // of everything
	nodes    []im.Node
	sessions map[im.SessionID]bool
	found    map[im.UserID][]im.SessionInfo
	rung     []im.Bell
}

var errAway = errors.New("away")

func (f *worldRegistry) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *worldRegistry) locked(do func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil && do != nil {
		do()
	}
	return f.err
}

func (f *worldRegistry) Announce(_ context.Context, n im.Node, _ time.Duration) (bool, error) {
	later := false
	err := f.locked(func() {
		later = slices.ContainsFunc(f.nodes, func(o im.Node) bool { return o.ID == n.ID && o.Epoch > n.Epoch })
	})
	if later {
		return false, im.Errorf(im.CodeConflict, "a newer incarnation")
	}
	return true, err
}

func (f *worldRegistry) Withdraw(context.Context, im.NodeID, uint64) error { return f.locked(nil) }

func (f *worldRegistry) Nodes(context.Context) (out []im.Node, err error) {
	err = f.locked(func() { out = slices.Clone(f.nodes) })
	return out, err
}

func (f *worldRegistry) Put(_ context.Context, list []im.SessionInfo) error {
	return f.locked(func() {
		for _, s := range list {
			f.sessions[s.Session] = true
		}
	})
}

func (f *worldRegistry) Remove(_ context.Context, list []im.SessionKey) error {
	return f.locked(func() {
		for _, k := range list {
			delete(f.sessions, k.Session)
		}
	})
}

func (f *worldRegistry) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sessions)
}

func (f *worldRegistry) Lookup(context.Context, []im.UserID) (map[im.UserID][]im.SessionInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.found, f.err
}

func (f *worldRegistry) Sweep(context.Context) ([]im.SessionInfo, error) { return nil, f.locked(nil) }

func (f *worldRegistry) Ring(_ context.Context, _ im.NodeID, bells []im.Bell) error {
	return f.locked(func() { f.rung = append(f.rung, bells...) })
}

func (f *worldRegistry) bells() []im.Bell {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rung)
}

func (f *worldRegistry) Listen(ctx context.Context, _ im.NodeID, _ func([]im.Bell)) error {
	<-ctx.Done()
	return nil
}

type worldMesh struct {
	mu     sync.Mutex
	linked map[im.NodeID]bool
	sent   []im.Envelope
}

func (f *worldMesh) Forward(to im.NodeID, e im.Envelope) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.linked[to] {
		f.sent = append(f.sent, e)
	}
	return f.linked[to]
}

func (f *worldMesh) Broadcast(e im.Envelope) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, e)
}

func (f *worldMesh) SetPeers([]im.Node) {}

func (f *worldMesh) link(n im.NodeID, up bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.linked[n] = up
}
