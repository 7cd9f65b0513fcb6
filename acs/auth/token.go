package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
)

const (
	tokenPrefix = "cxt_"
	tokenBytes  = 32
	tokenGrace  = 60 * time.Second // for a token whose successor may have been lost on the way
)

var tokenEncoding = base64.RawURLEncoding.Strict()

type tokenHash [sha256.Size]byte

// newToken returns a token and what is stored of it.
func newToken() (string, tokenHash) {
	raw := randomBytes(tokenBytes)
	return tokenPrefix + tokenEncoding.EncodeToString(raw), sha256.Sum256(raw)
}

// parseToken returns what is stored of a token. False: it is none.
func parseToken(s string) (tokenHash, bool) {
	text, ok := strings.CutPrefix(s, tokenPrefix)
	if !ok || len(text) != tokenEncoding.EncodedLen(tokenBytes) || strings.ContainsAny(text, "\r\n") {
		return tokenHash{}, false
	}
	raw, err := tokenEncoding.DecodeString(text)
	if err != nil || len(raw) != tokenBytes {
		return tokenHash{}, false
	}
	return sha256.Sum256(raw), true
}

func (h tokenHash) is(stored []byte) bool { return subtle.ConstantTimeCompare(h[:], stored) == 1 }

func clearTokens(d *im.Device) { d.TokenHash, d.PrevHash = nil, nil }

// verdict is what a token turns out to be.
type verdict int

const (
	tokenWrong verdict = iota
	tokenGood
	tokenExpired
	tokenVoid     // its device or the account's sessions were revoked
	tokenDisabled // the account is disabled
	tokenReused   // an old one: two have it
)

// Token implements im.Logins. It costs one store operation, and a read of the
// account unless that was read within the last seconds.
func (l *Logins) Token(ctx context.Context, user im.UserID, token string, d im.LoginDevice) (im.Account, im.Device, string, error) {
	acct, dev, next, err := l.token(ctx, user, token, d)
	if err := l.outcome(ctx, "CXX-TOKEN", user, d.Remote.Addr(), err); err != nil {
		return im.Account{}, im.Device{}, "", err
	}
	return acct, dev, next, nil
}

func tokenInvalid() *im.Error {
	return im.Errorf(im.CodeTokenInvalid, "the device token is not valid; log in by password")
}

func (l *Logins) token(ctx context.Context, user im.UserID, token string, d im.LoginDevice) (im.Account, im.Device, string, error) {
	none := func(err error) (im.Account, im.Device, string, error) { return im.Account{}, im.Device{}, "", err }
	hash, ok := parseToken(token)
	if !ok || !user.Valid() || d.ID == 0 {
		return none(tokenInvalid())
	}
	r, err := l.account(ctx, user)
	if err != nil {
		return none(hideMissing(err))
	}
	next, nextHash := newToken()
	var v verdict
	var dev im.Device
	err = l.store.UpdateDevice(ctx, user, d.ID, func(stored *im.Device) bool {
		v = l.judge(r.acct, stored, hash)
		switch v {
		case tokenGood:
			rotate(stored, hash, nextHash, l.now())
			loggedIn(stored, d, r.at)
		case tokenReused:
			stored.Revoked = true
		}
		dev = *stored
		return v == tokenGood || v == tokenReused
	})
	if err != nil {
		return none(hideMissing(err))
	}
	switch v {
	case tokenGood:
		clearTokens(&dev)
		return r.acct, dev, next, nil
	case tokenVoid:
		return none(im.Errorf(im.CodeRevoked, "this device was logged out; log in by password"))
	case tokenDisabled:
		return none(disabled())
	case tokenReused:
		l.stolen(ctx, user, dev, d)
		return none(im.Errorf(im.CodeRevoked, "this device token was used twice, so someone may have copied it; the device was logged out, log in by password"))
	}
	return none(tokenInvalid())
}

// hideMissing answers an unknown user or device like a wrong token.
func hideMissing(err error) error {
	if im.CodeOf(err) == im.CodeNotFound {
		return tokenInvalid()
	}
	return err
}

