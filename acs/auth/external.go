package auth

import (
	"context"
	"net/netip"

	"github.com/cxx-im/cxx/im"
)

// External implements im.Logins. The caller has verified the certificate, so
// there is nothing to guess, and what slows down guessing does not keep the
// client out.
func (l *Logins) External(ctx context.Context, a im.Addr, remote netip.Addr) (im.Account, error) {
	acct, err := l.store.AccountByAddr(ctx, a.Bare())
	switch {
	case im.CodeOf(err) == im.CodeNotFound:
		err = im.Errorf(im.CodeBadCredentials, "there is no account with the address of the certificate")
	case err == nil && acct.Disabled:
		err = disabled()
	}
	if err := l.outcome(ctx, "EXTERNAL", acct.ID, remote, err); err != nil {
		return im.Account{}, err
	}
	acct.Verifiers = nil
	return acct, nil
}
