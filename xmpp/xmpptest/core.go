package xmpptest

import (
	"context"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Core is a session in the cell as the core shows it; it implements im.Session.
type Core struct {
	cell   *Cell
	me     *user
	addr   im.Addr
	id     im.SessionID
	device im.Device

	presence im.Presence // guarded by cell.mu
	protocol im.Protocol // guarded by cell.mu

	im.Groups // nil: tests of groups run on the real core
	im.Rooms
}

var _ im.Session = (*Core)(nil)

// ID implements im.Session.
func (s *Core) ID() im.SessionID { return s.id }

// User implements im.Session.
func (s *Core) User() im.UserID { return s.me.account.ID }

// Addr implements im.Session.
func (s *Core) Addr() im.Addr { return s.addr }

// Close implements im.Session.
func (s *Core) Close() {
	s.cell.mu.Lock()
	defer s.cell.mu.Unlock()
	s.me.sessions = slices.DeleteFunc(s.me.sessions, func(x *Core) bool { return x == s })
	s.me.account.LastSeen = s.cell.Clock
}

// SetPresence implements im.Presences.
func (s *Core) SetPresence(_ context.Context, p im.Presence) error {
	if err := s.cell.enter("SetPresence", true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	s.presence = p
	return nil
}

// ContactPresence implements im.Presences.
func (s *Core) ContactPresence(context.Context) ([]im.UserPresence, error) {
	if err := s.cell.enter("ContactPresence", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	var out []im.UserPresence
	for id, k := range s.me.contacts {
		if k.Sub.Has(im.SubTo) && s.cell.users[id] != nil {
			out = append(out, seenOf(s.cell.users[id]))
		}
	}
	slices.SortFunc(out, func(a, b im.UserPresence) int { return int(int64(a.User) - int64(b.User)) })
	return out, nil
}

func seenOf(u *user) im.UserPresence {
	out := im.UserPresence{User: u.account.ID}
	for _, i := range u.infos() {
		if i.Presence.Show <= im.ShowInvisible {
			continue
		}
		out.Resources = append(out.Resources, i)
		if i.Presence.Show > out.Show {
			out.Show, out.Status = i.Presence.Show, i.Presence.Status
		}
	}
	if out.Show == im.ShowOffline {
		out.LastSeen = u.account.LastSeen
	}
	return out
}

func (u *user) infos() []im.SessionInfo {
	out := make([]im.SessionInfo, 0, len(u.sessions))
	for _, s := range u.sessions {
		out = append(out, im.SessionInfo{
			SessionKey: im.SessionKey{User: u.account.ID, Node: 1, NodeEpoch: 1, Session: s.id},
			Device:     s.device.ID, DeviceEpoch: 1, Resource: s.addr.Resource, Protocol: s.protocol, Presence: s.presence,
		})
	}
	return out
}

// SessionsOf implements im.Presences.
func (s *Core) SessionsOf(u im.UserID) []im.SessionInfo {
	s.cell.mu.Lock()
	defer s.cell.mu.Unlock()
	if s.cell.users[u] == nil {
		return nil
	}
	return s.cell.users[u].infos()
}

// LastSeen implements im.Presences.
func (s *Core) LastSeen(_ context.Context, u im.UserID) (time.Time, error) {
	if err := s.cell.enter("LastSeen", false); err != nil {
		return time.Time{}, err
	}
	defer s.cell.mu.Unlock()
	him := s.cell.users[u]
	if him == nil || him != s.me && !s.me.contacts[u].Sub.Has(im.SubTo) {
		return time.Time{}, im.Errorf(im.CodeForbidden, "that user does not let you see when he was last online")
	}
	if seenOf(him).Show != im.ShowOffline {
		return time.Time{}, nil
	}
	return him.account.LastSeen, nil
}

// ProfileSet implements im.Profiles.
func (s *Core) ProfileSet(_ context.Context, p im.Profile) error {
	if err := s.cell.enter("ProfileSet", true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	p.User, p.Addr = s.me.account.ID, s.me.account.Addr
	s.me.account.Profile = p
	s.cell.append(s.me, im.Entry{Kind: im.KindProfile, From: p.User, Peer: p.User, Profile: &p})
	return nil
}

// ProfileGet implements im.Profiles.
func (s *Core) ProfileGet(_ context.Context, users []im.UserID) ([]im.Profile, error) {
	if err := s.cell.enter("ProfileGet", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	var out []im.Profile
	for _, id := range users {
		if u := s.cell.users[id]; u != nil {
			p := u.account.Profile
			if u != s.me {
				p.LastSeen = 0
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// Resolve implements im.Profiles.
func (s *Core) Resolve(_ context.Context, a im.Addr) (im.UserID, error) {
	if err := s.cell.enter("Resolve", false); err != nil {
		return 0, err
	}
	defer s.cell.mu.Unlock()
	id, ok := s.cell.byAddr[a.Bare()]
	if !ok {
		return 0, im.Errorf(im.CodeNotFound, "there is no such user")
	}
	return id, nil
}

// Address implements im.Profiles.
func (s *Core) Address(_ context.Context, u im.UserID) (im.Addr, error) {
	if err := s.cell.enter("Address", false); err != nil {
		return im.Addr{}, err
	}
	defer s.cell.mu.Unlock()
	if s.cell.users[u] == nil {
		return im.Addr{}, im.Errorf(im.CodeNotFound, "there is no such user")
	}
	return s.cell.users[u].account.Addr, nil
}

// DeviceList implements im.Devices.
func (s *Core) DeviceList(context.Context) ([]im.Device, error) {
	if err := s.cell.enter("DeviceList", false); err != nil {
		return nil, err
	}
	defer s.cell.mu.Unlock()
	return slices.Clone(s.me.devices), nil
}

// DeviceRevoke implements im.Devices.
func (s *Core) DeviceRevoke(_ context.Context, d im.DeviceID) error {
	if err := s.cell.enter("DeviceRevoke", true); err != nil {
		return err
	}
	defer s.cell.mu.Unlock()
	for i := range s.me.devices {
		if s.me.devices[i].ID == d {
			s.me.devices[i].Revoked = true
			return nil
		}
	}
	return im.Errorf(im.CodeNotFound, "there is no such device")
}

// PasswordChange implements im.Devices. The cell keeps no passwords: what is
// refused is what the test wishes.
func (s *Core) PasswordChange(context.Context, string, string, bool) error {
	return s.cell.note("PasswordChange")
}

// Logout implements im.Devices.
func (s *Core) Logout(context.Context) error { return s.cell.note("Logout") }

func (c *Cell) note(method string) error {
	if err := c.enter(method, true); err != nil {
		return err
	}
	c.mu.Unlock()
	return nil
}
