package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestServeEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, l, Public(nil), nil, slog.New(slog.DiscardHandler)) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := client.Get("http://" + l.Addr().String() + "/healthz"); err == nil {
		t.Error("still serves")
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, Public(nil), nil, slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), "web: serve 127.0.0.1:") {
		t.Errorf("got %v", err)
	}
}

func TestPublicSaysLittle(t *testing.T) {
	ready := error(nil)
	h := Public(func(context.Context) error { return ready }, Mount{"/nas/allocate", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "allocated")
	})})
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/nas/allocate": 200, "/status": 404, "/metrics": 404, "/users": 404, "/debug/pprof/": 404} {
		if code, _ := get(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	ready = errors.New("zone 2 at db.internal is down")
	if code, body := get("/readyz"); code != 503 || strings.Contains(body, "internal") {
		t.Errorf("got %d %s", code, body)
	}
}

// Connections that have sent nothing, as browsers and probes keep them, are
// closed when the server ends; http.Server alone would wait for them.
func TestFreshConnectionsAreClosed(t *testing.T) {
	closed := func(c net.Conn) bool { return c.SetDeadline(time.Time{}) != nil }
	f := newFresh()
	conn := func() net.Conn {
		c, other := net.Pipe()
		t.Cleanup(func() { c.Close(); other.Close() })
		return c
	}
	fresh, busy, idle, late := conn(), conn(), conn(), conn()
	for _, c := range []net.Conn{fresh, busy, idle} {
		f.note(c, http.StateNew)
	}
	f.note(busy, http.StateActive)
	f.note(idle, http.StateActive)
	f.note(idle, http.StateIdle)
	f.close()
	f.note(late, http.StateNew)
	if !closed(fresh) || !closed(late) || closed(busy) || closed(idle) {
		t.Errorf("closed: fresh %v, late %v, busy %v, idle %v", closed(fresh), closed(late), closed(busy), closed(idle))
	}
}
