package env

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// The ports given out lie below those that the system takes for outgoing
// connections: one of those can be taken again by anybody between being found
// free and being listened on.
const firstPort, portCount = 12000, 20000

var nextPort atomic.Uint32

func init() { nextPort.Store(rand.Uint32N(portCount)) }

// FreeAddr returns an address on 127.0.0.1 that nobody listens on, and never
// the same one twice in a process soon. It is for servers that have to be told
// their port, or to keep it over a restart.
func FreeAddr() (string, error) {
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+nextPort.Add(1)%portCount)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		l.Close()
		return addr, nil
	}
	return "", errors.New("env: no free port was found")
}
