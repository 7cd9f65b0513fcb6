package auth

import (
	"context"
	"fmt"

	"github.com/cxx-im/cxx/im"
)

// CheckSeal reports whether the seal opens what the database keeps of
// passwords, tried on its first accounts, so that a server with the wrong seal
// file says so when it starts and not to its users one by one.
func (l *Logins) CheckSeal(ctx context.Context) error {
	const tried = 20
	list, err := l.store.Accounts(ctx, 0, tried)
	if err != nil {
		return fmt.Errorf("auth: checking the seal: %w", err)
	}
	for _, a := range list {
		acct, err := l.store.AccountByID(ctx, a.ID)
		if im.CodeOf(err) == im.CodeNotFound {
			continue // gone meanwhile
		}
		if err != nil {
			return fmt.Errorf("auth: checking the seal: %w", err)
		}
		for _, v := range acct.Verifiers {
			if _, err := l.seal.open(v.Sealed, aad(acct.Addr, v.Mechanism)); err != nil {
				return im.Errorf(im.CodeInvalid, "the seal file does not open the password of %s; every node needs the seal file that the accounts were made with: restore it from its copy", acct.Addr)
			}
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
