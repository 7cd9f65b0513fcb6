package auth

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

// Unregister implements im.Logins.
func (l *Logins) Unregister(ctx context.Context, u im.UserID) error {
	if l.leaveAll != nil {
		if err := l.leaveAll(ctx, u); err != nil {
			return asError(err)
		}
	}
	err := l.store.DeleteAccount(ctx, u)
	// Even after a failure: the deletion may have happened.
	l.accounts.forget(u)
	if err != nil {
		return asError(err)
	}
	l.log.InfoContext(ctx, "account deleted", "user", u.String())
	l.kick(im.Kick{User: u, Code: im.CodeDisabled})
	return nil
}
