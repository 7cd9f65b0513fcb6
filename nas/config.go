package nas

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/cxx-im/cxx/internal/config"
)

// Config is the section [nas].
type Config struct {
	Listen       string          `toml:"listen" doc:"host:port where C-XX clients ask for an ACS; empty: not over C-XX frames"`
	Plaintext    bool            `toml:"plaintext" doc:"listen without TLS; only on a loopback address"`
	Refresh      config.Duration `toml:"refresh" doc:"how often the list of live ACS is read"`
	KeepLast     config.Duration `toml:"keep_last" doc:"how long the last list is good while the presence registry cannot be read"`
	FullAt       float64         `toml:"full_at" doc:"part of its capacity at which an ACS is full and gets no more logins"`
	Logins       int             `toml:"logins_per_acs" doc:"logins a second that this NAS sends to one ACS; with several NAS set each to its share"`
	LoginBurst   int             `toml:"login_burst" doc:"logins that it sends to one ACS at once, beyond that rate"`
	MaxWait      config.Duration `toml:"max_wait" doc:"longest wait that comes with an ACS; in a storm clients beyond it are told to ask again later"`
	Connections  int             `toml:"connections" doc:"connections served at a time; further ones wait"`
	PerAddress   int             `toml:"connections_per_address" doc:"connections served at a time from one address (IPv6: from one /64); 0: no limit"`
	AddressRate  float64         `toml:"rate_per_address" doc:"requests a second from one address (IPv6: from one /64); 0: no limit"`
	AddressBurst int             `toml:"burst_per_address" doc:"requests at once from one address, beyond that rate"`
	CORSOrigins  []string        `toml:"cors_origins" doc:"web origins whose pages may ask over HTTP, such as https://chat.example.org; * allows all"`
}

// Default returns the values that hold when nothing is configured.
func Default() Config {
	return Config{
		Listen:       "127.0.0.1:5200",
		Refresh:      config.Duration(time.Second),
		KeepLast:     config.Duration(5 * time.Minute),
		FullAt:       0.9,
		Logins:       200,
		LoginBurst:   400,
		MaxWait:      config.Duration(20 * time.Second),
		Connections:  4096,
		PerAddress:   1024,
		AddressRate:  200,
		AddressBurst: 2000,
	}
}

// longestWait keeps a ticket good for a while after the wait that it comes with.
const longestWait = 40 * time.Second

// loopbackHost is strict on purpose: a name could resolve to anything, and
// localhost is what it is everywhere.
func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// Validate reports every value that cannot be used.
func (c Config) Validate() error {
	var errs []error
	bad := func(wrong bool, key, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("nas.%s: %s", key, fmt.Sprintf(format, args...)))
		}
	}
	if c.Listen != "" {
		_, _, err := net.SplitHostPort(c.Listen)
		bad(err != nil, "listen", "%q is not host:port, such as 0.0.0.0:5200", c.Listen)
		bad(err == nil && c.Plaintext && !loopbackHost(c.Listen), "plaintext",
			"nas.listen is %q, which others can reach; without TLS listen on 127.0.0.1 or [::1] only, or remove nas.plaintext", c.Listen)
	}
	bad(c.Refresh.D() < 50*time.Millisecond || c.Refresh.D() > time.Minute, "refresh", "%s is not between 50ms and 1m", c.Refresh)
	bad(c.KeepLast.D() < c.Refresh.D(), "keep_last", "%s is shorter than nas.refresh; use minutes", c.KeepLast)
	bad(c.FullAt <= 0 || c.FullAt > 1, "full_at", "%v is not above 0 and up to 1", c.FullAt)
	bad(c.Logins < 1, "logins_per_acs", "%d is not positive", c.Logins)
	bad(c.LoginBurst < 1, "login_burst", "%d is not positive", c.LoginBurst)
	bad(c.MaxWait < 0 || c.MaxWait.D() > longestWait, "max_wait", "%s is not between 0s and %s; a ticket is good for a minute", c.MaxWait, longestWait)
	bad(c.Connections < 1, "connections", "%d is not positive", c.Connections)
	bad(c.PerAddress < 0, "connections_per_address", "%d is negative; 0 sets no limit", c.PerAddress)
	bad(c.AddressRate < 0, "rate_per_address", "%v is negative; 0 sets no limit", c.AddressRate)
	bad(c.AddressRate > 0 && c.AddressBurst < 1, "burst_per_address", "%d is not positive", c.AddressBurst)
	for _, o := range c.CORSOrigins {
		u, err := url.Parse(o)
		bad(o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != ""), "cors_origins",
			"%q is not an origin, such as https://chat.example.org without a slash at the end", o)
	}
	return errors.Join(errs...)
}
