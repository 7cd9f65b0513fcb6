package auth

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
)

var (
	noon  = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	alice = im.Addr{Local: "alice", Domain: "example.org"}
	here  = netip.MustParseAddr("192.0.2.7")
)

const goodPassword = "correct horse battery"

// memory is a Store. A change that is to run twice, as the storage may do it,
// runs twice on every call.
type memory struct {
	mu       sync.Mutex
	accounts map[im.UserID]im.Account                // guarded by mu
	devices  map[im.UserID]map[im.DeviceID]im.Device // guarded by mu
	inbox    map[im.UserID][]im.Entry                // guarded by mu
	invites  map[string]int                          // guarded by mu
	ops      int                                     // guarded by mu: calls so far
	fail     error                                   // guarded by mu: what every call answers
}

func newMemory() *memory {
	return &memory{
		accounts: map[im.UserID]im.Account{}, devices: map[im.UserID]map[im.DeviceID]im.Device{},
		inbox: map[im.UserID][]im.Entry{}, invites: map[string]int{},
	}
}

// enter begins a call.
func (m *memory) enter() (leave func(), err error) {
	m.mu.Lock()
	m.ops++
	if m.fail != nil {
		defer m.mu.Unlock()
		return nil, m.fail
	}
	return m.mu.Unlock, nil
}

func (m *memory) CreateAccount(_ context.Context, a im.Account) (im.UserID, error) {
	leave, err := m.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	for _, have := range m.accounts {
		if have.Addr == a.Addr {
			return 0, im.Errorf(im.CodeNameTaken, "taken")
		}
	}
	a.ID = im.MakeUserID(a.Addr.Slot(), uint64(len(m.accounts)+1))
	m.accounts[a.ID] = a
	m.devices[a.ID] = map[im.DeviceID]im.Device{}
	return a.ID, nil
}

func (m *memory) AccountByAddr(_ context.Context, a im.Addr) (im.Account, error) {
	leave, err := m.enter()
	if err != nil {
		return im.Account{}, err
	}
	defer leave()
	for _, have := range m.accounts {
		if have.Addr == a {
			return have, nil
		}
	}
	return im.Account{}, im.Errorf(im.CodeNotFound, "no such user")
}

func (m *memory) AccountByID(_ context.Context, u im.UserID) (im.Account, error) {
	leave, err := m.enter()
	if err != nil {
		return im.Account{}, err
	}
	defer leave()
	a, ok := m.accounts[u]
	if !ok {
		return im.Account{}, im.Errorf(im.CodeNotFound, "no such user")
	}
	return a, nil
}

func (m *memory) Accounts(_ context.Context, after im.UserID, limit int) ([]im.Account, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []im.Account
	for _, a := range m.accounts {
		if a.ID > after {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b im.Account) int { return int(int64(a.ID) - int64(b.ID)) })
	return out[:min(len(out), limit)], nil
}

func (m *memory) UpdateAccount(_ context.Context, u im.UserID, change func(a *im.Account) ([]im.Entry, error)) ([]im.Entry, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	a, ok := m.accounts[u]
	if !ok {
		return nil, im.Errorf(im.CodeNotFound, "no such user")
	}
	first := a
	if _, err := change(&first); err != nil {
		return nil, err
	}
	log, err := change(&a)
	if err != nil {
		return nil, err
	}
	m.accounts[u] = a
	return m.append(u, log), nil
}

func (m *memory) DeleteAccount(_ context.Context, u im.UserID) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	a, ok := m.accounts[u]
	if !ok {
		return im.Errorf(im.CodeNotFound, "no such user")
	}
	a.Disabled, a.Verifiers, a.Profile = true, nil, im.Profile{}
	m.accounts[u], m.devices[u], m.inbox[u] = a, map[im.DeviceID]im.Device{}, nil
	return nil
}

func (m *memory) append(u im.UserID, log []im.Entry) []im.Entry {
	for i := range log {
		log[i].Seq = uint64(len(m.inbox[u]) + 1)
		m.inbox[u] = append(m.inbox[u], log[i])
	}
	return log
}

func (m *memory) UseInvite(_ context.Context, code string, _ time.Time) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	if m.invites[code] == 0 {
		return im.Errorf(im.CodeInviteInvalid, "no such invitation")
	}
	m.invites[code]--
	return nil
}

