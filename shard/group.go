package shard

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

func errNoGroups() error { return im.Errorf(im.CodeUnsupported, "groups are not there yet") }

func (s *Store) CreateGroup(ctx context.Context, g im.Group, members []im.Member, log []im.Entry, owe func(g im.Group, logged []im.Entry) []im.Owed) (im.Group, []im.Entry, error) {
	return im.Group{}, nil, errNoGroups()
}

func (s *Store) GroupByAddr(ctx context.Context, a im.Addr) (im.Group, error) {
	return im.Group{}, errNoGroups()
}

func (s *Store) GroupByID(ctx context.Context, g im.GroupID) (im.Group, error) {
	return im.Group{}, errNoGroups()
}

func (s *Store) PublicGroups(ctx context.Context, after im.GroupID, limit int) ([]im.Group, error) {
	return nil, errNoGroups()
}

func (s *Store) EditGroup(ctx context.Context, g im.GroupID, users []im.UserID, change func(e *im.GroupEdit) error) ([]im.Entry, error) {
	return nil, errNoGroups()
}

func (s *Store) Member(ctx context.Context, g im.GroupID, u im.UserID) (im.Member, error) {
	return im.Member{}, errNoGroups()
}

func (s *Store) MembersOf(ctx context.Context, g im.GroupID, q im.MemberQuery) ([]im.Member, error) {
	return nil, errNoGroups()
}

func (s *Store) GroupSnapshot(ctx context.Context, g im.GroupID) (im.Group, []im.Member, im.Head, error) {
	return im.Group{}, nil, im.Head{}, errNoGroups()
}

func (s *Store) Memberships(ctx context.Context, u im.UserID) ([]im.Membership, error) {
	return nil, errNoGroups()
}

func (s *Store) GroupStates(ctx context.Context, u im.UserID, ids []im.GroupID) ([]im.GroupState, error) {
	return nil, errNoGroups()
}

func (s *Store) PutMembership(ctx context.Context, m im.Membership, e im.Entry) (*im.Entry, error) {
	return nil, errNoGroups()
}

func (s *Store) Book(ctx context.Context, u im.UserID, g im.GroupID, pinned, silent bool, entry func(im.Membership) im.Entry) (im.Entry, error) {
	return im.Entry{}, errNoGroups()
}

func (s *Store) Owed(ctx context.Context, before time.Time, limit int) ([]im.Owed, error) {
	return nil, errNoGroups()
}

func (s *Store) Settle(ctx context.Context, done []im.Owed) error { return errNoGroups() }

func (s *Store) MarkGroupRead(ctx context.Context, g im.GroupID, u im.UserID, upTo uint64) (at uint64, moved bool, err error) {
	return 0, false, errNoGroups()
}

func (s *Store) GroupReaders(ctx context.Context, g im.GroupID, seq uint64, except im.UserID, limit int) (im.Readers, error) {
	return im.Readers{}, errNoGroups()
}

func (s *Store) PruneGroups(ctx context.Context, now time.Time, limit int) (int, error) {
	return 0, errNoGroups()
}
