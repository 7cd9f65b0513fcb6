// Package xmpptest is a cell in memory for tests of the packages of xmpp: users
// with contacts, logs, leaves, block lists and sessions, behind the interfaces
// that the handlers of iq requests see. It keeps the promises of im in the
// simplest way and no limits.
//
// It leaves the rules of the core to the tests of the core. Only tests call it.
package xmpptest
