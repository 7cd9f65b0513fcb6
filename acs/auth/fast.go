package auth

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// fastAge is how old a token of XEP-0484 gets before a login replaces it.
const fastAge = 7 * 24 * time.Hour

// FastToken implements im.Logins.
func (l *Logins) FastToken(ctx context.Context, user im.UserID, d im.DeviceID, mechanism string) (token string, expires time.Time, err error) {
	switch mechanism {
	case htExporter, htServerEnd, htNone:
	default:
		return "", time.Time{}, im.Errorf(im.CodeMechanism, "there are no tokens for the mechanism %q", clipTo(mechanism, 40))
	}
	var dev im.Device
	err = l.store.UpdateDevice(ctx, user, d, func(stored *im.Device) bool {
		dev = *stored
		return false
	})
	switch {
	case err != nil:
		return "", time.Time{}, asError(hideMissing(err))
	case dev.Revoked || len(dev.TokenHash) == 0 || dev.Protocol != im.ProtocolXMPP:
		return "", time.Time{}, tokenInvalid()
	}
	return l.seal.fastToken(user, d, mechanism, dev.TokenHash), l.expires(dev), nil
}

// Begin implements im.Logins.
func (l *Logins) Begin(ctx context.Context, user im.UserID, d im.DeviceID) (im.Device, error) {
	var dev im.Device
	err := l.store.UpdateDevice(ctx, user, d, func(stored *im.Device) bool {
		good := !stored.Revoked && len(stored.TokenHash) > 0
		if good {
			stored.Epoch++
		}
		dev = *stored
		return good
	})
	switch {
	case err != nil:
		return im.Device{}, asError(hideMissing(err))
	case dev.Revoked || len(dev.TokenHash) == 0:
		return im.Device{}, im.Errorf(im.CodeRevoked, "this device was logged out; log in by password")
	}
	clearTokens(&dev)
	return dev, nil
}

// expires is when the token of d gets void if it is not used before.
func (l *Logins) expires(d im.Device) time.Time {
	end := d.TokenIssued.Add(l.cfg.TokenAbsolute.D())
	if idle := d.LastLogin.Add(l.cfg.TokenIdle.D()); idle.Before(end) {
		return idle
	}
	return end
}

// The record of an XMPP device holds the newest token and the one before. That
// one stays good until the newest is used for the first time, for the client may
// not have got it (XEP-0484 section 3.5): PrevReplaced is zero until then, and
// afterwards the moment it happened.

func (l *Logins) judgeFast(a im.Account, d *im.Device, old bool) verdict {
	now := l.now()
	replaced := old && !d.PrevReplaced.IsZero()
	switch {
	case d.Revoked || voidBefore(a, d.LastLogin):
		return tokenVoid
	case a.Disabled:
		return tokenDisabled
	case replaced && now.Sub(d.PrevReplaced) > tokenGrace:
		return tokenReused
	case replaced:
		return tokenWrong // two logins that crossed on their way
	case now.After(l.expires(*d)):
		return tokenExpired
	}
	return tokenGood
}

// renew does to the tokens of d what a good login does, and reports whether the
// client gets another one.
func renew(d *im.Device, old bool, fresh tokenHash, by im.LoginDevice, now time.Time) bool {
	waiting := len(d.PrevHash) > 0 && d.PrevReplaced.IsZero()
	switch {
	case by.EndToken:
		d.PrevHash, d.PrevReplaced = nil, time.Time{}
		d.TokenHash = fresh[:]
		return by.NewToken
	case old: // the newest never arrived: another one in its place
		d.TokenHash = fresh[:]
		return true
	case waiting:
		d.PrevReplaced = now
	}
	since := d.TokenIssued
	if d.PrevReplaced.After(since) {
		since = d.PrevReplaced
	}
	if !by.NewToken && now.Sub(since) <= fastAge {
		return false
	}
	d.PrevHash, d.PrevReplaced = d.TokenHash, time.Time{}
	d.TokenHash = fresh[:]
	return true
}
