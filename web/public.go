package web

import (
	"context"
	"net/http"

	"github.com/cxx-im/cxx/im"
)

// Mount is a handler on the public listener, under a pattern of
// http.ServeMux.
type Mount struct {
	Pattern string // "/nas/allocate", "GET /cxx"
	Handler http.Handler
}

// Public is the handler of the public listener: /healthz and /readyz, which
// say nothing but yes or no, and what the node mounts. ready may be nil.
func Public(ready func(context.Context) error, mounts ...Mount) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, Health{"ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if ready != nil && ready(r.Context()) != nil {
			writeError(w, im.Errorf(im.CodeRetryLater, "not ready"))
			return
		}
		writeJSON(w, http.StatusOK, Health{"ok"})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, im.Errorf(im.CodeNotFound, "there is nothing here"))
	})
	for _, m := range mounts {
		mux.Handle(m.Pattern, m.Handler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		mux.ServeHTTP(w, r)
	})
}
