package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// Groups is what the chat needs of a client for groups.
type Groups interface {
	Groups(ctx context.Context) ([]im.GroupState, error)
	FindGroup(ctx context.Context, who string) (im.GroupState, error)
	IsGroup(who string) bool
	CreateGroup(ctx context.Context, g im.Group, nick string, invite ...im.UserID) (im.GroupState, error)
	EditGroup(ctx context.Context, g im.GroupID, settings ...client.GroupSetting) error
	GroupMembers(ctx context.Context, g im.GroupID, q im.MemberQuery) ([]im.Member, bool, error)
	GroupHistory(ctx context.Context, g im.GroupID, q im.HistoryQuery) (im.HistoryPage, error)
	MarkGroupRead(ctx context.Context, g im.GroupID, upTo uint64) error
	SignalGroup(g im.GroupID, kind im.SignalKind)
	JoinGroup(ctx context.Context, g im.GroupID, how im.Joining) (im.Member, error)
	DeclineGroup(ctx context.Context, g im.GroupID, reason string) error
	LeaveGroup(ctx context.Context, g im.GroupID, reason string) error
	ActInGroup(ctx context.Context, g im.GroupID, acts ...im.Act) error
	SetNick(ctx context.Context, g im.GroupID, nick string) error
	BookGroup(ctx context.Context, g im.GroupID, pinned, silent bool) error
	RetractInGroup(ctx context.Context, g im.GroupID, seq uint64, reason string) error
	ResolveIn(ctx context.Context, g im.GroupID, who string) (im.UserID, error)
}

// membersMsg is the members of a group.
type membersMsg struct {
	group im.GroupID
	list  []im.Member
	err   error
}

// memberPage is how many members the chat looks at.
const memberPage = 500

func (m *Model) loadMembers(g im.GroupID) tea.Cmd {
	b := m.back
	q := im.MemberQuery{Min: im.RoleVisitor, Max: im.RoleOwner, Limit: memberPage}
	if st, _ := m.groups.Get(g); st.Me.Role >= im.RoleAdmin {
		q.Min = im.RoleInvited // who waits for an answer too
	}
	return ask(func(ctx context.Context) tea.Msg {
		list, _, err := b.GroupMembers(ctx, g, q)
		return membersMsg{g, list, err}
	})
}
