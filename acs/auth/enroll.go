package auth

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
)

const (
	tidyMost    = 128       // bytes of a name that a client gives
	deviceIDMax = 1<<52 - 1 // a JavaScript number holds it
)

// Enroll implements im.Logins.
func (l *Logins) Enroll(ctx context.Context, acct im.Account, d im.LoginDevice) (im.Device, string, error) {
	if acct.Disabled {
		return im.Device{}, "", disabled()
	}
	e := enrolment{l: l, acct: acct, d: d}
	var hash tokenHash
	e.token, hash = newToken()
	logged, err := l.store.UpdateDevices(ctx, acct.ID, func(all []im.Device) ([]im.Device, []im.Entry, error) {
		return e.change(all, hash)
	})
	if err != nil {
		return im.Device{}, "", asError(err)
	}
	for _, k := range e.kicks {
		l.kick(k)
	}
	if len(logged) > 0 {
		l.logged(acct.ID, logged)
	}
	clearTokens(&e.dev)
	return e.dev, e.token, nil
}

// enrolment is one login by password on its way to a device record. Its change
// may run more than once and starts over each time.
type enrolment struct {
	l     *Logins
	acct  im.Account
	d     im.LoginDevice
	token string

	dev   im.Device
	kicks []im.Kick
}

func (e *enrolment) change(all []im.Device, hash tokenHash) (write []im.Device, log []im.Entry, err error) {
	e.kicks = nil
	u := e.acct.ID
	wished := wishedResource(e.d)
	i := find(all, e.d, wished)
	fresh := i < 0
	if fresh {
		if write, err = e.makeRoom(all); err != nil {
			return nil, nil, err
		}
		for _, gone := range write {
			log = append(log, e.l.deviceEntry(u, gone))
			e.kicks = append(e.kicks, im.Kick{User: u, Device: gone.ID, Below: gone.Epoch + 1, Code: im.CodeRevoked})
		}
		e.dev = e.newDevice(all, write)
	} else {
		e.dev = all[i]
	}
	e.dev.Resource = freeResource(all, e.dev, e.d.Class, wished)
	e.issue(hash)
	if fresh {
		log = append(log, e.l.deviceEntry(u, e.dev))
	}
	return append(write, e.dev), log, nil
}

// issue gives the device its token and notes the login.
func (e *enrolment) issue(hash tokenHash) {
	now := e.l.now()
	loggedIn(&e.dev, e.d, now)
	// A clock behind the one that wrote RevokedAt must not void what is new.
	if voidBefore(e.acct, e.dev.LastLogin) {
		e.dev.LastLogin = e.acct.RevokedAt.Add(time.Millisecond)
	}
	e.dev.Class = e.d.Class
	e.dev.TokenHash, e.dev.TokenIssued = append([]byte(nil), hash[:]...), now
	e.dev.PrevHash, e.dev.PrevReplaced = nil, time.Time{}
}

// find returns the record that a login goes on with: by id, else by resource
// for the same protocol. A revoked record stays dead.
func find(all []im.Device, d im.LoginDevice, wished string) int {
	if d.ID != 0 {
		if i := slices.IndexFunc(all, func(x im.Device) bool { return x.ID == d.ID && !x.Revoked }); i >= 0 {
			return i
		}
	}
	if wished == "" {
		return -1
	}
	return slices.IndexFunc(all, func(x im.Device) bool {
		return x.Resource == wished && !x.Revoked && x.Protocol == d.Protocol
	})
}

