package web

import (
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// route is one line of the API. It has either handle, or raw when the answer
// is no JSON. A route with an action changes something and is audited; raw
// routes that change something audit themselves.
type route struct {
	method  string
	pattern string
	action  string
	handle  handler
	raw     http.Handler
}

// table is the whole API.
func (a *Admin) table() []route {
	gather := a.Gather
	if gather == nil {
		gather = prometheus.DefaultGatherer
	}
	return []route{
		{method: "GET", pattern: "/healthz", handle: a.healthz},
		{method: "GET", pattern: "/readyz", handle: a.readyz},
		{method: "GET", pattern: "/metrics", raw: promhttp.HandlerFor(gather, promhttp.HandlerOpts{})},
		{method: "GET", pattern: "/status", handle: a.status},
		{method: "GET", pattern: "/debug/check", handle: a.check},
		{method: "GET", pattern: "/debug/pprof/", raw: http.HandlerFunc(pprof.Index)},
		{method: "GET", pattern: "/debug/pprof/cmdline", raw: http.HandlerFunc(pprof.Cmdline)},
		{method: "GET", pattern: "/debug/pprof/profile", raw: http.HandlerFunc(pprof.Profile)},
		{method: "GET", pattern: "/debug/pprof/symbol", raw: http.HandlerFunc(pprof.Symbol)},
		{method: "GET", pattern: "/debug/pprof/trace", raw: http.HandlerFunc(pprof.Trace)},
		{method: "POST", pattern: "/drain", action: "node.drain", handle: a.drain},

		{method: "GET", pattern: "/users", handle: a.userList},
		{method: "POST", pattern: "/users", action: "user.create", handle: a.userCreate},
		{method: "POST", pattern: "/users/import", raw: http.HandlerFunc(a.userImport)},
		{method: "GET", pattern: "/users/{addr}", handle: a.userGet},
		{method: "POST", pattern: "/users/{addr}/password", action: "user.password", handle: a.userPassword},
		{method: "POST", pattern: "/users/{addr}/disable", action: "user.disable", handle: a.userDisable},
		{method: "POST", pattern: "/users/{addr}/enable", action: "user.enable", handle: a.userEnable},
		{method: "GET", pattern: "/users/{addr}/devices", handle: a.deviceList},
		{method: "DELETE", pattern: "/users/{addr}/devices", action: "device.revoke_all", handle: a.deviceRevokeAll},
		{method: "DELETE", pattern: "/users/{addr}/devices/{id}", action: "device.revoke", handle: a.deviceRevoke},
		{method: "POST", pattern: "/invites", action: "invite.create", handle: a.inviteCreate},
	}
}
