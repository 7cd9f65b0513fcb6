package tui

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

type ctx = context.Context

// event takes an event of the client.
func (m *Model) event(ev client.Event) tea.Cmd {
	m.book.Apply(ev)
	m.groups.Apply(ev)
	switch ev := ev.(type) {
	case client.Connected:
		m.online, m.server, m.relaxed, m.why = true, ev.Server, ev.Relaxed, ""
		return m.loadList()
	case client.Disconnected:
		m.online, m.why, m.retryAt = false, say(ev.Err), m.now().Add(ev.RetryIn)
		if !m.noticeBad {
			m.notice = "" // the place is needed
		}
	case client.Message:
		return m.message(ev)
	case client.ContactRequest:
		m.contacts[ev.Contact.User] = ev.Contact
		m.tell(m.name(ev.Contact.User)+" asks to be your contact", nil)
	case client.ContactChanged:
		m.contactChanged(ev.Contact)
	case client.BlocksChanged:
		m.blocksChanged(ev.Block)
	case client.Presence:
		m.presence[ev.User] = ev.UserPresence
	case client.Typing:
		m.typedBy(ev)
	case client.Refused:
		c := m.chat(ev.Message.To)
		if ev.Message.Group != 0 {
			c = m.groupChat(ev.Message.Group)
		}
		c.fail(ev.Message.ClientID, say(ev.Err))
	case client.StateError:
		m.fail("this machine cannot store its state: " + ev.Err.Error())
	case client.Regressed:
		m.chats = make(map[im.UserID]*chat)
		m.loadChat(m.chat(m.sel))
		m.fail("the server was restored from an older backup; the newest messages may be missing")
		return m.loadList()
	default:
		return tea.Batch(m.groupEvent(ev), m.refresh())
	}
	return m.refresh()
}

// refresh loads the list again when what came makes that necessary.
func (m *Model) refresh() tea.Cmd {
	if m.loading || !m.book.Stale() && !m.groups.Stale() {
		return nil
	}
	m.loading = true
	return m.loadList()
}

func (m *Model) typedBy(ev client.Typing) {
	place := ev.User
	if ev.Group != 0 {
		place = ev.Group.Log()
		m.typist[place] = ev.Nick
	}
	delete(m.typing, place)
	if ev.Kind == im.SignalTyping {
		m.typing[place] = m.now().Add(typingFor)
	}
}

// arrived shows an entry of the stream.
func (m *Model) arrived(c *chat, e im.Entry) {
	before := m.lines(c)
	if c.live(e) && c.scroll > 0 {
		// What the user reads stays where it is.
		c.scroll += max(m.lines(c)-before, 0)
		c.unseen++
	}
}

func (m *Model) message(ev client.Message) tea.Cmd {
	c := m.chat(ev.Peer)
	delete(m.typing, ev.From)
	m.arrived(c, ev.Entry)
	if m.sel == 0 {
		m.selectPeer(ev.Peer)
	}
	return m.learnName(ev.Peer)
}

// lines is the height of a conversation that is scrolled up.
func (m *Model) lines(c *chat) int {
	if c.scroll == 0 {
		return 0
	}
	lines, _ := m.render(c, m.rightWidth(), 1<<20)
	return len(lines)
}

func (m *Model) contactChanged(k im.Contact) {
	was := m.contacts[k.User]
	switch {
	case !k.Listed && k.Sub == im.SubNone:
		delete(m.contacts, k.User)
		delete(m.presence, k.User)
	default:
		m.contacts[k.User] = k
	}
	if k.Sub.Has(im.SubBoth) && !was.Sub.Has(im.SubBoth) {
		m.tell(m.name(k.User)+" is your contact now", nil)
	}
}

// say is the sentence for an error.
func say(err error) string {
	if err == nil {
		return ""
	}
	var e *im.Error
	if errors.As(err, &e) && e.Detail != "" {
		return e.Detail
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the server gave no answer in time"
	}
	return err.Error()
}
