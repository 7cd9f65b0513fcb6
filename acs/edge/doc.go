// Package edge is the C-XX listener: TCP with TLS 1.3 on event loops, and the
// same frames inside WebSocket messages. It reads frames, calls the core
// through the interfaces of package im, and writes what the core hands it.
//
// It owns sockets, frame limits, deadlines, outboxes and back-pressure. It
// leaves every rule about users and messages to the core (package acs), and who
// a client is to the implementation of im.Logins. Package cmd/cxxd puts it
// together.
//
// One event loop owns a socket, its read buffer and everything in tcpConn; a
// goroutine per connection exists only while a request of it is being worked
// on. A frame goes: tcpConn.traffic (decrypt) → conn.consume (cut) → dispatch
// (table) → handler → outbox → flush, once per pass of the loop.
package edge
