package auth

import (
	"context"
	"crypto/subtle"
	"net/netip"
	"time"

	"github.com/cxx-im/cxx/im"
)

// NewVerifiers checks a password against the policy and returns what is kept of
// it, for example to import accounts. It costs about 8 ms of CPU.
func (l *Logins) NewVerifiers(a im.Addr, password string) ([]im.Verifier, error) {
	return l.seal.NewVerifiers(a, password, l.cfg.ScramIterations)
}

// CreateAccount makes an account, for the operator: no registration rule
// applies but the password policy. It answers im.CodeNameTaken,
// im.CodePasswordWeak, or im.CodeInvalid for an address that is not hosted.
func (l *Logins) CreateAccount(ctx context.Context, a im.Addr, password string) (im.UserID, error) {
	if err := l.checkNew(a); err != nil {
		return 0, err
	}
	v, err := l.derive(ctx, a, password)
	if err != nil {
		return 0, asError(err)
	}
	return l.create(ctx, a, v)
}

func (l *Logins) create(ctx context.Context, a im.Addr, v []im.Verifier) (im.UserID, error) {
	u, err := l.store.CreateAccount(ctx, im.Account{Addr: a, Created: l.now(), Profile: im.Profile{Addr: a}, Verifiers: v})
	if err != nil {
		return 0, asError(err)
	}
	l.log.InfoContext(ctx, "account created", "user", u.String())
	return u, nil
}

func (l *Logins) checkNew(a im.Addr) error {
	switch {
	case a.Local == "" || a.Resource != "":
		return im.Errorf(im.CodeInvalid, "the address of an account is name@domain, not %q", a.String())
	case !l.hosts(a.Domain):
		return im.Errorf(im.CodeInvalid, "the domain %q is not hosted here", a.Domain)
	}
	if p, err := im.PrepareLocal(a.Local); err != nil || p != a.Local {
		return im.Errorf(im.CodeInvalid, "the name %q before the @ is not prepared; use im.ParseAddr", a.Local)
	}
	return nil
}

// derive is NewVerifiers behind the gate.
func (l *Logins) derive(ctx context.Context, a im.Addr, password string) (v []im.Verifier, err error) {
	if _, err := PreparePassword(a, password); err != nil {
		return nil, err // before waiting for the gate
	}
	if gateErr := l.hashing.run(ctx, func() { v, err = l.NewVerifiers(a, password) }); gateErr != nil {
		return nil, gateErr
	}
	return v, err
}

// SetPassword sets a password without knowing the old one, for the operator.
// With endOthers every device loses its token and every session and JWT from
// before is void; the devices are returned so that the caller ends their
// sessions.
func (l *Logins) SetPassword(ctx context.Context, u im.UserID, password string, endOthers bool) (ended []im.DeviceID, err error) {
	acct, err := l.store.AccountByID(ctx, u)
	if err != nil {
		return nil, asError(err)
	}
	return l.replace(ctx, acct, password, endOthers, 0)
}

// ChangePassword sets a new password when old is right. With endOthers every
// device but keep loses its token; those are returned so that the caller ends
// their sessions. A wrong old password counts as a failed login of the account.
func (l *Logins) ChangePassword(ctx context.Context, u im.UserID, old, new string, endOthers bool, keep im.DeviceID) (ended []im.DeviceID, err error) {
	acct, err := l.store.AccountByID(ctx, u)
	if err != nil {
		return nil, asError(err)
	}
	if _, err := l.check(ctx, "change", acct.Addr, &acct, old, netip.Addr{}); err != nil {
		return nil, err
	}
	return l.replace(ctx, acct, new, endOthers, keep)
}

func (l *Logins) replace(ctx context.Context, acct im.Account, password string, endOthers bool, keep im.DeviceID) ([]im.DeviceID, error) {
	v, err := l.derive(ctx, acct.Addr, password)
	if err != nil {
		return nil, asError(err)
	}
	now := l.now()
	_, err = l.store.UpdateAccount(ctx, acct.ID, func(a *im.Account) ([]im.Entry, error) {
		a.Verifiers = v
		if endOthers && keep == 0 {
			a.RevokedAt = now
		}
		return nil, nil
	})
	l.accounts.forget(acct.ID)
	if err != nil {
		return nil, asError(err)
	}
	l.log.InfoContext(ctx, "password changed", "user", acct.ID.String(), "end_others", endOthers)
	if !endOthers {
		return nil, nil
	}
	// After the password, so that nobody who knows the old one can get a new
	// token in between. A failure here is reported, and a repeat does no harm.
	return l.voidTokens(ctx, acct.ID, keep)
}

// voidTokens takes the tokens of all devices but keep.
func (l *Logins) voidTokens(ctx context.Context, u im.UserID, keep im.DeviceID) (ended []im.DeviceID, err error) {
	_, err = l.store.UpdateDevices(ctx, u, func(all []im.Device) ([]im.Device, []im.Entry, error) {
		ended = ended[:0]
		var write []im.Device
		for _, d := range all {
			if d.Revoked || d.ID == keep {
				continue
			}
			clearTokens(&d)
			write = append(write, d)
			ended = append(ended, d.ID)
		}
		return write, nil, nil
	})
	if err != nil {
		return nil, asError(err)
	}
	return ended, nil
}

