package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Serve serves h on l until ctx ends, then lets requests under way finish for
// up to five seconds. conf nil means without TLS. It returns after all its
// goroutines have ended, connections that were taken over by a handler (a
// WebSocket) excepted: they belong to their edge.
func Serve(ctx context.Context, l net.Listener, h http.Handler, conf *tls.Config, log *slog.Logger) error {
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	fresh := newFresh()
	s := &http.Server{
		ConnState:         fresh.note,
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // every scanner that cannot shake hands
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("web: serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	fresh.close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(grace); err != nil {
		_ = s.Close()
	}
	if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("web: serve %s: %w", l.Addr(), err)
	}
	return nil
}
