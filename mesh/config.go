package mesh

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/cxx-im/cxx/internal/config"
)

// Config is the section [mesh] of the configuration.
type Config struct {
	Listen      string          `toml:"listen" doc:"address where peers are accepted; in a cell one that the other machines reach"`
	Advertise   string          `toml:"advertise" doc:"address that peers dial; may be empty when listen names one host"`
	Cell        string          `toml:"cell" doc:"name of the cell; nodes of another cell are refused"`
	CA          string          `toml:"ca" doc:"file with the authority of the nodes' certificates; empty: mesh/ca.pem under the data directory"`
	Cert        string          `toml:"cert" doc:"file with this node's certificate; empty: mesh/node-<id>.pem under the data directory"`
	Key         string          `toml:"key" doc:"file with its private key, mode 0600; empty: mesh/node-<id>.key"`
	Heartbeat   config.Duration `toml:"heartbeat" doc:"how often a sign of life is sent on each link"`
	DeadAfter   config.Duration `toml:"dead_after" doc:"silence, or time without a write getting through, after which a link is down; at least three heartbeats"`
	Queue       config.Size     `toml:"queue" doc:"most bytes that wait for one peer; what does not fit is announced by doorbell"`
	ForgetAfter config.Duration `toml:"forget_after" doc:"how long a peer that has neither link nor lease any more is still dialled"`
	DialTimeout config.Duration `toml:"dial_timeout" doc:"time for a connection, its TLS handshake and the hello"`
	RedialMin   config.Duration `toml:"redial_min" doc:"first pause before a peer is dialled again; it doubles with each failure"`
	RedialMax   config.Duration `toml:"redial_max" doc:"longest pause before a peer is dialled again"`
}

// DefaultConfig returns the defaults; it listens on loopback only.
func DefaultConfig() Config {
	return Config{
		Listen:      "127.0.0.1:5230",
		Cell:        "cell",
		Heartbeat:   config.Duration(2 * time.Second),
		DeadAfter:   config.Duration(6 * time.Second),
		Queue:       16 << 20,
		ForgetAfter: config.Duration(30 * time.Second),
		DialTimeout: config.Duration(5 * time.Second),
		RedialMin:   config.Duration(100 * time.Millisecond),
		RedialMax:   config.Duration(5 * time.Second),
	}
}

// Validate names the key that is wrong and what to do.
func (c Config) Validate() error {
	if err := checkAddress("listen", c.Listen); err != nil {
		return err
	}
	if err := c.checkAdvertise(); err != nil {
		return err
	}
	switch {
	case c.Cell == "" || len(c.Cell) > 255:
		return fmt.Errorf("cell is %q; choose a name of 1 to 255 bytes, the same on all nodes", c.Cell)
	case (c.Cert == "") != (c.Key == ""):
		return fmt.Errorf("cert and key go together: set both, or neither to use those of the data directory")
	case c.Heartbeat <= 0 || c.DialTimeout <= 0 || c.RedialMin <= 0:
		return fmt.Errorf("heartbeat, dial_timeout and redial_min must be more than 0s")
	case c.DeadAfter < 3*c.Heartbeat:
		return fmt.Errorf("dead_after is %s; it must be at least three times heartbeat (%s)", c.DeadAfter, c.Heartbeat)
	case c.RedialMax < c.RedialMin:
		return fmt.Errorf("redial_max is %s; it must be at least redial_min (%s)", c.RedialMax, c.RedialMin)
	case c.ForgetAfter < 0:
		return fmt.Errorf("forget_after is %s; it must not be negative", c.ForgetAfter)
	case c.Queue < maxFrame:
		return fmt.Errorf("queue is %s; choose at least 1MiB, so that the largest frame fits", c.Queue)
	}
	return nil
}

func (c Config) checkAdvertise() error {
	if c.Advertise != "" {
		return checkAddress("advertise", c.Advertise)
	}
	host, _, _ := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("advertise is empty and listen is %s, which is no address to dial; set advertise to the HOST:PORT at which peers reach this node", c.Listen)
	}
	return nil
}

func checkAddress(key, addr string) error {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("%s is %q; write HOST:PORT, such as 10.0.0.1:5230 or [::]:5230", key, addr)
	}
	return nil
}

// AdvertiseAddr is what a node puts in its lease for peers to dial, given the
// address that Listen returned.
func (c Config) AdvertiseAddr(listening net.Addr) string {
	if c.Advertise != "" {
		return c.Advertise
	}
	return listening.String()
}

// isLoopback reports whether addr can only be reached from this machine.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
