package c2s

import (
	"fmt"
	"time"

	"github.com/cxx-im/cxx/internal/config"
)

// Config is what of the section [xmpp] concerns sessions.
type Config struct {
	ResumeWindow   config.Duration `toml:"resume_window" doc:"how long a client that lost its connection may resume its session (XEP-0198); 0: not at all"`
	Grace          config.Duration `toml:"grace" doc:"how long such a client is shown as it was; then its contacts see it offline until it resumes"`
	MaxUnacked     int             `toml:"max_unacked" doc:"most stanzas that a client may leave unacknowledged, connected or not; beyond it the session ends and the archive has the rest"`
	MaxUnackedSize config.Size     `toml:"max_unacked_size" doc:"most bytes of stanzas that a client may leave unacknowledged; from half of it on, messages wait in the log until it has acknowledged some"`
	SoftOutbound   config.Size     `toml:"soft_outbound" doc:"bytes that may wait for a client before it is fed from the log instead"`
	Ping           config.Duration `toml:"ping" doc:"after how long a silence a client is asked whether it is there (XEP-0199); after another one its connection is given up"`
	SendRate       int             `toml:"send_rate" doc:"stanzas that a client may send per second; its stream is read no faster; 0: any number"`
	SendBurst      int             `toml:"send_burst" doc:"how many may come at once"`
	LoginRate      int             `toml:"login_rate" doc:"logins that are tried per second, of all clients; more are told to come again later; 0: any number"`
	LoginBurst     int             `toml:"login_burst" doc:"how many may come at once"`
	OfflineLimit   int             `toml:"offline_limit" doc:"most messages that a client gets that has asked the archive for nothing, when it comes online"`
	HoldInactive   int             `toml:"hold_inactive" doc:"most presences and chat states that are held back for an inactive client (XEP-0352)"`
}

// Default returns the defaults of contract section 3.
func Default() Config {
	return Config{
		ResumeWindow:   config.Duration(300 * time.Second),
		Grace:          config.Duration(10 * time.Second),
		MaxUnacked:     1000,
		MaxUnackedSize: 1 << 20,
		SoftOutbound:   256 << 10,
		Ping:           config.Duration(37 * time.Second),
		SendRate:       20,
		SendBurst:      60,
		LoginRate:      200,
		LoginBurst:     400,
		OfflineLimit:   1000,
		HoldInactive:   200,
	}
}

// Validate names the key that is wrong and what to do.
func (c Config) Validate() error {
	switch {
	case c.ResumeWindow < 0 || c.ResumeWindow.D() > time.Hour:
		return fmt.Errorf("resume_window is %s; choose 0 to 1h", c.ResumeWindow)
	case c.Grace < 0 || c.Grace > c.ResumeWindow && c.ResumeWindow > 0:
		return fmt.Errorf("grace is %s; choose 0 to resume_window (%s)", c.Grace, c.ResumeWindow)
	case c.MaxUnacked < 10:
		return fmt.Errorf("max_unacked is %d; choose at least 10", c.MaxUnacked)
	case c.MaxUnackedSize < 512<<10:
		return fmt.Errorf("max_unacked_size is %s; choose at least 512KiB, twice the largest stanza", c.MaxUnackedSize)
	case c.SoftOutbound < 16<<10:
		return fmt.Errorf("soft_outbound is %s; choose at least 16KiB", c.SoftOutbound)
	case c.Ping.D() < time.Second:
		return fmt.Errorf("ping is %s; choose at least 1s", c.Ping)
	case c.SendRate < 0 || c.SendRate > 0 && c.SendBurst < 1:
		return fmt.Errorf("send_rate is %d and send_burst %d; choose at least 1 each, or send_rate 0 for any number", c.SendRate, c.SendBurst)
	case c.LoginRate < 0 || c.LoginRate > 0 && c.LoginBurst < 1:
		return fmt.Errorf("login_rate is %d and login_burst %d; choose at least 1 each, or login_rate 0 for any number", c.LoginRate, c.LoginBurst)
	case c.OfflineLimit < 0 || c.HoldInactive < 0:
		return fmt.Errorf("offline_limit and hold_inactive must not be negative")
	}
	return nil
}
