package auth

import (
	"context"
	"crypto/hmac"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Fast implements im.Logins. It costs a read of the account and one update. As
// for every token, what slows down guessing does not keep a good one out.
func (l *Logins) Fast(ctx context.Context, mechanism, domain string, message []byte, cb im.ChannelBinding, d im.LoginDevice) (im.FastLogin, error) {
	f := fastLogin{l: l, d: d, mechanism: mechanism}
	err := f.run(ctx, domain, message, cb)
	label := mechanism
	if im.CodeOf(err) == im.CodeMechanism {
		label = "HT" // a name of the client's making has no place among the labels
	}
	if err := l.outcome(ctx, label, f.acct.ID, d.Remote.Addr(), err); err != nil {
		return im.FastLogin{}, err
	}
	return im.FastLogin{Account: f.acct, Device: f.dev, Proof: f.proof, Renewed: f.renewed}, nil
}

// fastLogin is one login on its way. Its change may run more than once and
// starts over each time.
type fastLogin struct {
	l         *Logins
	d         im.LoginDevice
	mechanism string
	binding   []byte
	mac       []byte
	acct      im.Account
	asOf      time.Time // when the account was read

	verdict verdict
	dev     im.Device
	proof   []byte
	renewed bool
}

func (f *fastLogin) run(ctx context.Context, domain string, message []byte, cb im.ChannelBinding) error {
	var ok bool
	if f.binding, ok = htBinding(f.mechanism, cb); !ok {
		return im.Errorf(im.CodeMechanism, "the mechanism %q is not offered here; offered are %s", clipTo(f.mechanism, 40), strings.Join(f.l.FastMechanisms(cb), ", "))
	}
	if !f.l.hosts(domain) {
		return im.Errorf(im.CodeInvalid, "the domain %q is not hosted here", clipTo(domain, 255))
	}
	m, err := parseHT(message)
	if err != nil {
		return err
	}
	f.mac = m.mac
	addr, valid := f.l.userAddr(m.name, domain)
	if valid {
		err = f.find(ctx, addr)
	}
	if err != nil {
		return err
	}
	return f.answer(ctx, addr)
}

// find looks for the device whose token the MAC was made with. For an unknown
// user it asks the storage the same questions.
func (f *fastLogin) find(ctx context.Context, addr im.Addr) error {
	f.asOf = f.l.now()
	user, fresh := im.MakeUserID(addr.Slot(), 1), randomBytes(tokenBytes)
	acct, err := f.l.store.AccountByAddr(ctx, addr)
	switch {
	case err == nil:
		acct.Verifiers = nil
		f.acct, user = acct, acct.ID
	case im.CodeOf(err) != im.CodeNotFound:
		return err
	}
	_, err = f.l.store.UpdateDevices(ctx, user, func(all []im.Device) ([]im.Device, []im.Entry, error) {
		f.verdict, f.renewed = tokenWrong, false
		if f.acct.ID == 0 {
			return nil, nil, nil
		}
		return f.change(all, tokenHash(fresh)), nil, nil
	})
	if err != nil && im.CodeOf(err) != im.CodeNotFound {
		return err
	}
	return nil
}

// change looks at all devices, however early the right one comes.
func (f *fastLogin) change(all []im.Device, fresh tokenHash) (write []im.Device) {
	for _, d := range all {
		current, old := f.fits(d, d.TokenHash), f.fits(d, first(d.PrevHash))
		if !current && !old {
			continue
		}
		f.verdict = f.l.judgeFast(f.acct, &d, old)
		used := d.TokenHash
		if old {
			used = first(d.PrevHash)
		}
		f.proof = htMAC(f.l.seal.fastToken(f.acct.ID, d.ID, f.mechanism, used), "Responder", f.binding)
		switch f.verdict {
		case tokenGood:
			f.renewed = renew(&d, old, fresh, f.d, f.l.now())
			loggedIn(&d, f.d, f.asOf)
			if f.d.Later {
				d.Epoch-- // or the session it goes on with would count as replaced
			}
			write = append(write, d)
		case tokenReused:
			d.Revoked = true
			write = append(write, d)
		}
		f.dev = d
	}
	return write
}

// fits reports whether the MAC was made with the token that belongs to hash. A
// device without a hash has no token.
func (f *fastLogin) fits(d im.Device, hash []byte) bool {
	if len(hash) == 0 || d.Protocol != im.ProtocolXMPP {
		return false
	}
	token := f.l.seal.fastToken(f.acct.ID, d.ID, f.mechanism, hash)
	return hmac.Equal(f.mac, htMAC(token, "Initiator", f.binding))
}

// answer turns the verdict into what the client learns.
func (f *fastLogin) answer(ctx context.Context, addr im.Addr) error {
	switch f.verdict {
	case tokenGood:
		clearTokens(&f.dev)
		return nil
	case tokenVoid:
		return im.Errorf(im.CodeRevoked, "this device was logged out; log in by password")
	case tokenExpired:
		return im.Errorf(im.CodeRevoked, "this token has expired; log in by password")
	case tokenDisabled:
		return disabled()
	case tokenReused:
		f.l.stolen(ctx, f.acct.ID, f.dev, f.d)
		return im.Errorf(im.CodeRevoked, "this token was used after another had replaced it, so someone may have copied it; the device was logged out, log in by password")
	}
	// Wrong tries count like wrong passwords, for known and unknown users.
	if err := f.l.throttle.enter(ctx, addr); err != nil {
		f.l.metrics.throttled.WithLabelValues("account").Inc()
		return err
	}
	return tokenInvalid()
}
