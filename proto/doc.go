// Package proto is the C-XX wire: frames, their limits, the conversion between
// the messages of package cxxpb and the vocabulary of package im, and the text
// form for traces. The same frames run between ACS peers.
//
// It knows neither connections nor rules; the C-XX edge, the mesh, NAS and the
// client library call it. docs/PROTOCOL.md describes what it encodes.
package proto

// Version is the protocol version spoken.
const Version = 1

// ALPN is the protocol name that TLS connections negotiate.
const ALPN = "cxx/1"
