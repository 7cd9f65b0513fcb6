package stream

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Config is what of the section [xmpp] concerns transports.
type Config struct {
	Listen     []string `toml:"listen" doc:"addresses for XMPP with STARTTLS, host:port"`
	TLSListen  []string `toml:"tls_listen" doc:"addresses for XMPP over TLS from the first byte (XEP-0368), host:port"`
	AllowPlain bool     `toml:"allow_plaintext" doc:"let clients on loopback log in without TLS; for tests and for a local proxy that ends TLS"`

	ClientCA string `toml:"client_ca" doc:"file with the authorities whose client certificates are accepted for a login without a password (SASL EXTERNAL), PEM, read at the start; empty: off"`

	MaxConnections int `toml:"max_connections" doc:"connections at once, those over HTTP included; 0: the descriptor limit minus 512. At the limit accepting pauses"`
	MaxHandshakes  int `toml:"max_handshakes" doc:"TLS handshakes computed at once; more wait until their timeout"`

	HandshakeTimeout config.Duration `toml:"handshake_timeout" doc:"how long a TLS handshake may take"`
	LoginTimeout     config.Duration `toml:"login_timeout" doc:"how long a connection may stay without a login"`
	ProgressTimeout  config.Duration `toml:"progress_timeout" doc:"how long unsent bytes may make no progress before the connection is closed"`
	CloseTimeout     config.Duration `toml:"close_timeout" doc:"how long a client may take to end its side of a stream that the server ends"`

	MaxStanzaBeforeLogin config.Size      `toml:"max_stanza_before_login" doc:"largest stanza before login"`
	MaxStanza            config.Size      `toml:"max_stanza" doc:"largest stanza after login"`
	XML                  xmlstream.Limits `toml:"xml"`

	Proxied          bool     `toml:"http_proxied" doc:"accept WebSocket and BOSH without TLS from other than loopback, because a proxy ends TLS; clients are then who it names in X-Forwarded-For"`
	WebSocketOrigins []string `toml:"web_origins" doc:"origins whose pages may connect by WebSocket and BOSH, e.g. https://chat.example.org; *: any. Nothing is gained by a foreign page: no cookie counts, it would need a password"`
	TestMode         bool     `toml:"-"` // lift all rate limits
	WebURL           string   `toml:"web_url" doc:"how clients reach the HTTP listener, e.g. https://chat.example.org, told in host-meta (XEP-0156); empty: as the request was addressed"`

	BOSH BOSHConfig `toml:"bosh"`
}

// BOSHConfig is the section [xmpp.bosh].
type BOSHConfig struct {
	MaxWait     config.Duration `toml:"max_wait" doc:"longest that a request is held"`
	MaxHold     int             `toml:"max_hold" doc:"most requests of a session that are held at once"`
	Inactivity  config.Duration `toml:"inactivity" doc:"how long a session may be without a request"`
	MaxPause    config.Duration `toml:"max_pause" doc:"how long a client may announce to be without a request"`
	Polling     config.Duration `toml:"polling" doc:"shortest time between empty requests of a client that polls"`
	MaxOutbound config.Size     `toml:"max_outbound" doc:"bytes that may wait for a session's next request"`
}

// Default returns the limits of the contract, listening on loopback.
func Default() Config {
	return Config{
		Listen:               []string{"127.0.0.1:5222"},
		TLSListen:            []string{"127.0.0.1:5223"},
		MaxHandshakes:        256,
		HandshakeTimeout:     seconds(5),
		LoginTimeout:         seconds(10),
		ProgressTimeout:      seconds(10),
		CloseTimeout:         seconds(2),
		MaxStanzaBeforeLogin: xmlstream.StanzaBeforeAuth,
		MaxStanza:            xmlstream.StanzaAfterAuth,
		XML:                  xmlstream.DefaultLimits(),
		WebSocketOrigins:     []string{"*"},
		BOSH: BOSHConfig{
			MaxWait:     seconds(45),
			MaxHold:     2,
			Inactivity:  seconds(30),
			MaxPause:    seconds(120),
			Polling:     seconds(2),
			MaxOutbound: 1 << 20,
		},
	}
}

func seconds(n int) config.Duration { return config.Duration(time.Duration(n) * time.Second) }

// Validate names each key that is wrong and what to do.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf(key+": "+format, args...))
	}
	for key, list := range map[string][]string{"listen": c.Listen, "tls_listen": c.TLSListen} {
		for _, a := range list {
			if _, _, err := net.SplitHostPort(a); err != nil {
				bad(key, "%q is not host:port; write for instance 0.0.0.0:5222", a)
			}
		}
	}
	for _, v := range []struct {
		key string
		d   config.Duration
	}{
		{"handshake_timeout", c.HandshakeTimeout},
		{"login_timeout", c.LoginTimeout},
		{"progress_timeout", c.ProgressTimeout},
		{"close_timeout", c.CloseTimeout},
		{"bosh.max_wait", c.BOSH.MaxWait},
		{"bosh.inactivity", c.BOSH.Inactivity},
		{"bosh.max_pause", c.BOSH.MaxPause},
	} {
		if v.d.D() <= 0 {
			bad(v.key, "%s is not a time; it must be above zero", v.d)
		}
	}
	switch {
	case c.MaxConnections < 0:
		bad("max_connections", "%d is below zero", c.MaxConnections)
	case c.MaxHandshakes < 1:
		bad("max_handshakes", "%d is too small; it must be 1 or more", c.MaxHandshakes)
	case c.BOSH.MaxHold < 1 || c.BOSH.MaxHold > 10:
		bad("bosh.max_hold", "%d is out of range; choose 1 to 10", c.BOSH.MaxHold)
	case c.BOSH.Polling < 0:
		bad("bosh.polling", "%s is below zero", c.BOSH.Polling)
	case c.BOSH.MaxOutbound < 16<<10:
		bad("bosh.max_outbound", "%s is too small; choose 16KiB or more", c.BOSH.MaxOutbound)
	}
	if c.MaxStanzaBeforeLogin < 10_000 || c.MaxStanza < c.MaxStanzaBeforeLogin || c.MaxStanza > 16<<20 {
		bad("max_stanza", "use 10000 ≤ max_stanza_before_login ≤ max_stanza ≤ 16MiB (RFC 6120 section 13.12)")
	}
	if err := c.XML.WithStanza(int(c.MaxStanza)).Validate(); err != nil {
		bad("xml", "%w", err)
	}
	for _, o := range c.WebSocketOrigins {
		if o != "*" && !strings.Contains(o, "://") {
			bad("web_origins", "%q is not an origin such as https://chat.example.org", o)
		}
	}
	if u, err := url.Parse(c.WebURL); c.WebURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		bad("web_url", "%q is not an address such as https://chat.example.org", c.WebURL)
	}
	return errors.Join(errs...)
}

// early are the limits before the login, late those after.
func (c *Config) early() xmlstream.Limits { return c.XML.WithStanza(int(c.MaxStanzaBeforeLogin)) }
func (c *Config) late() xmlstream.Limits  { return c.XML.WithStanza(int(c.MaxStanza)) }
