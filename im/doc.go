// Package im is the vocabulary of the product: identifiers, addresses,
// messages, log entries, contacts, presence, errors, and the small interfaces
// between the core and its edges.
//
// It leaves every rule to the core (package acs), every byte on a wire to the
// edges, and every byte on a disk to package shard. Everything imports im; im
// imports nothing of ours.
package im
