package web

import (
	"net/http"

	"github.com/cxx-im/cxx/im"
)

// Health is the answer of /healthz and /readyz.
type Health struct {
	State string `json:"state"` // "ok"
}

// Disagreements is the answer of /debug/check; none is good.
type Disagreements struct {
	Disagreements []string `json:"disagreements"`
}

func (a *Admin) healthz(*http.Request) (any, error) { return Health{"ok"}, nil }

func (a *Admin) readyz(r *http.Request) (any, error) {
	if a.Ready != nil {
		if err := a.Ready(r.Context()); err != nil {
			return nil, im.Errorf(im.CodeRetryLater, "not ready: %v", err)
		}
	}
	return Health{"ok"}, nil
}

func (a *Admin) status(r *http.Request) (any, error) {
	if a.Status == nil {
		return nil, errNotHere
	}
	return a.Deps.Status(r.Context()), nil
}

func (a *Admin) check(r *http.Request) (any, error) {
	if a.Check == nil {
		return nil, errNotHere
	}
	list := a.Check(r.Context())
	if list == nil {
		list = []string{}
	}
	return Disagreements{list}, nil
}

func (a *Admin) drain(*http.Request) (any, error) {
	if a.Drain == nil {
		return nil, errNotHere
	}
	a.Deps.Drain()
	return nil, nil
}

// errNotHere is the answer of a node without the part that a route needs.
var errNotHere = im.Errorf(im.CodeUnsupported, "this node does not do that; ask an ACS")
