package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// key takes a key press. The screens on top take theirs first.
func (m *Model) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	if name != "ctrl+c" {
		m.quitAsked = false
	}
	if name == "ctrl+c" {
		return m.interrupt()
	}
	switch m.screen {
	case screenSwitch:
		return m.switchKey(k)
	case screenPassword:
		return m.passwordKey(k)
	case screenHelp:
		if name == "f1" && m.page == 0 {
			m.page++
			return nil
		}
		fallthrough
	case screenDevices, screenMembers:
		if name == "esc" || name == "enter" || name == "q" || name == "f1" {
			m.screen = screenChat
			return nil
		}
		m.screen = screenChat
	}
	if f, ok := chatKeys[name]; ok {
		if handled, cmd := f(m); handled {
			return cmd
		}
	}
	return m.write(k)
}

// chatKeys are the keys of the chat beside those of the input. An entry may
// leave a key to the input.
var chatKeys = map[string]func(*Model) (handled bool, cmd tea.Cmd){
	"enter":      func(m *Model) (bool, tea.Cmd) { return true, m.enter() },
	"tab":        func(m *Model) (bool, tea.Cmd) { return true, m.tab() },
	"up":         func(m *Model) (bool, tea.Cmd) { return m.chooseCompletion(-1), nil },
	"down":       func(m *Model) (bool, tea.Cmd) { return m.chooseCompletion(1), nil },
	"ctrl+n":     func(m *Model) (bool, tea.Cmd) { m.move(1); return true, nil },
	"alt+down":   func(m *Model) (bool, tea.Cmd) { m.move(1); return true, nil },
	"ctrl+p":     func(m *Model) (bool, tea.Cmd) { m.move(-1); return true, nil },
	"alt+up":     func(m *Model) (bool, tea.Cmd) { m.move(-1); return true, nil },
	"ctrl+k":     func(m *Model) (bool, tea.Cmd) { return true, m.openSwitch() },
	"f1":         func(m *Model) (bool, tea.Cmd) { m.help(); return true, nil },
	"pgup":       func(m *Model) (bool, tea.Cmd) { m.scrollBy(m.chatHeight() - 2); return true, nil },
	"pgdown":     func(m *Model) (bool, tea.Cmd) { m.scrollBy(2 - m.chatHeight()); return true, nil },
	"shift+up":   func(m *Model) (bool, tea.Cmd) { m.scrollBy(1); return true, nil },
	"shift+down": func(m *Model) (bool, tea.Cmd) { m.scrollBy(-1); return true, nil },
	"esc":        func(m *Model) (bool, tea.Cmd) { m.escape(); return true, nil },
	"ctrl+y":     func(m *Model) (bool, tea.Cmd) { return m.answer(true) },
	"ctrl+x":     func(m *Model) (bool, tea.Cmd) { return m.answer(false) },
}

// interrupt clears what is being written, then quits.
func (m *Model) interrupt() tea.Cmd {
	if m.screen != screenChat {
		m.screen = screenChat
		return nil
	}
	if m.input.Value() != "" && !m.quitAsked {
		m.input.Reset()
		m.quitAsked = true
		m.tell("Ctrl-C again quits", nil)
		return nil
	}
	return tea.Quit
}

func (m *Model) escape() {
	m.notice = ""
	if c := m.chats[m.sel]; c != nil {
		c.scroll, c.unseen = 0, 0
	}
}

// write gives a key to the input and tells the peer that the user types.
func (m *Model) write(k tea.KeyPressMsg) tea.Cmd {
	before := m.input.Value()
	var cmd tea.Cmd
	m.input, cmd = m.input.Update(k)
	if m.input.Value() != before {
		m.completeN = 0
		m.typed()
	}
	return cmd
}

func (m *Model) paste(p tea.PasteMsg) tea.Cmd {
	var cmd tea.Cmd
	switch m.screen {
	case screenSwitch:
		m.query, cmd = m.query.Update(p)
	case screenPassword:
		m.secrets[m.secret], cmd = m.secrets[m.secret].Update(p)
	default:
		m.input, cmd = m.input.Update(p)
		m.typed()
	}
	return cmd
}

func (m *Model) typed() {
	text := m.input.Value()
	if m.sel == 0 || !m.online || text == "" || strings.HasPrefix(text, "/") || m.now().Sub(m.typedAt) < typingEvery {
		return
	}
	m.typedAt = m.now()
	if m.isGroup(m.sel) {
		m.back.SignalGroup(im.GroupID(m.sel), im.SignalTyping)
		return
	}
	m.back.Signal(m.sel, im.SignalTyping)
}

// scrollBy moves the view up by lines, and fetches what is older at the top.
func (m *Model) scrollBy(lines int) {
	c := m.chats[m.sel]
	if c == nil {
		return
	}
	h := m.chatHeight()
	have, all := m.render(c, m.rightWidth(), c.scroll+lines+2*h)
	c.scroll = max(c.scroll+lines, 0)
	if all {
		c.scroll = min(c.scroll, max(len(have)-h, 0))
	}
	if c.scroll == 0 {
		c.unseen = 0
	}
	if all && lines > 0 && c.loaded && !c.top && !c.loading && c.scroll >= len(have)-h {
		c.loading = true
		m.later(m.loadHistory(c, c.oldest()))
	}
}

// enter runs a command or sends what is written.
func (m *Model) enter() tea.Cmd {
	text := strings.TrimRight(m.input.Value(), " \n\t")
	switch {
	case text == "":
		return nil
	case strings.HasPrefix(text, "//"):
		text = text[1:]
	case strings.HasPrefix(text, "/"):
		if done, ok := m.completed(text); ok && done != strings.TrimSpace(text) {
			text = done
		}
		m.input.Reset()
		m.completeN = 0
		return m.command(text)
	}
	if m.sel == 0 {
		m.fail("choose a conversation first: Ctrl-K, or /chat WHO")
		return nil
	}
	return m.send(m.sel, text)
}

func (m *Model) send(peer im.UserID, text string) tea.Cmd {
	id, c := client.NewClientID(), m.chat(peer)
	out := im.Outgoing{To: peer, ClientID: id, Text: text}
	if c.group != 0 {
		out.To, out.Group = 0, c.group
		out.Mentions, out.All = m.mentioned(c.group, text)
	}
	p, err := m.back.SendAsync(out)
	if err != nil {
		m.fail(say(err))
		return nil
	}
	m.input.Reset()
	m.typedAt = m.now().Add(-typingEvery)
	c.pending = append(c.pending, outgoing{id: id, text: text})
	c.scroll, c.unseen = 0, 0
	return func() tea.Msg {
		<-p.Done()
		ack, err := p.Result()
		return sentMsg{peer, id, ack, err}
	}
}

// answer answers the request of the selected user, when there is one.
func (m *Model) answer(accept bool) (bool, tea.Cmd) {
	if st, ok := m.selected(); ok {
		return m.answerInvitation(st, accept)
	}
	if !m.contacts[m.sel].Sub.Has(im.SubPendingIn) {
		return false, nil
	}
	peer, b := m.sel, m.back
	text := "accepted " + m.name(peer)
	if !accept {
		text = "denied " + m.name(peer)
	}
	return true, do(text, func(ctx ctx) error { return b.ContactAnswer(ctx, peer, accept) })
}
