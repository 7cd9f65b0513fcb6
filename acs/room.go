package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

func (s *session) RoomEnter(ctx context.Context, e im.RoomEntry) (im.RoomState, error) {
	return im.RoomState{}, errNoGroups()
}

func (s *session) RoomPresence(ctx context.Context, g im.GroupID, nick string, p im.Presence) error {
	return errNoGroups()
}

func (s *session) RoomLeave(ctx context.Context, g im.GroupID, p im.Presence) {}

func (s *session) RoomOccupants(ctx context.Context, g im.GroupID) ([]im.Occupant, error) {
	return nil, errNoGroups()
}

func (s *session) RoomOccupant(g im.GroupID, nick string) []im.Occupant { return nil }

func (s *session) Inside(g im.GroupID) (nick string, ok bool) { return "", false }
