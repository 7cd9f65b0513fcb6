package acs

import (
	"context"

	"github.com/cxx-im/cxx/im"
)

func errNoGroups() *im.Error { return im.Errorf(im.CodeUnsupported, "groups are not there yet") }

func (s *session) GroupCreate(ctx context.Context, g im.Group, me im.Member, invite []im.UserID) (im.Group, error) {
	return im.Group{}, errNoGroups()
}

func (s *session) GroupEdit(ctx context.Context, g im.GroupID, change func(g *im.Group) error) error {
	return errNoGroups()
}

func (s *session) GroupSubject(ctx context.Context, g im.GroupID, subject string) error {
	return errNoGroups()
}

func (s *session) GroupAct(ctx context.Context, g im.GroupID, acts ...im.Act) error {
	return errNoGroups()
}

func (s *session) GroupJoin(ctx context.Context, g im.GroupID, nick, note string) (me im.Member, err error) {
	return im.Member{}, errNoGroups()
}

func (s *session) GroupDecline(ctx context.Context, g im.GroupID, reason string) error {
	return errNoGroups()
}

func (s *session) GroupLeave(ctx context.Context, g im.GroupID, reason string) error {
	return errNoGroups()
}

func (s *session) GroupDissolve(ctx context.Context, g im.GroupID, alternate, reason string) error {
	return errNoGroups()
}

func (s *session) GroupRetract(ctx context.Context, g im.GroupID, seq uint64, reason string) error {
	return errNoGroups()
}

func (s *session) GroupNick(ctx context.Context, g im.GroupID, nick string) error {
	return errNoGroups()
}

func (s *session) GroupList(ctx context.Context) ([]im.GroupState, error) { return nil, errNoGroups() }

func (s *session) GroupGet(ctx context.Context, g im.GroupID) (im.GroupState, error) {
	return im.GroupState{}, errNoGroups()
}

func (s *session) GroupFind(ctx context.Context, a im.Addr) (im.GroupState, error) {
	return im.GroupState{}, errNoGroups()
}

func (s *session) GroupDirectory(ctx context.Context, after im.GroupID, limit int) (im.GroupDirectory, error) {
	return im.GroupDirectory{}, errNoGroups()
}

func (s *session) GroupMembers(ctx context.Context, g im.GroupID, q im.MemberQuery) ([]im.Member, error) {
	return nil, errNoGroups()
}

func (s *session) GroupAvatar(ctx context.Context, g im.GroupID) (im.Avatar, error) {
	return im.Avatar{}, errNoGroups()
}

func (s *session) GroupSetAvatar(ctx context.Context, g im.GroupID, a im.Avatar) error {
	return errNoGroups()
}

func (s *session) GroupBook(ctx context.Context, g im.GroupID, pinned, silent bool) error {
	return errNoGroups()
}

func (s *session) GroupSync(ctx context.Context, g im.GroupID, cursor uint64, limit int) (im.SyncPage, error) {
	return im.SyncPage{}, errNoGroups()
}

func (s *session) GroupArchive(ctx context.Context, g im.GroupID, q im.ArchiveQuery) (im.ArchivePage, error) {
	return im.ArchivePage{}, errNoGroups()
}

func (s *session) GroupMarkRead(ctx context.Context, g im.GroupID, upTo uint64) error {
	return errNoGroups()
}

func (s *session) GroupReaders(ctx context.Context, g im.GroupID, seq uint64, limit int) (im.Readers, error) {
	return im.Readers{}, errNoGroups()
}
