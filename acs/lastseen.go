package acs

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// LastSeen implements im.Presences. Who may not know gets the same answer for a
// user that does not exist.
func (s *session) LastSeen(ctx context.Context, u im.UserID) (time.Time, error) {
	if !u.Valid() {
		return time.Time{}, errNotYours()
	}
	list, err := s.srv.store.Profiles(ctx, []im.UserID{u})
	if err != nil {
		return time.Time{}, s.srv.public("last seen", err)
	}
	if len(list) == 0 {
		return time.Time{}, errNotYours()
	}
	if err := s.mayKnow(ctx, u, list[0].LastSeen); err != nil {
		return time.Time{}, err
	}
	if there := s.srv.table.of(u); seen(there) || u == s.user && len(there) > 0 {
		return time.Time{}, nil
	}
	p := s.srv.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.seen[u]; ok {
		return at, nil
	}
	return list[0].SeenAt, nil
}

func errNotYours() *im.Error {
	return im.Errorf(im.CodeForbidden, "you may not learn when that user was online")
}

// mayKnow refuses those from whom u keeps when he was online.
func (s *session) mayKnow(ctx context.Context, u im.UserID, who im.Visibility) error {
	if u == s.user {
		return nil
	}
	own, theirs, err := s.shutOut(ctx, s.addr, u, im.Addr{})
	switch {
	case err != nil:
		return err
	case own:
		return errOwnBlock()
	case theirs || who == im.ToNobody:
		return errNotYours()
	case who == im.ToEveryone:
		return nil
	}
	c, err := s.ContactOf(ctx, u)
	if err == nil && !c.Sub.Has(im.SubFrom) {
		return errNotYours()
	}
	return err
}

// fillLastSeen adds when offline users were last online, as far as they let
// their contacts know. What list holds already is the earliest that it can be.
func (p *presence) fillLastSeen(ctx context.Context, list []answer) {
	var offline []im.UserID
	for i := range list {
		if list[i].hidden {
			list[i].LastSeen = time.Time{}
		} else if list[i].Show == im.ShowOffline && list[i].User.Valid() {
			offline = append(offline, list[i].User)
		}
	}
	if len(offline) == 0 {
		return
	}
	// Without an answer nobody knows who lets it be known. It is a nicety; offline
	// is what counts.
	profiles, err := p.srv.store.Profiles(ctx, offline)
	if err != nil {
		p.srv.log.Debug("last-seen times could not be read", "err", err)
	}
	at := make(map[im.UserID]time.Time, len(profiles))
	p.mu.Lock()
	for i := range profiles {
		if f := &profiles[i]; f.LastSeen != im.ToNobody {
			at[f.User] = f.SeenAt
			if t, ok := p.seen[f.User]; ok {
				at[f.User] = t
			}
		}
	}
	p.mu.Unlock()
	for i := range list {
		if list[i].hidden || list[i].Show != im.ShowOffline {
			continue
		}
		seen, shown := at[list[i].User]
		if !shown {
			list[i].LastSeen = time.Time{}
		} else if seen.After(list[i].LastSeen) {
			list[i].LastSeen = seen
		}
	}
}
