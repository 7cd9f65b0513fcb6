package nas

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"

	"github.com/cxx-im/cxx/im"
)

// Path is where Handler is to be mounted.
const Path = "/nas/allocate"

// allocatedJSON is the answer over HTTP.
type allocatedJSON struct {
	ACS          string   `json:"acs"`
	Ticket       string   `json:"ticket"` // base64url without padding
	Alternatives []string `json:"alternatives"`
	WaitMS       int64    `json:"wait_ms"`
}

// errorJSON is what every failure over HTTP looks like.
type errorJSON struct {
	Code         int    `json:"code"`
	Error        string `json:"error"`
	Detail       string `json:"detail"`
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
}

// Handler answers GET and POST with the query parameter addr, which may be
// left out, in JSON. Pages of other origins may call it when Config.CORSOrigins
// names them. The address of the client is that of the connection: behind a
// proxy all share one limit.
func Handler(cfg Config, alloc *Allocator) http.Handler {
	return &handler{origins: cfg.CORSOrigins, alloc: alloc}
}

type handler struct {
	origins []string
	alloc   *Allocator
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store") // a ticket is good once
	head.Set("X-Content-Type-Options", "nosniff")
	h.cors(head, r.Header.Get("Origin"))
	switch r.Method {
	case http.MethodGet, http.MethodPost:
	case http.MethodOptions:
		head.Set("Allow", "GET, POST, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		head.Set("Allow", "GET, POST, OPTIONS")
		writeError(w, http.StatusMethodNotAllowed, im.Errorf(im.CodeUnsupported, "the method %s is not served here; use GET or POST", r.Method))
		return
	}
	var from netip.Addr
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		from = ap.Addr()
	}
	ans, err := h.alloc.Allocate(r.URL.Query().Get("addr"), from)
	if err != nil {
		writeError(w, 0, err)
		return
	}
	writeJSON(w, http.StatusOK, allocatedJSON{
		ACS:          ans.ACS,
		Ticket:       base64.RawURLEncoding.EncodeToString(ans.Ticket),
		Alternatives: append([]string{}, ans.Alternatives...),
		WaitMS:       ans.Wait.Milliseconds(),
	})
}

func (h *handler) cors(head http.Header, origin string) {
	if len(h.origins) == 0 {
		return
	}
	head.Add("Vary", "Origin")
	if origin == "" || !slices.Contains(h.origins, origin) && !slices.Contains(h.origins, "*") {
		return
	}
	head.Set("Access-Control-Allow-Origin", origin)
	head.Set("Access-Control-Allow-Methods", "GET, POST")
	head.Set("Access-Control-Expose-Headers", "Retry-After")
	head.Set("Access-Control-Max-Age", "600")
}

// statuses are the HTTP statuses of what Allocate can answer; all else is 500.
var statuses = map[im.ErrorCode]int{
	im.CodeInvalid:     http.StatusBadRequest,
	im.CodeRateLimited: http.StatusTooManyRequests,
	im.CodeNoACS:       http.StatusServiceUnavailable,
	im.CodeRetryLater:  http.StatusServiceUnavailable,
}

// writeError answers with an error; status 0 takes the one of the code.
func writeError(w http.ResponseWriter, status int, err error) {
	var e *im.Error
	if !errors.As(err, &e) {
		e = im.Errorf(im.CodeInternal, "the server failed; try again")
	}
	if status == 0 {
		status = statuses[e.Code]
	}
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	writeJSON(w, status, errorJSON{
		Code: int(e.Code), Error: e.Code.String(), Detail: e.Detail, RetryAfterMS: e.RetryAfter.Milliseconds(),
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the peer has gone: nobody to tell
}
