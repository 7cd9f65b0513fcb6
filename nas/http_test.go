package nas

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
)

func request(h http.Handler, method, target, origin string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = "192.0.2.9:1234"
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHTTP(t *testing.T) {
	alloc, checker := newAlloc(t, Default(), acsNode(1), acsNode(2))
	h := Handler(Default(), alloc)
	for i, method := range []string{http.MethodGet, http.MethodPost} {
		w := request(h, method, Path+"?addr=alice@example.org", "https://evil.example")
		var a allocatedJSON
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s gave %d %s", method, w.Code, w.Body)
		}
		if a.ACS != acsNode(im.NodeID(i+1)).CXX || len(a.Alternatives) != 1 || a.WaitMS != 0 {
			t.Fatalf("%s gave %+v", method, a)
		}
		if i == 0 {
			raw, err := base64.RawURLEncoding.DecodeString(a.Ticket)
			if err != nil || checker.Check(raw, time.Now()) != nil {
				t.Fatalf("the ticket %q is not good", a.Ticket)
			}
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Fatalf("headers are %v", w.Header())
		}
	}
	one, _ := newAlloc(t, Default(), acsNode(1))
	if w := request(Handler(Default(), one), http.MethodGet, Path, ""); !strings.Contains(w.Body.String(), `"alternatives":[]`) {
		t.Fatalf("without alternatives the list is not empty: %s", w.Body)
	}
}

func TestHTTPErrors(t *testing.T) {
	storm, limited := Default(), Default()
	storm.Logins, storm.LoginBurst, storm.MaxWait = 1, 1, config.Duration(0)
	limited.AddressRate, limited.AddressBurst = 0.1, 1
	for _, c := range []struct {
		name   string
		cfg    Config
		nodes  []im.Node
		method string
		target string
		warm   int // requests before
		status int
		code   im.ErrorCode
		retry  bool
	}{
		{"nobody", Default(), nil, http.MethodGet, Path, 0, 503, im.CodeNoACS, true},
		{"storm", storm, []im.Node{acsNode(1)}, http.MethodGet, Path, 1, 503, im.CodeRetryLater, true},
		{"address limit", limited, []im.Node{acsNode(1)}, http.MethodGet, Path, 1, 429, im.CodeRateLimited, true},
		{"bad address", Default(), []im.Node{acsNode(1)}, http.MethodGet, Path + "?addr=a%40%40b", 0, 400, im.CodeInvalid, false},
		{"method", Default(), []im.Node{acsNode(1)}, http.MethodDelete, Path, 0, 405, im.CodeUnsupported, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			alloc, _ := newAlloc(t, c.cfg, c.nodes...)
			h := Handler(c.cfg, alloc)
			for range c.warm {
				request(h, c.method, c.target, "")
			}
			w := request(h, c.method, c.target, "")
			var e errorJSON
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != c.status || e.Code != int(c.code) || e.Error != c.code.String() || e.Detail == "" {
				t.Fatalf("got %d %s, want %d %s", w.Code, w.Body, c.status, c.code)
			}
			after, err := strconv.Atoi(w.Header().Get("Retry-After"))
			if c.retry != (err == nil && after >= 1) {
				t.Fatalf("Retry-After is %q", w.Header().Get("Retry-After"))
			}
		})
	}
}

func TestCORS(t *testing.T) {
	cfg := Default()
	cfg.CORSOrigins = []string{"https://chat.example.org"}
	alloc, _ := newAlloc(t, cfg, acsNode(1))
	h := Handler(cfg, alloc)
	for origin, want := range map[string]string{"https://chat.example.org": "https://chat.example.org", "https://evil.example": "", "": ""} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			w := request(h, method, Path, origin)
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != want || w.Header().Get("Vary") != "Origin" {
				t.Errorf("%s from %q: allowed %q, want %q", method, origin, got, want)
			}
		}
	}
}

func TestConfig(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Fatal(err)
	}
	for key, change := range map[string]func(*Config){
		"listen":                  func(c *Config) { c.Listen = "nowhere" },
		"refresh":                 func(c *Config) { c.Refresh = 0 },
		"keep_last":               func(c *Config) { c.KeepLast = 1 },
		"full_at":                 func(c *Config) { c.FullAt = 1.1 },
		"logins_per_acs":          func(c *Config) { c.Logins = 0 },
		"login_burst":             func(c *Config) { c.LoginBurst = 0 },
		"max_wait":                func(c *Config) { c.MaxWait = config.Duration(time.Minute) },
		"connections":             func(c *Config) { c.Connections = 0 },
		"connections_per_address": func(c *Config) { c.PerAddress = -1 },
		"rate_per_address":        func(c *Config) { c.AddressRate = -1 },
		"burst_per_address":       func(c *Config) { c.AddressBurst = 0 },
		"cors_origins":            func(c *Config) { c.CORSOrigins = []string{"https://chat.example.org/"} },
	} {
		c := Default()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "nas."+key+": ") {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

func BenchmarkAllocate(b *testing.B) {
	cfg := Default()
	cfg.Logins, cfg.LoginBurst, cfg.AddressRate = 1<<30, 1<<30, 0
	nodes := []im.Node{acsNode(1), acsNode(2), acsNode(3)}
	for i := range nodes {
		nodes[i].Capacity = 0
	}
	alloc, _ := newAlloc(b, cfg, nodes...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := alloc.Allocate("alice@example.org", addrOf(nil)); err != nil {
			b.Fatal(err)
		}
	}
}
