package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"os"

	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
)

// Latest as Options.SyncFrom makes a device that is new start at the end of
// the inbox.
const Latest uint64 = math.MaxUint64

// Options says who signs in, where, and what is kept.
type Options struct {
	// NAS are addresses (host:port) that hand out servers. ACS are servers to
	// use without asking; with both, NAS is asked first.
	NAS, ACS []string

	// Addr is the account, user@domain.
	Addr string
	// Password signs in when there is no device token yet. PasswordFunc is
	// asked instead when it is set, and only when a password is needed.
	Password     string
	PasswordFunc func(context.Context) (string, error)
	// JWT returns a token of the operator's backend, used instead of a password.
	JWT func(context.Context) (string, error)

	// TLS is the base of the TLS configuration; CAFile names certificates (PEM)
	// to trust in place of the system's. Insecure checks no certificate, for
	// tests. Plaintext uses no TLS; only loopback addresses are dialled then.
	TLS       *tls.Config
	CAFile    string
	Insecure  bool
	Plaintext bool

	// StateDir keeps identity, cursor and outbox; Store does it another way.
	// Without both they live in memory, and every start is a new device.
	StateDir string
	Store    state.Store
	// VolatileOutbox keeps messages out of the store: what is not acknowledged
	// when the process ends is forgotten.
	VolatileOutbox bool

	Device Device
	// SyncFrom is where a new device starts in the inbox: after this entry; 0
	// is the whole inbox, Latest only what comes from now on.
	SyncFrom uint64
	// GroupTail is how many of the newest entries of a group's timeline such a device
	// gets (with Latest none); zero is 200. The rest is for Client.GroupHistory.
	GroupTail uint64
	// Rewind starts there at every Open, whatever the store says.
	Rewind bool
	// Quiet is for programs that only send or ask: no entries reach Next, and
	// the cursor stays where it is.
	Quiet bool
	// WatchPresence subscribes to the contacts' presence at every login.
	WatchPresence bool
	// Presence is what the user is shown as, from the first login on; the zero
	// value is online.
	Presence im.Presence

	Log *slog.Logger

	// Dialer and Rand replace the network and the dice in tests.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)
	Rand   func() float64
}

// Device is what a client says of the machine it runs on.
type Device struct {
	Name     string
	Class    im.Class
	Resource string // wished; the server may choose another
	// ClientName and ClientVersion name the program.
	ClientName, ClientVersion string
	UDPPort, TCPPort          uint16
}

func (o *Options) prepare() (addr im.Addr, err error) {
	if addr, err = im.ParseAddr(o.Addr); err != nil {
		return addr, fmt.Errorf("client: account address: %w", err)
	}
	if addr.Local == "" {
		return addr, im.Errorf(im.CodeInvalid, "the account address %q has no name before an @; write user@domain", o.Addr)
	}
	if len(o.NAS)+len(o.ACS) == 0 {
		return addr, im.Errorf(im.CodeInvalid, "no server is named; give the address of a NAS or an ACS")
	}
	for _, a := range append(append([]string(nil), o.NAS...), o.ACS...) {
		if err := o.checkTarget(a); err != nil {
			return addr, err
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Device.ClientName == "" {
		o.Device.ClientName = "cxx-go"
	}
	if !o.Plaintext {
		if o.TLS, err = o.tlsConfig(); err != nil {
			return addr, err
		}
	}
	return addr.Bare(), nil
}

// checkTarget refuses what must not be dialled: without TLS nothing but
// loopback, wherever the address comes from.
func (o *Options) checkTarget(hostport string) error {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return im.Errorf(im.CodeInvalid, "%q is not an address of the form host:port", hostport)
	}
	if !o.Plaintext || host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return im.Errorf(im.CodeInvalid, "%s is not on this machine, and plaintext is for loopback only; leave it out to use TLS", hostport)
	}
	return nil
}

func (o *Options) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{}
	if o.TLS != nil {
		c = o.TLS.Clone()
	}
	c.MinVersion = tls.VersionTLS13
	c.NextProtos = []string{proto.ALPN}
	if c.ClientSessionCache == nil {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(16)
	}
	if o.Insecure {
		c.InsecureSkipVerify = true
	}
	if o.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("client: read the CA file: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client: %w", errors.New("the CA file "+o.CAFile+" holds no certificate in PEM form"))
	}
	return c, nil
}

func (o *Options) openStore() (state.Store, error) {
	switch {
	case o.Store != nil:
		return o.Store, nil
	case o.StateDir != "":
		return state.OpenFile(o.StateDir)
	}
	return state.Memory(), nil
}