// judge says what the token with hash h is to a device as it is stored.
func (l *Logins) judge(a im.Account, d *im.Device, h tokenHash) verdict {
	now := l.now()
	current, old := h.is(d.TokenHash), h.isAny(d.PrevHash)
	switch {
	case !current && !old:
		return tokenWrong
	case d.Revoked || voidBefore(a, d.LastLogin):
		return tokenVoid
	case a.Disabled:
		return tokenDisabled
	case old && (!h.is(first(d.PrevHash)) || now.Sub(d.PrevReplaced) > tokenGrace):
		return tokenReused
	case now.Sub(d.TokenIssued) > l.cfg.TokenAbsolute.D() || now.Sub(d.LastLogin) > l.cfg.TokenIdle.D():
		return tokenExpired
	}
	return tokenGood
}

// PrevHash holds the token that was replaced last. After a token came a second
// time because the answer to its first use was lost, it holds that token and
// behind it the successor that went missing: whoever comes with either now is
// not the device.

func first(prev []byte) []byte { return prev[:min(len(prev), sha256.Size)] }

func (h tokenHash) isAny(prev []byte) bool {
	found := false
	for ; len(prev) >= sha256.Size; prev = prev[sha256.Size:] {
		found = h.is(prev[:sha256.Size]) || found
	}
	return found
}

// rotate replaces the token of d by next; used is the hash of the one it came
// with, a good one.
func rotate(d *im.Device, used, next tokenHash, now time.Time) {
	if used.is(d.TokenHash) {
		d.PrevHash, d.PrevReplaced = d.TokenHash, now
	} else {
		missing := d.TokenHash
		d.PrevHash = append(append([]byte(nil), first(d.PrevHash)...), missing...)
		d.PrevReplaced = d.PrevReplaced.Add(-2 * tokenGrace) // the one repetition is used up
	}
	d.TokenHash = append([]byte(nil), next[:]...)
}

// loggedIn notes a login in the device's record. asOf is when the account was
// read: a revocation that came later is one that this login does not know of,
// and must make its token void.
func loggedIn(d *im.Device, by im.LoginDevice, asOf time.Time) {
	d.Epoch++
	if asOf.After(d.LastLogin) {
		d.LastLogin = asOf
	}
	d.IP = ""
	if by.Remote.IsValid() {
		d.IP = by.Remote.Addr().Unmap().String()
	}
	d.UDPPort, d.TCPPort = by.UDPPort, by.TCPPort
	if by.Protocol != 0 {
		d.Protocol = by.Protocol
	}
	if by.Name != "" {
		d.Name = tidy(by.Name)
	}
	if by.ClientName != "" {
		d.ClientName, d.ClientVersion = tidy(by.ClientName), tidy(by.ClientVersion)
	}
}

// account reads an account, or remembers it for a few seconds.
func (l *Logins) account(ctx context.Context, u im.UserID) (readAccount, error) {
	now := l.now()
	if r, ok := l.accounts.get(u, now); ok {
		return r, nil
	}
	acct, err := l.store.AccountByID(ctx, u)
	if err != nil {
		return readAccount{}, err
	}
	acct.Verifiers = nil
	r := readAccount{acct: acct, at: now}
	l.accounts.put(r)
	return r, nil
}

// stolen ends the sessions of a device whose old token came back, and tells the
// user's other devices. The device is revoked already; what can fail here is
// only the notice.
func (l *Logins) stolen(ctx context.Context, u im.UserID, dev im.Device, d im.LoginDevice) {
	l.metrics.thefts.Inc()
	l.event(ctx, "device revoked after an old token of it was used again", u, d.Remote.Addr(), im.CodeRevoked, "device", dev.ID.String())
	l.kick(im.Kick{User: u, Device: dev.ID, Below: dev.Epoch + 1, Code: im.CodeRevoked})
	logged, err := l.store.UpdateDevices(ctx, u, func([]im.Device) ([]im.Device, []im.Entry, error) {
		return nil, []im.Entry{l.deviceEntry(u, dev)}, nil
	})
	if err != nil {
		l.log.WarnContext(ctx, "other devices were not told of a revoked device", "user", u.String(), "err", err)
		return
	}
	l.logged(u, logged)
}
