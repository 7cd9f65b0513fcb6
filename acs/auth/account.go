package auth

import (
	"context"
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

// voidBefore reports whether something issued at t is void since the account's
// sessions were revoked.
func voidBefore(a im.Account, t time.Time) bool {
	return !a.RevokedAt.IsZero() && t.Before(a.RevokedAt)
}
