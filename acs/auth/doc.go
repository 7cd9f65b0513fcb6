// Package auth answers "who is this?": logins by password (SCRAM, or PLAIN on
// the XMPP edge), by device token, by a JWT of the operator's backend and by a
// certificate that an edge has verified; it makes accounts, changes passwords,
// and slows down those who guess.
//
// It leaves sessions and their end to package acs, storage to package shard,
// TLS and the wire to the edges. Both edges call it through im.Logins, the core
// through its Passwords interface, and the command line and the admin API
// through the account methods of Logins.
//
// Passwords are kept only as SCRAM verifiers, sealed with a key outside the
// database (see Seal): who steals the database alone cannot even start to guess.
package auth
