package auth

import (
	"context"
	"crypto/subtle"
	"net/netip"

	"github.com/cxx-im/cxx/im"
)

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
	right := *acct
	right.Verifiers = nil
	return right, l.outcome(ctx, mechanism, u, remote, nil)
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