func (m *memory) all(u im.UserID) []im.Device {
	var out []im.Device
	for _, d := range m.devices[u] {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b im.Device) int { return int(int64(a.ID) - int64(b.ID)) })
	return out
}

func (m *memory) UpdateDevices(_ context.Context, u im.UserID, change func([]im.Device) ([]im.Device, []im.Entry, error)) ([]im.Entry, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if _, _, err := change(m.all(u)); err != nil {
		return nil, err
	}
	write, log, err := change(m.all(u))
	if err != nil {
		return nil, err
	}
	for _, d := range write {
		m.devices[u][d.ID] = d
	}
	return m.append(u, log), nil
}

func (m *memory) UpdateDevice(_ context.Context, u im.UserID, id im.DeviceID, change func(*im.Device) bool) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	d, ok := m.devices[u][id]
	if !ok {
		return im.Errorf(im.CodeNotFound, "no such device")
	}
	again := d
	change(&again)
	if change(&d) {
		m.devices[u][id] = d
	}
	return nil
}

func (m *memory) device(u im.UserID, id im.DeviceID) im.Device {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.devices[u][id]
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ops
}

func (m *memory) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func (m *memory) edit(u im.UserID, f func(*im.Account)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.accounts[u]
	f(&a)
	m.accounts[u] = a
}

// fixture is Logins on a memory store with a clock that the test moves.
type fixture struct {
	*Logins
	t     testing.TB
	store *memory
	reg   *prometheus.Registry
	log   *bytes.Buffer

	mu     sync.Mutex
	at     time.Time          // guarded by mu
	waits  chan time.Duration // every wait that begins
	wake   chan time.Time     // what ends it
	kicks  []im.Kick          // guarded by mu
	logged []im.Entry         // guarded by mu
}

func testConfig() Config {
	c := DefaultConfig()
	c.ScramIterations = minIterations
	return c
}

func newFixture(t testing.TB, edit ...func(*Config)) *fixture {
	t.Helper()
	seal, err := GenerateSeal(filepath.Join(t.TempDir(), "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	for _, e := range edit {
		e(&cfg)
	}
	f := &fixture{
		t: t, store: newMemory(), reg: prometheus.NewRegistry(), log: &bytes.Buffer{}, at: noon,
		waits: make(chan time.Duration, 1000), wake: make(chan time.Time),
	}
	f.Logins, err = New(cfg, Deps{
		Store: f.store, Seal: seal, Domains: []string{"example.org", "example.net"},
		Logged: func(_ im.UserID, e []im.Entry) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.logged = append(f.logged, e...)
		},
		Kick: func(k im.Kick) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.kicks = append(f.kicks, k)
		},
		Log: slog.New(slog.NewTextHandler(&syncWriter{w: f.log}, nil)), Metrics: f.reg, Now: f.now,
		After: func(d time.Duration) <-chan time.Time {
			f.waits <- d
			return f.wake
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

type syncWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer // guarded by mu
}

func (s *syncWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

func (f *fixture) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = f.at.Add(d)
}

func (f *fixture) kicked() []im.Kick {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.kicks)
}

func (f *fixture) user(a im.Addr) im.Account {
	f.t.Helper()
	u, err := f.CreateAccount(f.t.Context(), a, goodPassword)
	if err != nil {
		f.t.Fatal(err)
	}
	acct, err := f.store.AccountByID(f.t.Context(), u)
	if err != nil {
		f.t.Fatal(err)
	}
	return acct
}

// metric returns a counter by its name and its label values in the order of
// their names.
func (f *fixture) metric(name string, labels ...string) float64 {
	f.t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetValue())
			}
			if slices.Equal(have, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func wantCode(t testing.TB, err error, want im.ErrorCode) {
	t.Helper()
	if got := im.CodeOf(err); got != want {
		t.Fatalf("got %v (%v), want %v", got, err, want)
	}
}

func login(d im.DeviceID) im.LoginDevice {
	return im.LoginDevice{ID: d, Protocol: im.ProtocolCXX, Class: im.ClassPhone, ClientName: "test", ClientVersion: "1", Remote: netip.AddrPortFrom(here, 4000)}
}
