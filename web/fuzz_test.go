package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// No request with the right token makes the API panic or answer "internal";
// none without it gets in.
func FuzzAdminJSON(f *testing.F) {
	f.Add("POST", "/users", `{"addr":"a@b","password":"correct horse"}`)
	f.Add("POST", "/users/a@b/password", `{"password":"x","end_sessions":true}`)
	f.Add("POST", "/invites", `{"uses":2,"valid":"48h"}`)
	f.Add("DELETE", "/users/a@b/devices/1", ``)
	f.Add("GET", "/users/%2e%2e/status", ``)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if strings.HasPrefix(path, "/debug/pprof") || strings.HasPrefix(path, "/users/import") {
			return // a profile takes its time; imports have a target of their own
		}
		u, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		audit, err := OpenAudit("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer audit.Close()
		audit.sync = func() error { return nil }
		c := newCell()
		admin, err := New(Deps{Token: token, Accounts: c, Store: c, Sessions: c, Audit: audit})
		if err != nil {
			t.Fatal(err)
		}
		for _, tok := range []string{"", token} {
			r := &http.Request{
				Method: method, URL: u, Header: http.Header{"Content-Type": {"application/json"}},
				Body: http.NoBody, Host: "localhost", RemoteAddr: "127.0.0.1:1",
			}
			if body != "" {
				r.Body = httptest.NewRequest("POST", "/", strings.NewReader(body)).Body
			}
			if tok != "" {
				r.Header.Set("Authorization", "Bearer "+tok)
			}
			w := httptest.NewRecorder()
			admin.ServeHTTP(w, r)
			if tok == "" && w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s: %d without a token", method, path, w.Code)
			}
			if strings.Contains(w.Body.String(), im.CodeInternal.String()+`"`) {
				t.Errorf("%s %s %q: %s", method, path, body, w.Body)
			}
		}
	})
}