// CheckPassword is a login by a password in the clear, for SASL PLAIN inside
// TLS. The answers and the throttle are those of SCRAM. Wrong passwords cost
// about 4 ms of CPU, right ones only now and then.
func (l *Logins) CheckPassword(ctx context.Context, a im.Addr, password string, remote netip.Addr) (im.Account, error) {
	if err := l.throttle.open(remote); err != nil {
		l.metrics.throttled.WithLabelValues("address").Inc()
		return im.Account{}, err
	}
	var known *im.Account
	acct, err := l.store.AccountByAddr(ctx, a.Bare())
	switch {
	case err == nil:
		known = &acct
	case im.CodeOf(err) != im.CodeNotFound:
		return im.Account{}, asError(err)
	}
	return l.check(ctx, "PLAIN", a.Bare(), known, password, remote)
}

// check compares a password with an account; nil is an unknown one.
func (l *Logins) check(ctx context.Context, mechanism string, a im.Addr, acct *im.Account, password string, remote netip.Addr) (im.Account, error) {
	var u im.UserID
	if acct != nil {
		u = acct.ID
	}
	if err := l.throttle.enter(ctx, a); err != nil {
		l.metrics.throttled.WithLabelValues("account").Inc()
		return im.Account{}, l.outcome(ctx, mechanism, u, remote, err)
	}
	ok, err := l.matches(ctx, a, acct, password)
	switch {
	case err != nil:
		l.throttle.void(a)
		return im.Account{}, l.outcome(ctx, mechanism, u, remote, err)
	case !ok:
		return im.Account{}, l.outcome(ctx, mechanism, u, remote, badCredentials())
	}
	l.throttle.right(a)
	if acct.Disabled {
		return im.Account{}, l.outcome(ctx, mechanism, u, remote, disabled())
	}
	return *acct, l.outcome(ctx, mechanism, u, remote, nil)
}

// matches does the same work whether the account exists or not.
func (l *Logins) matches(ctx context.Context, a im.Addr, acct *im.Account, password string) (bool, error) {
	p, err := prepare(password)
	if err != nil {
		return false, nil //nolint:nilerr // what cannot be a password is a wrong one
	}
	f := families[0]
	cred, known := l.dummy.fit(f, l.seal.fakeSalt(aad(a, f.name))), false
	var print [32]byte
	if acct != nil {
		c, found, err := l.seal.credential(*acct, f)
		if err != nil {
			return false, err
		}
		if found {
			cred, known = c, true
		}
		print = l.plain.print(verifierBytes(*acct, f), p)
	}
	if known && l.plain.has(print) {
		return true, nil
	}
	var got credential
	gateErr := l.hashing.run(ctx, func() { got, err = newCredential(f, p, cred.salt, cred.iterations) })
	if gateErr != nil {
		return false, gateErr
	}
	if err != nil {
		return false, err
	}
	ok := subtle.ConstantTimeCompare(got.storedKey, cred.storedKey) == 1 && known
	if ok {
		l.plain.put(print)
	}
	return ok, nil
}

func verifierBytes(a im.Account, f family) []byte {
	for _, v := range a.Verifiers {
		if v.Mechanism == f.name {
			return v.Sealed
		}
	}
	return nil
}

// Rewrap seals every verifier under the newest key of the seal and returns how
// many accounts it changed. It may be interrupted and repeated.
func (l *Logins) Rewrap(ctx context.Context) (changed int, err error) {
	const page = 200
	for after := im.UserID(0); ; {
		list, err := l.store.Accounts(ctx, after, page)
		if err != nil {
			return changed, asError(err)
		}
		for _, a := range list {
			after = a.ID
			did, err := l.rewrap(ctx, a.ID)
			if err != nil {
				return changed, asError(err)
			}
			if did {
				changed++
			}
		}
		if len(list) < page {
			return changed, nil
		}
	}
}

func (l *Logins) rewrap(ctx context.Context, u im.UserID) (did bool, err error) {
	_, err = l.store.UpdateAccount(ctx, u, func(a *im.Account) ([]im.Entry, error) {
		did = false
		fresh := append([]im.Verifier(nil), a.Verifiers...)
		for i, v := range fresh {
			if !l.seal.stale(v.Sealed) {
				continue
			}
			plain, err := l.seal.open(v.Sealed, aad(a.Addr, v.Mechanism))
			if err != nil {
				return nil, err
			}
			fresh[i].Sealed, did = l.seal.seal(plain, aad(a.Addr, v.Mechanism)), true
		}
		a.Verifiers = fresh
		return nil, nil
	})
	return did, err
}

// voidBefore reports whether something issued at t is void since the account's
// sessions were revoked.
func voidBefore(a im.Account, t time.Time) bool {
	return !a.RevokedAt.IsZero() && t.Before(a.RevokedAt)
}
