package edge

import (
	"context"
	"fmt"
	"sync"

	"github.com/cxx-im/cxx/im"
)

// fakeGroups is what the fake core knows of groups: it writes down what it is
// asked and answers with what the test has put there.
type fakeGroups struct {
	mu       sync.Mutex
	asked    []string // guarded by mu
	list     []im.GroupState
	members  []im.Member
	timeline []im.Entry
	open     im.GroupDirectory
	settings im.Group // guarded by mu: what GroupEdit changes
	refusal  error    // guarded by mu: of everything, when it is set
}

// ask writes a request down.
func (g *fakeGroups) ask(format string, args ...any) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, fmt.Sprintf(format, args...))
	return g.refusal
}

// refuse makes every request fail from now on.
func (g *fakeGroups) refuse(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refusal = err
}

// taken returns what was asked since the last time.
func (g *fakeGroups) taken() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := g.asked
	g.asked = nil
	return list
}

func (s *fakeSession) groups() *fakeGroups { return &s.core.groups }

func (s *fakeSession) GroupCreate(_ context.Context, g im.Group, me im.Member, invite []im.UserID) (im.Group, error) {
	err := s.groups().ask("create %s %q locked=%v nick=%s invite=%v", g.Addr.Local, g.Title, g.Locked, me.Nick, invite)
	g.ID = 7
	return g, err
}

func (s *fakeSession) GroupEdit(_ context.Context, g im.GroupID, change func(*im.Group) error) error {
	f := s.groups()
	if err := f.ask("edit %d", uint64(g)); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return change(&f.settings)
}

func (s *fakeSession) GroupSubject(_ context.Context, g im.GroupID, subject string) error {
	return s.groups().ask("subject %d %s", uint64(g), subject)
}

func (s *fakeSession) GroupAct(_ context.Context, g im.GroupID, acts ...im.Act) error {
	return s.groups().ask("act %d %+v", uint64(g), acts)
}

func (s *fakeSession) GroupJoin(_ context.Context, g im.GroupID, how im.Joining) (im.Member, error) {
	return im.Member{Role: im.RoleAsking, Nick: how.Nick}, s.groups().ask("join %d %s %s %s", uint64(g), how.Nick, how.Note, how.Password)
}

func (s *fakeSession) GroupDecline(_ context.Context, g im.GroupID, reason string) error {
	return s.groups().ask("decline %d %s", uint64(g), reason)
}

func (s *fakeSession) GroupLeave(_ context.Context, g im.GroupID, reason string) error {
	return s.groups().ask("leave %d %s", uint64(g), reason)
}

func (s *fakeSession) GroupDissolve(_ context.Context, g im.GroupID, alternate, reason string) error {
	return s.groups().ask("dissolve %d %s %s", uint64(g), alternate, reason)
}

func (s *fakeSession) GroupRetract(_ context.Context, g im.GroupID, seq uint64, reason string) error {
	return s.groups().ask("retract %d %d %s", uint64(g), seq, reason)
}

func (s *fakeSession) GroupNick(_ context.Context, g im.GroupID, nick string) error {
	return s.groups().ask("nick %d %s", uint64(g), nick)
}

func (s *fakeSession) GroupList(context.Context) ([]im.GroupState, error) {
	return append([]im.GroupState(nil), s.groups().list...), s.groups().ask("list")
}

func (s *fakeSession) GroupGet(_ context.Context, g im.GroupID) (im.GroupState, error) {
	return im.GroupState{Group: im.Group{ID: g}}, s.groups().ask("get %d", uint64(g))
}

func (s *fakeSession) GroupFind(_ context.Context, a im.Addr) (im.GroupState, error) {
	return im.GroupState{Group: im.Group{Addr: a}}, s.groups().ask("find %s", a)
}

func (s *fakeSession) GroupDirectory(_ context.Context, after im.GroupID, limit int) (im.GroupDirectory, error) {
	return s.groups().open, s.groups().ask("directory %d %d", uint64(after), limit)
}

func (s *fakeSession) GroupMembers(_ context.Context, g im.GroupID, q im.MemberQuery) ([]im.Member, error) {
	list := s.groups().members
	return list[:min(len(list), q.Limit)], s.groups().ask("members %d %s..%s after %d limit %d", uint64(g), q.Min, q.Max, uint64(q.After), q.Limit)
}

func (s *fakeSession) GroupAvatar(_ context.Context, g im.GroupID) (im.Avatar, error) {
	return im.Avatar{Type: "image/png", Data: []byte("png")}, s.groups().ask("avatar %d", uint64(g))
}

func (s *fakeSession) GroupSetAvatar(_ context.Context, g im.GroupID, a im.Avatar) error {
	return s.groups().ask("set avatar %d %s %s", uint64(g), a.Type, a.Data)
}

func (s *fakeSession) GroupBook(_ context.Context, g im.GroupID, pinned, silent bool) error {
	return s.groups().ask("book %d %v %v", uint64(g), pinned, silent)
}

func (s *fakeSession) GroupSync(_ context.Context, g im.GroupID, cursor uint64, limit int) (im.SyncPage, error) {
	all := s.groups().timeline
	return im.SyncPage{Entries: all, Head: uint64(len(all))}, s.groups().ask("sync %d %d %d", uint64(g), cursor, limit)
}

func (s *fakeSession) GroupArchive(_ context.Context, g im.GroupID, q im.ArchiveQuery) (im.ArchivePage, error) {
	err := s.groups().ask("archive %d %d..%d newest=%v limit %d", uint64(g), q.After, q.Before, q.Newest, q.Limit)
	return im.ArchivePage{Entries: s.groups().timeline}, err
}

func (s *fakeSession) GroupMarkRead(_ context.Context, g im.GroupID, upTo uint64) error {
	return s.groups().ask("read %d %d", uint64(g), upTo)
}

func (s *fakeSession) GroupReaders(_ context.Context, g im.GroupID, seq uint64, limit int) (im.Readers, error) {
	return im.Readers{Members: s.groups().members, Read: 2, Of: 3}, s.groups().ask("readers %d %d %d", uint64(g), seq, limit)
}
