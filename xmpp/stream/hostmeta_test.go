package stream

import (
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"net/http/httptest"
	"testing"
)

// XEP-0156 sections 3 and 4, in both formats.
func TestHostMeta(t *testing.T) {
	for _, c := range []struct {
		name     string
		edit     func(*Config)
		tls      bool
		bosh, ws string
	}{
		{"as addressed", func(*Config) {}, false, "http://chat.example.org:5280/bosh", "ws://chat.example.org:5280/ws"},
		{"over TLS", func(*Config) {}, true, "https://chat.example.org:5280/bosh", "wss://chat.example.org:5280/ws"},
		{"behind a proxy", func(c *Config) { c.Proxied = true }, false, "https://chat.example.org:5280/bosh", "wss://chat.example.org:5280/ws"},
		{"as configured", func(c *Config) { c.WebURL = "https://web.example.org/xmpp" }, false, "https://web.example.org/xmpp/bosh", "wss://web.example.org/xmpp/ws"},
	} {
		cfg := testConfig()
		c.edit(&cfg)
		w := start(t, cfg, nil)
		get := func(path string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", path, nil)
			r.Host = "chat.example.org:5280"
			if c.tls {
				r.TLS = &tls.ConnectionState{}
			}
			rec := httptest.NewRecorder()
			w.HostMeta().ServeHTTP(rec, r)
			if rec.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: no CORS", c.name)
			}
			return rec
		}
		var xrd struct {
			XMLName xml.Name `xml:"http://docs.oasis-open.org/ns/xri/xrd-1.0 XRD"`
			Link    []struct {
				Rel  string `xml:"rel,attr"`
				Href string `xml:"href,attr"`
			}
		}
		rec := get(HostMetaPath)
		if err := xml.Unmarshal(rec.Body.Bytes(), &xrd); err != nil || rec.Header().Get("Content-Type") != "application/xrd+xml" {
			t.Fatal(err, rec.Body)
		}
		var jrd struct{ Links []hostLink }
		rec = get(HostMetaJSONPath)
		if err := json.Unmarshal(rec.Body.Bytes(), &jrd); err != nil || rec.Header().Get("Content-Type") != "application/json" {
			t.Fatal(err, rec.Body)
		}
		want := []hostLink{{"urn:xmpp:alt-connections:xbosh", c.bosh}, {"urn:xmpp:alt-connections:websocket", c.ws}}
		if len(xrd.Link) != 2 || len(jrd.Links) != 2 {
			t.Fatal(xrd, jrd)
		}
		for i := range want {
			if jrd.Links[i] != want[i] || hostLink(xrd.Link[i]) != want[i] {
				t.Errorf("%s: %v %v, want %v", c.name, xrd.Link[i], jrd.Links[i], want[i])
			}
		}
	}
}

func TestHostMetaIsReadOnly(t *testing.T) {
	w := start(t, testConfig(), nil)
	for method, status := range map[string]int{"OPTIONS": 204, "POST": 405, "HEAD": 200} {
		rec := httptest.NewRecorder()
		w.HostMeta().ServeHTTP(rec, httptest.NewRequest(method, HostMetaPath, nil))
		if rec.Code != status {
			t.Errorf("%s: %d", method, rec.Code)
		}
	}
}