// makeRoom revokes the devices that go first, of those the ones unused for longest,
// until one more is allowed, or refuses, by policy.
func (e *enrolment) makeRoom(all []im.Device) (revoked []im.Device, err error) {
	var live []im.Device
	for _, d := range all {
		if !d.Revoked {
			live = append(live, d)
		}
	}
	over := len(live) + 1 - e.l.cfg.DeviceLimit
	if over <= 0 {
		return nil, nil
	}
	if e.l.cfg.DevicePolicy == RefuseDevice {
		return nil, im.Errorf(im.CodeTooManyDevices, "the account has %d devices, and no more are allowed; log one out first", len(live))
	}
	slices.SortFunc(live, func(a, b im.Device) int {
		if c := e.spared(a) - e.spared(b); c != 0 {
			return c
		}
		return a.LastLogin.Compare(b.LastLogin)
	})
	for _, d := range live[:over] {
		d.Revoked = true
		revoked = append(revoked, d)
	}
	return revoked, nil
}

// spared orders who goes first. XMPP clients that take another resource at each
// login push out each other, and no device that holds a token for C-XX.
func (e *enrolment) spared(d im.Device) int {
	if e.d.Protocol == im.ProtocolXMPP && d.Protocol != im.ProtocolXMPP {
		return 1
	}
	return 0
}

// newDevice starts a record. A user who has very many dead ones, as a client
// with a new resource at each login makes them, gets the oldest of those
// again, so that the table does not grow for ever. Its epoch goes on, so old
// sessions stay fenced, and its old token was overwritten.
func (e *enrolment) newDevice(all, revokedNow []im.Device) im.Device {
	dev := im.Device{Created: e.l.now(), Protocol: e.d.Protocol}
	if len(all) < 4*e.l.cfg.DeviceLimit {
		dev.ID = freeID(all)
		return dev
	}
	var oldest *im.Device
	for i, d := range all {
		if d.Revoked && (oldest == nil || d.LastLogin.Before(oldest.LastLogin)) {
			oldest = &all[i]
		}
	}
	if oldest == nil {
		dev.ID = freeID(all)
		return dev
	}
	dev.ID, dev.Epoch = oldest.ID, oldest.Epoch
	return dev
}

func freeID(all []im.Device) im.DeviceID {
	for {
		id := im.DeviceID(binary.BigEndian.Uint64(randomBytes(8)) & deviceIDMax)
		taken := slices.ContainsFunc(all, func(d im.Device) bool { return d.ID == id })
		if id != 0 && !taken {
			return id
		}
	}
}

// wishedResource is the resource a client asks for, prepared; empty: none that
// can be.
func wishedResource(d im.LoginDevice) string {
	r, err := im.PrepareResource(d.Resource)
	if err != nil {
		return ""
	}
	return r
}

func className(c im.Class) string {
	switch c {
	case im.ClassPhone:
		return "phone"
	case im.ClassTablet:
		return "tablet"
	case im.ClassDesktop:
		return "desktop"
	case im.ClassWeb:
		return "web"
	case im.ClassBot:
		return "bot"
	}
	return "device"
}

// freeResource returns a resource that no other live device has: the wish, with
// a number when it is taken, else what the device had, else one made up.
func freeResource(all []im.Device, dev im.Device, class im.Class, wished string) string {
	taken := func(r string) bool {
		return slices.ContainsFunc(all, func(d im.Device) bool { return d.ID != dev.ID && !d.Revoked && d.Resource == r })
	}
	base := wished
	if base == "" || (dev.Resource != "" && taken(wished)) {
		base = dev.Resource
	}
	if base == "" {
		base = className(class) + "-" + im.Code(randomBytes(3))
	}
	r := base
	for n := 2; taken(r); n++ {
		r = fmt.Sprintf("%s-%d", clipRunes(base, 1000), n)
	}
	return r
}

// tidy bounds a name that a client gave for itself.
func tidy(s string) string {
	return clipRunes(strings.ToValidUTF8(strings.TrimSpace(s), ""), tidyMost)
}

// clipRunes cuts s to at most n bytes between characters.
func clipRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// deviceEntry is what other devices of the user learn of d.
func (l *Logins) deviceEntry(u im.UserID, d im.Device) im.Entry {
	clearTokens(&d)
	return im.Entry{MsgID: l.msgID(), Kind: im.KindDevice, From: u, Peer: u, Device: &d}
}
