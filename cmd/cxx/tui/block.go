package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/im"
)

func (m *Model) cmdBlock(who string) tea.Cmd {
	if who == "" {
		m.fail("/block wants a name, or @ and a domain, as in /block bob or /block @example.org")
		return nil
	}
	b := m.back
	return do("blocked "+who, func(ctx ctx) error {
		a, err := b.BlockAddr(who)
		if err != nil {
			return err
		}
		return b.Block(ctx, a)
	})
}

func (m *Model) cmdUnblock(who string) tea.Cmd {
	if who == "" {
		m.fail("/unblock wants a name; /blocked shows whom you have blocked")
		return nil
	}
	b := m.back
	return do("unblocked "+who, func(ctx ctx) error {
		a, err := b.BlockAddr(who)
		if err != nil {
			return err
		}
		return b.Unblock(ctx, a)
	})
}

func (m *Model) cmdBlocked(string) tea.Cmd {
	b := m.back
	return ask(func(ctx ctx) tea.Msg {
		list, err := b.BlockList(ctx)
		return blockedMsg{list, err}
	})
}

// showBlocked shows the block list as the notice of the moment.
func (m *Model) showBlocked(msg blockedMsg) {
	if msg.err != nil {
		m.fail(say(msg.err))
		return
	}
	m.blocked = msg.list
	if len(m.blocked) == 0 {
		m.tell("you have blocked nobody", nil)
		return
	}
	m.tell("you have blocked "+strings.Join(blockedNames(m), ", "), nil)
}

// blocksChanged follows the list once it is known.
func (m *Model) blocksChanged(b im.Block) {
	m.blocked = slices.DeleteFunc(m.blocked, func(a im.Addr) bool { return slices.Contains(b.Unblocked, a) })
	m.blocked = append(m.blocked, b.Blocked...)
}

// blockedNames are the words by which /unblock knows whom it is about.
func blockedNames(m *Model) (names []string) {
	for _, a := range m.blocked {
		switch {
		case a.Local == "":
			names = append(names, "@"+a.String())
		case a.Domain == m.addr.Domain && a.Resource == "":
			names = append(names, a.Local)
		default:
			names = append(names, a.String())
		}
	}
	slices.Sort(names)
	return names
}
