package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

const (
	maxName     = 256
	maxProfiles = 200
)

// ProfileSet implements im.Profiles.
func (s *session) ProfileSet(ctx context.Context, p im.Profile) error {
	if len(p.Name) > maxName {
		return im.Errorf(im.CodeTooLarge, "the name has %d bytes; at most %d are taken", len(p.Name), maxName)
	}
	if p.LastSeen > im.ToEveryone {
		return im.Errorf(im.CodeInvalid, "the setting for last seen is not known")
	}
	if err := s.pace(ctx); err != nil {
		return err
	}
	logged, err := s.srv.store.UpdateAccount(ctx, s.user, func(a *im.Account) ([]im.Entry, error) {
		a.Profile.Name, a.Profile.LastSeen = p.Name, p.LastSeen
		after := a.Profile
		after.User, after.Addr = a.ID, a.Addr
		return []im.Entry{{MsgID: s.srv.clock.Next(), Kind: im.KindProfile, From: s.user, Peer: s.user, Profile: &after}}, nil
	})
	if err != nil {
		return s.srv.public("profile", err)
	}
	s.srv.Deliver(s.user, logged)
	return nil
}

// ProfileGet implements im.Profiles.
func (s *session) ProfileGet(ctx context.Context, users []im.UserID) ([]im.Profile, error) {
	if len(users) > maxProfiles {
		return nil, im.Errorf(im.CodeTooMany, "at most %d profiles can be asked for at once", maxProfiles)
	}
	list, err := s.srv.store.Profiles(ctx, users)
	if err != nil {
		return nil, s.srv.public("profiles", err)
	}
	for i := range list {
		if list[i].User != s.user {
			list[i].LastSeen = 0
		}
	}
	return list, nil
}

// Resolve implements im.Profiles.
func (s *session) Resolve(ctx context.Context, a im.Addr) (im.UserID, error) {
	u, err := s.srv.names.get(ctx, a.Bare())
	return u, s.srv.public("resolve", err)
}

// Address implements im.Profiles.
func (s *session) Address(ctx context.Context, u im.UserID) (im.Addr, error) {
	if u == s.user {
		return s.addr.Bare(), nil
	}
	if !u.Valid() {
		return im.Addr{}, im.Errorf(im.CodeNotFound, "there is no such user")
	}
	a, err := s.srv.addrs.get(ctx, u)
	return a, s.srv.public("address", err)
}
