// Package stock tests the server with clients that others wrote. The scripts in
// Python beside it drive slixmpp, which `make test` installs; the package starts
// a server process and runs them. Clients for people are driven by hand, with
// `make clients`.
//
// A script prints PASS and what works; kit.py has what they share. They are
// bounded in time and need nothing but the server.
package stock
