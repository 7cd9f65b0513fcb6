package sasl

import (
	"context"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/acs/auth"
	"github.com/cxx-im/cxx/im"
)

var (
	noon    = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	juliet  = im.Addr{Local: "juliet", Domain: "example.org"}
	remote  = netip.MustParseAddrPort("192.0.2.7:4000")
	channel = im.ChannelBinding{Exporter: []byte("exported keying material"), ServerEnd: []byte("hash of the certificate")}
)

const password = "wherefore art thou"

// memory is an auth.Store with as much behind it as logins need.
type memory struct {
	auth.Store
	mu       sync.Mutex
	accounts map[im.UserID]im.Account
	devices  map[im.UserID]map[im.DeviceID]im.Device
	fail     error
}

var errNone = im.Errorf(im.CodeNotFound, "there is none")

func (m *memory) CreateAccount(_ context.Context, a im.Account) (im.UserID, error) {
	a.ID = im.MakeUserID(a.Addr.Slot(), uint64(len(m.accounts)+1000))
	m.accounts[a.ID], m.devices[a.ID] = a, map[im.DeviceID]im.Device{}
	return a.ID, nil
}

func (m *memory) AccountByAddr(_ context.Context, a im.Addr) (im.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return im.Account{}, m.fail
	}
	for _, have := range m.accounts {
		if have.Addr == a {
			return have, nil
		}
	}
	return im.Account{}, errNone
}

func (m *memory) UpdateDevices(_ context.Context, u im.UserID, change func([]im.Device) ([]im.Device, []im.Entry, error)) ([]im.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []im.Device
	for _, d := range m.devices[u] {
		all = append(all, d)
	}
	write, log, err := change(all)
	for _, d := range write {
		m.devices[u][d.ID] = d
	}
	return log, err
}

func (m *memory) UpdateDevice(_ context.Context, u im.UserID, id im.DeviceID, change func(*im.Device) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.devices[u][id]
	if !ok {
		return errNone
	}
	if change(&d) {
		m.devices[u][id] = d
	}
	return nil
}

func (m *memory) edit(u im.UserID, f func(*im.Account)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.accounts[u]
	f(&a)
	m.accounts[u] = a
}

// world is real logins with one account.
type world struct {
	*auth.Logins
	store *memory
	user  im.UserID
}

func newWorld(t testing.TB, edit ...func(*auth.Config)) *world {
	t.Helper()
	seal, err := auth.GenerateSeal(filepath.Join(t.TempDir(), "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := auth.DefaultConfig()
	cfg.TestMode, cfg.ScramIterations = true, 4096
	for _, e := range edit {
		e(&cfg)
	}
	w := &world{store: &memory{accounts: map[im.UserID]im.Account{}, devices: map[im.UserID]map[im.DeviceID]im.Device{}}}
	w.Logins, err = auth.New(cfg, auth.Deps{Store: w.store, Seal: seal, Domains: []string{"example.org"}, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	if w.user, err = w.CreateAccount(t.Context(), juliet, password); err != nil {
		t.Fatal(err)
	}
	return w
}

// config is a stream inside TLS that offers everything.
func (w *world) config() Config {
	return Config{
		Logins: w.Logins, Domain: "example.org", Binding: channel, Secure: true, Remote: remote,
		Resume: true, Bind: []string{nsCarbons, NSCSI, NSSM}, Fast: true,
	}
}
