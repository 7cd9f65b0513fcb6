package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// Backend is what the chat needs of a client.
type Backend interface {
	Groups

	Me() (im.UserID, im.DeviceID, im.Addr)
	Conversations(ctx context.Context, limit int) ([]im.Conversation, error)
	Contacts(ctx context.Context) ([]im.Contact, error)
	History(ctx context.Context, q im.HistoryQuery) (im.HistoryPage, error)
	SendAsync(m im.Outgoing) (*client.Pending, error)
	Unsent() []im.Outgoing
	MarkRead(ctx context.Context, peer im.UserID, upTo im.MsgID) error
	Signal(to im.UserID, kind im.SignalKind)
	ContactAdd(ctx context.Context, peer im.UserID, name string, groups []string, note string) error
	ContactAnswer(ctx context.Context, peer im.UserID, accept bool) error
	ContactRemove(ctx context.Context, peer im.UserID) error
	ContactUpdate(ctx context.Context, peer im.UserID, name string, groups []string) error
	BlockList(ctx context.Context) ([]im.Addr, error)
	Block(ctx context.Context, addrs ...im.Addr) error
	Unblock(ctx context.Context, addrs ...im.Addr) error
	BlockAddr(who string) (im.Addr, error)
	SetPresence(ctx context.Context, show im.Show, status string) error
	Devices(ctx context.Context) ([]im.Device, im.DeviceID, error)
	RevokeDevice(ctx context.Context, d im.DeviceID) error
	ChangePassword(ctx context.Context, old, new string, endOthers bool) error
	Resolve(ctx context.Context, who string) (im.UserID, error)
	AddrOf(ctx context.Context, u im.UserID) (im.Addr, error)
	KnownAddr(u im.UserID) (im.Addr, bool)
	Hurry()
}

// askTimeout bounds every question to the server.
const askTimeout = 20 * time.Second

// Messages to Update.
type (
	// EventMsg is an event of the client.
	EventMsg struct{ Event client.Event }
	// EndedMsg says that the client has ended for good.
	EndedMsg struct{ Err error }

	listMsg struct {
		conversations []im.Conversation
		contacts      []im.Contact
		groups        []im.GroupState
		err           error
	}
	historyMsg struct {
		peer   im.UserID
		before uint64
		page   im.HistoryPage
		err    error
	}
	sentMsg struct {
		peer im.UserID
		id   im.ClientID
		ack  im.Ack
		err  error
	}
	doneMsg struct {
		text string
		err  error
	}
	openMsg struct {
		peer  im.UserID
		group im.GroupID // when it is one
		err   error
	}
	devicesMsg struct {
		list    []im.Device
		current im.DeviceID
		err     error
	}
	blockedMsg struct {
		list []im.Addr
		err  error
	}
	nameMsg struct{}
	tickMsg time.Time
)

// ask runs a question to the server outside of Update.
func ask(f func(ctx context.Context) tea.Msg) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		return f(ctx)
	}
}

// do is ask for what only succeeds or fails; text is shown when it succeeded.
func do(text string, f func(ctx context.Context) error) tea.Cmd {
	return ask(func(ctx context.Context) tea.Msg { return doneMsg{text, f(ctx)} })
}

func (m *Model) loadList() tea.Cmd {
	b := m.back
	return ask(func(ctx context.Context) tea.Msg {
		conversations, err := b.Conversations(ctx, 200)
		if err != nil {
			return listMsg{err: err}
		}
		contacts, err := b.Contacts(ctx)
		if err != nil {
			return listMsg{err: err}
		}
		groups, err := b.Groups(ctx)
		if err != nil && im.CodeOf(err) != im.CodeUnsupported {
			return listMsg{err: err}
		}
		for _, c := range conversations {
			if _, ok := b.KnownAddr(c.Peer); !ok {
				_, _ = b.AddrOf(ctx, c.Peer) // shown by its number until it is known
			}
		}
		return listMsg{conversations: conversations, contacts: contacts, groups: groups}
	})
}

// historyPage is how many messages are loaded at once.
const historyPage = 50

func (m *Model) loadHistory(c *chat, before uint64) tea.Cmd {
	b, peer, g := m.back, c.peer, c.group
	return ask(func(ctx context.Context) tea.Msg {
		if g != 0 {
			page, err := b.GroupHistory(ctx, g, im.HistoryQuery{Before: before, Limit: historyPage})
			return historyMsg{peer, before, page, err}
		}
		page, err := b.History(ctx, im.HistoryQuery{Peer: peer, Before: before, Limit: historyPage})
		return historyMsg{peer, before, page, err}
	})
}

func (m *Model) learnName(peer im.UserID) tea.Cmd {
	if _, ok := m.back.KnownAddr(peer); ok || peer == 0 || m.isGroup(peer) {
		return nil
	}
	b := m.back
	return ask(func(ctx context.Context) tea.Msg {
		_, _ = b.AddrOf(ctx, peer)
		return nameMsg{}
	})
}

func tick() tea.Cmd { return tea.Tick(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) }) }
