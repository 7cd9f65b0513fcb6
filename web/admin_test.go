package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
)

func TestNoRouteWithoutTheToken(t *testing.T) {
	b := newBench(t)
	for _, rt := range b.admin.routes {
		path := strings.NewReplacer("{addr}", "alice@localhost", "{id}", "7").Replace(rt.pattern)
		for name, tok := range map[string]string{
			"none": "", "empty": "Bearer ", "wrong": "Bearer " + strings.Repeat("x", len(token)), "other scheme": "Basic " + token,
			"bare": token, "longer": "Bearer " + token + "0", "prefix": "Bearer " + token[:31], "case": "bearer " + token,
		} {
			resp := b.raw(t, rt.method, path, tok, "application/json", "{}")
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s with token %s: status %d", rt.method, path, name, resp.StatusCode)
			}
		}
	}
	if got := b.lines(t); got != "" {
		t.Errorf("something was tried without a token: %s", got)
	}
}

// Consoles have been entered by paths that the check for a login and the router
// read differently. Here the check does not look at the path.
func TestNoSpellingOfAPathAvoidsTheToken(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{
		"/healthz", "/healthz/../status", "/healthz/%2e%2e/status", "/%2e%2e/status", "/..;/status", "/healthz/..;/users",
		"//status", "/./status", "/healthz/%252e%252e/status", "/healthz/%u002e%u002e/status", `/healthz/..\status`,
		"/healthz%2f..%2fstatus", "/STATUS", "/status/", "/status%00", "/status;x=y", "/debug/pprof/../../users", "/",
	} {
		for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "DELETE", "TRACE", "PUT"} {
			if resp := b.raw(t, method, path, "", "", ""); resp.StatusCode/100 == 2 || resp.StatusCode/100 == 3 {
				t.Errorf("%s %s: status %d without a token", method, path, resp.StatusCode)
			}
		}
	}
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	b := newBench(t)
	for _, tok := range []string{"", "Bearer " + token} {
		for _, path := range []string{"/status", "/nothing", "/metrics", "/debug/pprof/"} {
			h := b.raw(t, "GET", path, tok, "", "").Header
			for key, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			} {
				if got := h.Get(key); got != want {
					t.Errorf("%s: %s is %q, want %q", path, key, got, want)
				}
			}
		}
	}
}

func TestReadRoutesAnswer(t *testing.T) {
	b := newBench(t)
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/metrics": 200, "/status": 200, "/debug/check": 200, "/debug/pprof/": 200,
		"/debug/pprof/goroutine": 200, "/debug/pprof/cmdline": 200, "/users": 200, "/users/none@localhost": 404, "/users/bad": 400,
		"/users?limit=x": 400, "/users?after=99999999999999999": 400, "/nothing": 404, "/drain": 404,
	} {
		if resp := b.raw(t, "GET", path, "Bearer "+token, "", ""); resp.StatusCode != want {
			t.Errorf("GET %s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
	b.ready = http.ErrServerClosed
	if resp := b.raw(t, "GET", "/readyz", "Bearer "+token, "", ""); resp.StatusCode != 503 {
		t.Errorf("not ready: status %d", resp.StatusCode)
	}
}

func TestBodiesAreRead(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		want             int
		say              string
	}{
		{"good", "application/json", `{"addr":"alice@localhost","password":"correct horse"}`, 201, ""},
		{"charset", "application/json; charset=utf-8", `{"addr":"alice@localhost","password":"correct horse"}`, 201, ""},
		{"unknown field", "application/json", `{"addr":"a@b","pasword":"correct horse"}`, 400, "pasword"},
		{"two values", "application/json", `{"addr":"a@b","password":"correct horse"}{}`, 400, "after the JSON value"},
		{"no JSON", "application/json", `addr=a`, 400, "not what this route takes"},
		{"empty", "application/json", ``, 400, "not what this route takes"},
		{"form", "application/x-www-form-urlencoded", `addr=a`, 400, "application/json"},
		{"no type", "", `{}`, 400, "application/json"},
		{"resource", "application/json", `{"addr":"a@b/c","password":"correct horse"}`, 400, "name@domain"},
		{"domain alone", "application/json", `{"addr":"b","password":"correct horse"}`, 400, "name@domain"},
		{"weak", "application/json", `{"addr":"a@b","password":"short"}`, 422, "shorter"},
		{"large", "application/json", `{"addr":"` + strings.Repeat("a", maxBody) + `"}`, 413, "larger than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			resp := b.raw(t, "POST", "/users", "Bearer "+token, c.kind, c.body)
			text := make([]byte, 4096)
			n, _ := resp.Body.Read(text)
			if resp.StatusCode != c.want || !strings.Contains(string(text[:n]), c.say) {
				t.Errorf("status %d, %s; want %d and %q", resp.StatusCode, text[:n], c.want, c.say)
			}
		})
	}
}

func TestTheUnforeseenLeavesAsAnID(t *testing.T) {
	b := newBench(t)
	b.down = http.ErrBodyNotAllowed
	_, err := b.client.User(t.Context(), "alice@localhost")
	if im.CodeOf(err) != im.CodeInternal || strings.Contains(err.Error(), "body") {
		t.Errorf("got %v", err)
	}
	b.down = im.Errorf(im.CodeZoneUnavailable, "zone 2 is down")
	_, err = b.client.User(t.Context(), "alice@localhost")
	if im.CodeOf(err) != im.CodeZoneUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestEveryCodeHasAStatus(t *testing.T) {
	for _, trait := range im.Traits() {
		if _, ok := statusOf[trait.Code]; !ok {
			t.Errorf("%s has no HTTP status in the table", trait.Name)
		}
	}
	if got := HTTPStatus(im.ErrorCode(9)); got != 500 {
		t.Errorf("an unknown code gives %d", got)
	}
}

func TestNewRefusesAGuessableToken(t *testing.T) {
	if _, err := New(Deps{Token: "admin", Audit: &Audit{}}); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("got %v", err)
	}
	if _, err := New(Deps{Token: token}); err == nil || !strings.Contains(err.Error(), "audit") {
		t.Errorf("got %v", err)
	}
}

func TestANASHasNoUsers(t *testing.T) {
	audit, err := OpenAudit(t.TempDir() + "/audit.log")
	if err != nil {
		t.Fatal(err)
	}
	defer audit.Close()
	admin, err := New(Deps{Token: token, Audit: audit})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.server.Config.Handler = admin
	for _, call := range []func() error{
		func() error { _, err := b.client.Users(t.Context(), 0, 0); return err },
		func() error { _, err := b.client.CreateUser(t.Context(), "a@b", "x"); return err },
		func() error { return b.client.SetPassword(t.Context(), "a@b", "x", true) },
		func() error { _, err := b.client.ImportUsers(t.Context(), strings.NewReader("")); return err },
		func() error { return b.client.RevokeDevice(t.Context(), "a@b", 1) },
		func() error { _, err := b.client.CreateInvite(t.Context(), 1, 0); return err },
		func() error { _, err := b.client.Status(t.Context()); return err },
		func() error { return b.client.Drain(t.Context()) },
	} {
		if err := call(); im.CodeOf(err) != im.CodeUnsupported {
			t.Errorf("got %v, want UNSUPPORTED", err)
		}
	}
}
