// Package shard is the durable state of the cell. The user space is cut in
// ranges of slots; each zone is one database (SQLite or MySQL/MariaDB) that
// holds some ranges. Store sends every call to the zone of its user.
//
// Each zone has one writer goroutine that runs everything that is queued as
// one transaction: it locks the inbox heads of all users concerned in the order
// of their ids, hands out the places in their logs, and writes all rows in few
// statements. The row lock makes the order of places the order of commits.
// Every change of a user's state runs under the lock of his head, so nothing
// else has to be locked.
//
// It leaves to package acs what may be said and done, and who is told. Package
// acs, acs/auth, web and cmd/cxxd call it.
package shard
