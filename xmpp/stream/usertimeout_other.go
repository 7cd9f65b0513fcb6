//go:build !linux

package stream

import (
	"net"
	"time"
)

// setUserTimeout does nothing where there is no such thing.
func setUserTimeout(net.Conn, time.Duration) {}
