package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/cxx-im/cxx/acs/edge"
	"github.com/cxx-im/cxx/internal/pki"
	"github.com/cxx-im/cxx/nas"
)

// listen opens a TCP listener; the error names the key and what to do.
func listen(key, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address with %s", addr, err, key)
	}
	return ln, nil
}

// httpServer is one HTTP listener. A nil one is valid and does nothing.
type httpServer struct {
	ln  net.Listener
	srv *http.Server
	tls bool
}

func newHTTPServer(key, addr string, h http.Handler, conf *tls.Config, log *slog.Logger) (*httpServer, error) {
	ln, err := listen(key, addr)
	if err != nil {
		return nil, err
	}
	return &httpServer{ln: ln, tls: conf != nil, srv: &http.Server{
		Handler: h, TLSConfig: conf, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

func (h *httpServer) addr() string {
	if h == nil {
		return ""
	}
	return h.ln.Addr().String()
}

func (h *httpServer) close() error {
	if err := h.srv.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	h.ln.Close()
	return nil
}

// run serves until ctx ends and gives requests a moment to finish.
func (h *httpServer) run(ctx context.Context) error {
	if h == nil {
		return nil
	}
	done := make(chan error, 1)
	go func() {
		if h.tls {
			done <- h.srv.ServeTLS(h.ln, "", "")
			return
		}
		done <- h.srv.Serve(h.ln)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if h.srv.Shutdown(end) != nil {
		h.srv.Close()
	}
	<-done
	return nil
}

func (n *Node) openHTTP(context.Context) error {
	if n.cfg.HTTP.Listen == "" {
		return nil
	}
	routes := map[string]http.Handler{}
	if n.alloc != nil {
		routes["/nas/"] = nas.Handler(n.cfg.NAS, n.alloc)
	}
	if n.edge != nil {
		routes[edge.WebSocketPath] = n.edge.WebSocket()
	}
	var conf *tls.Config
	if n.cfg.HTTP.TLS {
		conf = pki.ServerConfig(n.cert, tls.VersionTLS12, "http/1.1")
	}
	var err error
	n.http, err = newHTTPServer("http.listen", n.cfg.HTTP.Listen, publicMux(routes), conf, n.log)
	if err != nil {
		return err
	}
	n.onClose(n.http.close)
	return nil
}

func publicMux(routes map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	for path, h := range routes {
		mux.Handle(path, h)
	}
	return mux
}

func (n *Node) openAdmin(context.Context) error { return nil }
