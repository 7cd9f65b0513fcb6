package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"

	"github.com/cxx-im/cxx/acs/edge"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/nas"
	"github.com/cxx-im/cxx/web"
)

// listen opens a TCP listener; the error names the key and what to do.
func listen(key, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address with %s", addr, err, key)
	}
	return ln, nil
}

// httpServer is one HTTP listener and what it serves. A nil one is valid and
// does nothing.
type httpServer struct {
	ln      net.Listener
	handler http.Handler
	tls     *tls.Config // nil: none
}

func (n *Node) openHTTPServer(key, addr string, h http.Handler, conf *tls.Config) (*httpServer, error) {
	ln, err := listen(key, addr)
	if err != nil {
		return nil, err
	}
	n.onClose(func() error { ln.Close(); return nil })
	return &httpServer{ln: ln, handler: h, tls: conf}, nil
}

func (h *httpServer) addr() string {
	if h == nil {
		return ""
	}
	return h.ln.Addr().String()
}

func (n *Node) serveHTTP(ctx context.Context, h *httpServer) error {
	if h == nil {
		return nil
	}
	return web.Serve(ctx, h.ln, h.handler, h.tls, n.log)
}

// openHTTP opens the public listener.
func (n *Node) openHTTP(context.Context) error {
	if n.cfg.HTTP.Listen == "" {
		return nil
	}
	var mounts []web.Mount
	if n.alloc != nil {
		mounts = append(mounts, web.Mount{Pattern: "/nas/allocate", Handler: nas.Handler(n.cfg.NAS, n.alloc)})
	}
	if n.edge != nil {
		mounts = append(mounts, web.Mount{Pattern: edge.WebSocketPath, Handler: n.edge.WebSocket()})
	}
	mounts = append(mounts, n.xmppMounts()...)
	var conf *tls.Config
	if n.cfg.HTTP.TLS {
		conf = pki.ServerConfig(n.cert, tls.VersionTLS12, "http/1.1")
	}
	var err error
	n.http, err = n.openHTTPServer("http.listen", n.cfg.HTTP.Listen, web.Public(n.ready, mounts...), conf)
	return err
}

// ready answers nil when the node takes sessions.
func (n *Node) ready(context.Context) error {
	if n.core == nil {
		return nil
	}
	if n.core.Draining() {
		return im.Errorf(im.CodeGoAway, "the node is draining")
	}
	for _, z := range n.store.Zones() {
		if !z.Down {
			return nil
		}
	}
	return im.Errorf(im.CodeZoneUnavailable, "no zone can be reached")
}
