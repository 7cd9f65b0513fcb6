// Package web is the HTTP side of a node: the admin API, which an operator and
// the command line use, and the small public listener, on which the node hangs
// whatever else speaks HTTP.
//
// It leaves every rule about accounts and sessions to the core and to package
// auth, which it knows through the interfaces of ports.go, and it leaves TLS
// certificates and wiring to cmd/cxxd. Handlers run on the goroutines of
// net/http; everything here may be called from any of them.
package web
