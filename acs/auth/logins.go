package auth

import (
	"context"
	"log/slog"
	"net/netip"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
)

// Store is what this package needs of the storage; the sentences are in
// acs.AccountStore and acs.DeviceStore.
type Store interface {
	CreateAccount(ctx context.Context, a im.Account) (im.UserID, error)
	AccountByAddr(ctx context.Context, a im.Addr) (im.Account, error)
	AccountByID(ctx context.Context, u im.UserID) (im.Account, error)
	Accounts(ctx context.Context, after im.UserID, limit int) ([]im.Account, error)
	UpdateAccount(ctx context.Context, u im.UserID, change func(a *im.Account) ([]im.Entry, error)) ([]im.Entry, error)
	DeleteAccount(ctx context.Context, u im.UserID) error
	UseInvite(ctx context.Context, code string, now time.Time) error
	UpdateDevices(ctx context.Context, u im.UserID, change func(all []im.Device) (write []im.Device, log []im.Entry, err error)) ([]im.Entry, error)
	UpdateDevice(ctx context.Context, u im.UserID, d im.DeviceID, change func(d *im.Device) (write bool)) error
}

// Deps is what Logins works with.
type Deps struct {
	Store   Store
	Seal    *Seal
	Domains []string // hosted domains, prepared; the first is the default
	// MsgID gives the ids of entries that tell a user's other devices of a new
	// one: the clock of this ACS.
	MsgID func() im.MsgID
	// Logged hands over inbox entries that were committed here, so that the
	// core delivers them. Kick ends sessions. Both must not block; nil: none.
	Logged func(u im.UserID, entries []im.Entry)
	Kick   func(k im.Kick)
	// LeaveAll takes a user out of his groups before his account is deleted; nil: he is
	// in none.
	LeaveAll func(ctx context.Context, u im.UserID) error
	Log      *slog.Logger
	Metrics  prometheus.Registerer                  // nil: none
	Now      func() time.Time                       // nil: time.Now
	After    func(d time.Duration) <-chan time.Time // nil: time.After
}

// Logins implements im.Logins and the account operations. All methods are safe
// for any goroutine.
type Logins struct {
	cfg      Config
	store    Store
	seal     *Seal
	domains  []string
	msgID    func() im.MsgID
	logged   func(im.UserID, []im.Entry)
	kick     func(im.Kick)
	leaveAll func(context.Context, im.UserID) error
	log      *slog.Logger
	now      func() time.Time
	metrics  *metrics
	accounts *accountCache
	throttle *throttle
	regs     *registrations
	hashing  *gate
	plain    *plainCache
	jwt      *jwtVerifier // nil: off
	dummy    credential   // what an unknown user is checked against
	decoy    im.Account   // sealed dummy, opened so that both kinds of user cost the same
	nonce    func() string
}

var _ im.Logins = (*Logins)(nil)

// New returns Logins. It reads the JWT key files.
func New(cfg Config, d Deps) (*Logins, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if d.Seal == nil {
		return nil, im.Errorf(im.CodeInvalid, "there is no seal key; set auth.seal_file")
	}
	if len(d.Domains) == 0 {
		return nil, im.Errorf(im.CodeInvalid, "no domain is hosted; set at least one")
	}
	d.setDefaults()
	l := &Logins{
		cfg: cfg, store: d.Store, seal: d.Seal, domains: d.Domains,
		msgID: d.MsgID, logged: d.Logged, kick: d.Kick, leaveAll: d.LeaveAll, log: d.Log, now: d.Now,
		metrics:  newMetrics(d.Metrics),
		accounts: newAccountCache(),
		throttle: newThrottle(cfg, d.Now, d.After),
		regs:     newRegistrations(cfg, d.Now),
		hashing:  newGate(runtime.GOMAXPROCS(0), 64),
		plain:    newPlainCache(cfg.PlainCache.D(), d.Now),
		dummy:    newDummy(cfg.ScramIterations),
		nonce:    randomNonce,
	}
	l.decoy = newDecoy(d.Seal, l.dummy)
	var err error
	if l.jwt, err = newJWTVerifier(cfg.JWT, d.Now); err != nil {
		return nil, err
	}
	return l, nil
}

func (d *Deps) setDefaults() {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.After == nil {
		d.After = time.After
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.MsgID == nil {
		d.MsgID = im.NewClock(0, d.Now).Next
	}
	if d.Logged == nil {
		d.Logged = func(im.UserID, []im.Entry) {}
	}
	if d.Kick == nil {
		d.Kick = func(im.Kick) {}
	}
}

// JWTEnabled reports whether logins by JWT are configured.
func (l *Logins) JWTEnabled() bool { return l.jwt != nil }

// RegistrationOpen reports whether clients may try to make accounts.
func (l *Logins) RegistrationOpen() bool { return l.cfg.Registration != RegistrationOff }

func (l *Logins) hosts(domain string) bool {
	for _, d := range l.domains {
		if d == domain {
			return true
		}
	}
	return false
}

// badCredentials is the one answer to every wrong name or password, so that it
// tells nobody which of the two was wrong.
func badCredentials() *im.Error {
	return im.Errorf(im.CodeBadCredentials, "the name or the password is wrong")
}

func disabled() *im.Error {
	return im.Errorf(im.CodeDisabled, "this account is disabled; ask the operator of the server")
}

// event writes one line of the security log.
func (l *Logins) event(ctx context.Context, what string, u im.UserID, remote netip.Addr, code im.ErrorCode, args ...any) {
	args = append(args, "reason", code.String(), "remote", network(remote))
	if u != 0 {
		args = append(args, "user", u.String())
	}
	l.log.WarnContext(ctx, what, args...)
}

// outcome counts a finished login and logs it when it failed.
func (l *Logins) outcome(ctx context.Context, mechanism string, u im.UserID, remote netip.Addr, err error) error {
	if err == nil {
		l.metrics.login(mechanism, "ok")
		return nil
	}
	e := asError(err)
	l.metrics.login(mechanism, e.Code.String())
	args := []any{"mechanism", mechanism}
	if e.Err != nil {
		args = append(args, "err", e.Err)
	}
	l.event(ctx, "login failed", u, remote, e.Code, args...)
	if guess(e.Code) && l.throttle.failed(remote) {
		l.metrics.throttled.WithLabelValues("address").Inc()
		l.event(ctx, "address shut out", 0, remote, im.CodeAuthBusy)
	}
	return e
}

// guess reports whether a failure counts against the address it came from. Our
// own troubles, and right passwords of disabled accounts, do not; neither does a
// channel binding that we do not have, which clients try before others.
func guess(c im.ErrorCode) bool {
	switch c {
	case im.CodeBadCredentials, im.CodeTokenInvalid, im.CodeMalformed, im.CodeForbidden:
		return true
	}
	return false
}
