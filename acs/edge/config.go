package edge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/proto"
)

// Config is the section "cxx" of the configuration file.
type Config struct {
	Listen     []string `toml:"listen" doc:"addresses for C-XX over TLS 1.3, host:port"`
	Plaintext  []string `toml:"plaintext" doc:"addresses for C-XX without TLS; only loopback addresses, only with allow_plaintext"`
	AllowPlain bool     `toml:"allow_plaintext" doc:"permit the listeners of plaintext; for tests and for a local proxy that ends TLS"`

	Loops          int `toml:"loops" doc:"event loops; 0: half as many as CPUs"`
	MaxConnections int `toml:"max_connections" doc:"connections at once; 0: the descriptor limit minus 512. At the limit accepting pauses"`

	MaxFrameBeforeLogin config.Size `toml:"max_frame_before_login" doc:"largest frame before login"`
	MaxFrame            config.Size `toml:"max_frame" doc:"largest frame after login"`

	HandshakeTimeout config.Duration `toml:"handshake_timeout" doc:"how long a TLS handshake may take"`
	LoginTimeout     config.Duration `toml:"login_timeout" doc:"how long a connection may stay without a login"`
	IdleTimeout      config.Duration `toml:"idle_timeout" doc:"silence after which a connection is closed; clients send a heartbeat every 30s"`
	CallTimeout      config.Duration `toml:"call_timeout" doc:"how long a request may take before it is answered with an error"`
	MaxHandshakes    int             `toml:"max_handshakes" doc:"TLS handshakes at once; more wait until their timeout"`

	MaxUnacked      int             `toml:"max_unacked" doc:"sends of a session without an answer; at the limit the server stops reading"`
	MaxQueued       int             `toml:"max_queued" doc:"requests of a session that wait for their turn; at the limit the server stops reading"`
	SoftOutbound    config.Size     `toml:"soft_outbound" doc:"unsent bytes above which pushes are replaced by one SyncRequired"`
	HardOutbound    config.Size     `toml:"hard_outbound" doc:"unsent bytes above which the connection is closed as a slow consumer"`
	ProgressTimeout config.Duration `toml:"progress_timeout" doc:"how long unsent bytes may make no progress before the connection is closed as a slow consumer"`

	SendRate   int             `toml:"send_rate" doc:"messages per second and session; 0: no limit"`
	SendBurst  int             `toml:"send_burst" doc:"messages that a session may send at once"`
	SendDelay  config.Duration `toml:"send_delay" doc:"how long a session over its rate is slowed down before sends are refused"`
	SignalRate int             `toml:"signal_rate" doc:"typing notices per second and session; more are dropped; 0: no limit"`
	LoginRate  int             `toml:"login_rate" doc:"logins per second of this server; 0: no limit"`
	LoginBurst int             `toml:"login_burst" doc:"logins that may come at once"`
	LoginTries int             `toml:"login_tries" doc:"failed logins on one connection before it is closed"`
	TestMode   bool            `toml:"test_mode" doc:"lift all rate limits; never in production"`

	WebSocketOrigins []string `toml:"websocket_origins" doc:"origins whose pages may connect by WebSocket, e.g. https://chat.example.org; *: any; empty: the page's own host"`
	WebSocketProxied bool     `toml:"websocket_proxied" doc:"accept WebSocket without TLS from other than loopback, because a proxy ends TLS"`
}

// Default returns the limits of the contract, listening on loopback.
func Default() Config {
	return Config{
		Listen:              []string{"127.0.0.1:5210"},
		MaxFrameBeforeLogin: proto.MaxFrameBeforeLogin,
		MaxFrame:            proto.MaxFrameAfterLogin,
		HandshakeTimeout:    seconds(5),
		LoginTimeout:        seconds(10),
		IdleTimeout:         seconds(75),
		CallTimeout:         seconds(10),
		MaxHandshakes:       256,
		MaxUnacked:          128,
		MaxQueued:           32,
		SoftOutbound:        256 << 10,
		HardOutbound:        1 << 20,
		ProgressTimeout:     seconds(10),
		SendRate:            20,
		SendBurst:           60,
		SendDelay:           seconds(1),
		SignalRate:          10,
		LoginRate:           200,
		LoginBurst:          400,
		LoginTries:          3,
	}
}

func seconds(n int) config.Duration { return config.Duration(time.Duration(n) * time.Second) }

// Validate reports every value that cannot work, with its key.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("cxx.%s: "+format, append([]any{key}, args...)...))
	}
	for _, a := range c.Listen {
		if _, _, err := net.SplitHostPort(a); err != nil {
			bad("listen", "%q is not host:port; write for instance 0.0.0.0:5210", a)
		}
	}
	for _, a := range c.Plaintext {
		if !isLoopback(a) {
			bad("plaintext", "%q is not a loopback address; plaintext listens on 127.0.0.0/8 or [::1] only, use listen for others", a)
		}
	}
	if len(c.Plaintext) > 0 && !c.AllowPlain {
		bad("plaintext", "set allow_plaintext as well when unencrypted connections on loopback are wanted")
	}
	if c.MaxFrame < c.MaxFrameBeforeLogin || c.MaxFrameBeforeLogin < 1024 || c.MaxFrame > proto.MaxFrameFromServer {
		bad("max_frame", "use 1KiB ≤ max_frame_before_login ≤ max_frame ≤ %s", config.Size(proto.MaxFrameFromServer))
	}
	if c.SoftOutbound < 16<<10 || c.HardOutbound < c.SoftOutbound {
		bad("hard_outbound", "use 16KiB ≤ soft_outbound ≤ hard_outbound")
	}
	for _, v := range []struct {
		key string
		d   config.Duration
	}{
		{"handshake_timeout", c.HandshakeTimeout},
		{"login_timeout", c.LoginTimeout},
		{"idle_timeout", c.IdleTimeout},
		{"call_timeout", c.CallTimeout},
		{"progress_timeout", c.ProgressTimeout},
	} {
		if v.d <= 0 {
			bad(v.key, "%s is not a time; it must be above zero", v.d)
		}
	}
	for _, v := range []struct {
		key        string
		n, minimum int
	}{
		{"loops", c.Loops, 0},
		{"max_connections", c.MaxConnections, 0},
		{"max_handshakes", c.MaxHandshakes, 1},
		{"max_unacked", c.MaxUnacked, 1},
		{"max_queued", c.MaxQueued, 1},
		{"send_rate", c.SendRate, 0},
		{"send_burst", c.SendBurst, 1},
		{"signal_rate", c.SignalRate, 0},
		{"login_rate", c.LoginRate, 0},
		{"login_burst", c.LoginBurst, 1},
		{"login_tries", c.LoginTries, 1},
	} {
		if v.n < v.minimum {
			bad(v.key, "%d is too small; it must be %d or more", v.n, v.minimum)
		}
	}
	if c.SendDelay < 0 {
		bad("send_delay", "%s is below zero", c.SendDelay)
	}
	for _, o := range c.WebSocketOrigins {
		if o != "*" && !strings.Contains(o, "://") {
			bad("websocket_origins", "%q is not an origin such as https://chat.example.org", o)
		}
	}
	return errors.Join(errs...)
}

// isLoopback is strict on purpose: a name could resolve to anything.
func isLoopback(hostport string) bool {
	ap, err := netip.ParseAddrPort(hostport)
	return err == nil && ap.Addr().IsLoopback()
}
