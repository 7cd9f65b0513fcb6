package stream

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// The paths where clients look for other ways to connect (XEP-0156).
const (
	HostMetaPath     = "/.well-known/host-meta"
	HostMetaJSONPath = "/.well-known/host-meta.json"
)

// The link relations of XEP-0156 section 3.
const (
	relWebSocket = "urn:xmpp:alt-connections:websocket"
	relBOSH      = "urn:xmpp:alt-connections:xbosh"
)

const nsXRD = "http://docs.oasis-open.org/ns/xri/xrd-1.0"

type hostLink struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

// HostMeta returns the handler of both formats, XRD and JRD (RFC 6415). Mount it
// at HostMetaPath and HostMetaJSONPath.
func (s *Server) HostMeta() http.Handler { return http.HandlerFunc(s.serveHostMeta) }

func (s *Server) serveHostMeta(w http.ResponseWriter, r *http.Request) {
	// XEP-0156 section 4: readable for pages of every origin; it is public.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
	switch r.Method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodGet, http.MethodHead:
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "host-meta can be read only", http.StatusMethodNotAllowed)
		return
	}
	links := s.hostLinks(r)
	if strings.HasSuffix(r.URL.Path, ".json") || strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"links": links})
		return
	}
	w.Header().Set("Content-Type", "application/xrd+xml")
	xrd := xmlstream.New(nsXRD, "XRD")
	for _, l := range links {
		xrd.Add(xmlstream.New(nsXRD, "Link").SetAttr("rel", l.Rel).SetAttr("href", l.Href))
	}
	_, _ = w.Write(xmlstream.Append([]byte("<?xml version='1.0' encoding='utf-8'?>"), xrd, xmlstream.Standalone))
}

// hostLinks are the addresses of the other transports: as configured, or as
// the request was addressed.
func (s *Server) hostLinks(r *http.Request) []hostLink {
	base := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil || s.cfg.Proxied {
		base.Scheme = "https"
	}
	if s.cfg.WebURL != "" {
		u, _ := url.Parse(s.cfg.WebURL) // Validate has seen it
		base = *u
	}
	bosh := base.JoinPath(BOSHPath)
	ws := base.JoinPath(WebSocketPath)
	ws.Scheme = strings.Replace(base.Scheme, "http", "ws", 1)
	return []hostLink{{relBOSH, bosh.String()}, {relWebSocket, ws.String()}}
}
