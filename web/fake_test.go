package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
)

const token = "0123456789abcdef0123456789abcdef"

// cell is Accounts, Store and Sessions in memory.
type cell struct {
	mu        sync.Mutex // guards everything below
	accounts  []im.Account
	passwords map[im.UserID]string
	devices   map[im.UserID][]im.Device
	kicked    []string
	invites   []Invite
	down      error // answered by everything when set
}

func newCell() *cell {
	return &cell{passwords: map[im.UserID]string{}, devices: map[im.UserID][]im.Device{}}
}

func (c *cell) CreateAccount(_ context.Context, a im.Addr, password string) (im.UserID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down != nil {
		return 0, c.down
	}
	if len(password) < 8 {
		return 0, im.Errorf(im.CodePasswordWeak, "the password is shorter than 8 characters")
	}
	for _, have := range c.accounts {
		if have.Addr == a {
			return 0, im.Errorf(im.CodeNameTaken, "%s is taken", a)
		}
	}
	id := im.UserID(len(c.accounts) + 1)
	c.accounts = append(c.accounts, im.Account{ID: id, Addr: a, Created: time.Unix(1e9, 0)})
	c.passwords[id] = password
	return id, nil
}

func (c *cell) SetPassword(_ context.Context, u im.UserID, password string, _ bool) ([]im.DeviceID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passwords[u] = password
	return nil, c.down
}

func (c *cell) AccountByAddr(_ context.Context, a im.Addr) (im.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, have := range c.accounts {
		if have.Addr == a && c.down == nil {
			return have, nil
		}
	}
	if c.down != nil {
		return im.Account{}, c.down
	}
	return im.Account{}, im.Errorf(im.CodeNotFound, "there is no user %s", a)
}

func (c *cell) Accounts(_ context.Context, after im.UserID, limit int) ([]im.Account, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(c.accounts), func(a im.Account) bool { return a.ID <= after })
	return list[:min(limit, len(list))], c.down
}

func (c *cell) UpdateAccount(_ context.Context, u im.UserID, change func(a *im.Account) ([]im.Entry, error)) ([]im.Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return change(&c.accounts[u-1])
}

func (c *cell) Devices(_ context.Context, u im.UserID) ([]im.Device, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.devices[u]), c.down
}

func (c *cell) AddInvite(_ context.Context, code string, uses int, expires time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.invites = append(c.invites, Invite{code, uses, expires})
	return c.down
}

func (c *cell) RevokeDevice(_ context.Context, u im.UserID, d im.DeviceID, code im.ErrorCode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.devices[u] {
		if c.devices[u][i].ID == d {
			c.devices[u][i].Revoked = true
			c.kicked = append(c.kicked, "device "+d.String()+" "+code.String())
			return nil
		}
	}
	return im.Errorf(im.CodeNotFound, "there is no such device")
}

func (c *cell) KickUser(u im.UserID, code im.ErrorCode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kicked = append(c.kicked, "user "+u.String()+" "+code.String())
}

type bench struct {
	*cell
	admin   *Admin
	client  *Client
	server  *httptest.Server
	audit   string
	drained chan struct{}
	ready   error
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{cell: newCell(), audit: filepath.Join(t.TempDir(), "audit.log"), drained: make(chan struct{}, 9)}
	audit, err := OpenAudit(b.audit)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	b.admin, err = New(Deps{
		Token: token, Accounts: b.cell, Store: b.cell, Sessions: b.cell, Audit: audit,
		Status: func(context.Context) Status { return Status{Version: "v1", Node: 3, Durability: "strict"} },
		Check:  func(context.Context) []string { return nil },
		Ready:  func(context.Context) error { return b.ready },
		Drain:  func() { b.drained <- struct{}{} },
		Gather: registry, Register: registry,
		Now: func() time.Time { return time.Unix(1_700_000_000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewServer(b.admin)
	t.Cleanup(func() { b.server.Close(); audit.Close() })
	b.client = &Client{Addr: b.server.Listener.Addr().String(), Token: token, HTTP: b.server.Client()}
	return b
}

// raw sends a request as it is; an empty tok sends no token.
func (b *bench) raw(t *testing.T, method, path, tok, kind, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = "//" + req.URL.Host + path // no cleaning on the way
	if tok != "" {
		req.Header.Set("Authorization", tok)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	client := *b.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (b *bench) lines(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(b.audit)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
