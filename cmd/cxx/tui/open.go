package tui

import (
	"github.com/cxx-im/cxx/im"
)

func (m *Model) chat(peer im.UserID) *chat {
	c := m.chats[peer]
	if c == nil {
		c = &chat{peer: peer}
		if m.isGroup(peer) {
			c.group = im.GroupID(peer)
		}
		m.chats[peer] = c
	}
	return c
}

// selectPeer shows a conversation and keeps what was being written in the one
// before.
func (m *Model) selectPeer(peer im.UserID) {
	if peer == m.sel || peer == 0 {
		return
	}
	if m.sel != 0 {
		m.chat(m.sel).draft = m.input.Value()
	}
	m.sel = peer
	c := m.chat(peer)
	m.input.SetValue(c.draft)
	m.input.MoveToEnd()
	m.completeN, m.notice = 0, ""
	m.later(m.learnName(peer))
	m.loadChat(c)
	if c.group != 0 && m.members[c.group] == nil && m.inGroup(c.group) {
		m.later(m.loadMembers(c.group))
	}
}

func (m *Model) loadChat(c *chat) {
	if c.loaded || c.loading || c.group != 0 && !m.inGroup(c.group) {
		return
	}
	c.loading = true
	m.later(m.loadHistory(c, 0))
}

func (m *Model) gotList(msg listMsg) {
	m.loading = false
	if msg.err != nil {
		m.fail(say(msg.err))
		return
	}
	m.me, _, m.addr = m.back.Me()
	m.book.Load(msg.conversations)
	m.groups.Load(msg.groups)
	clear(m.contacts)
	for _, k := range msg.contacts {
		m.contacts[k.User] = k
	}
	if list := m.items(); m.sel == 0 && len(list) > 0 {
		m.selectPeer(list[0].peer)
	}
	if c := m.chats[m.sel]; c != nil {
		m.loadChat(c) // of a group that he has joined meanwhile
	}
}

func (m *Model) gotHistory(msg historyMsg) {
	c := m.chat(msg.peer)
	c.loading = false
	if msg.err != nil {
		m.fail(say(msg.err))
		return
	}
	c.add(msg.page.Entries...)
	c.loaded = true
	c.top = !msg.page.More
}

func (m *Model) gotSent(msg sentMsg) {
	c := m.chat(msg.peer)
	if msg.err != nil {
		c.fail(msg.id, say(msg.err))
		return
	}
	// The entry comes by the stream as well; whichever is first is shown.
	for _, o := range c.pending {
		if o.id == msg.id {
			c.live(im.Entry{
				Seq: msg.ack.Seq, MsgID: msg.ack.MsgID, Kind: im.KindMessage, From: m.me, Peer: msg.peer, ClientID: o.id, Text: o.text,
				Post: m.ownPost(c),
			})
			return
		}
	}
}

// markRead tells the server what the user has in front of him.
func (m *Model) markRead() {
	c := m.chats[m.sel]
	if c == nil || !c.loaded || c.scroll > 0 || !m.focused || !m.online || m.screen != screenChat {
		return
	}
	if c.group != 0 {
		m.markGroupRead(c)
		return
	}
	if m.book.Unread(m.sel) == 0 {
		return
	}
	upTo := c.lastIncoming(m.me)
	if upTo == 0 || upTo <= m.marked[m.sel] {
		return
	}
	m.marked[m.sel] = upTo
	peer, b := m.sel, m.back
	m.later(do("", func(ctx ctx) error { return b.MarkRead(ctx, peer, upTo) }))
}
