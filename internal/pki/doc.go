// Package pki makes and loads the keys and certificates of a cell: the TLS
// certificate that clients see, the private certificates of the mesh, the key
// that signs tickets, and random secrets. It also builds the crypto/tls
// configurations of the listeners and the channel binding that logins use.
//
// What to do with a secret is left to the package that needs it. Package
// cmd/cxxd calls it, at the first start and for `cxxd keygen`.
//
// The files under a data directory:
//
//	ca.pem, ca.key                    authority of the server certificate; clients trust ca.pem
//	tls/server.pem, tls/server.key    what C-XX, XMPP, HTTP and NAS listeners show
//	mesh/ca.pem, mesh/ca.key          private authority of the mesh
//	mesh/node-7.pem, mesh/node-7.key  identity of node 7
//	ticket/private.pem                signs tickets; only a NAS needs it
//	ticket/public.pem                 checks tickets; every ACS needs it
//	secret/…                          one random secret each
package pki
