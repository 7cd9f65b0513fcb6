// Package tui is the chat that cxx opens without a verb: conversations and
// contacts on the left, one conversation on the right, a line to write in.
//
// It draws and takes keys; everything else it asks of a Backend, which is a
// *client.Client. Bubble Tea calls Update and View from one goroutine; what may
// take time runs in commands and comes back as a message.
package tui
