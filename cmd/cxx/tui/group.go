package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// isGroup reports whether a place of the chat is a group.
func (m *Model) isGroup(peer im.UserID) bool {
	if c := m.chats[peer]; c != nil && c.group != 0 {
		return true
	}
	_, ok := m.groups.Get(im.GroupID(peer))
	return ok
}

// inGroup reports whether the user is in a group.
func (m *Model) inGroup(g im.GroupID) bool {
	st, _ := m.groups.Get(g)
	return st.Me.Role.In()
}

func (m *Model) groupChat(g im.GroupID) *chat {
	c := m.chat(g.Log())
	c.group = g
	return c
}

// selected returns the group on the screen.
func (m *Model) selected() (st im.GroupState, ok bool) {
	if m.sel == 0 {
		return st, false
	}
	return m.groups.Get(im.GroupID(m.sel))
}

// groupTitle is what a group is called here.
func (m *Model) groupTitle(st *im.GroupState) string {
	if t := oneLine(st.Group.Title); t != "" {
		return t
	}
	return st.Group.Addr.Local
}

// ownPost is what an own message has in a group until the stream brings it.
func (m *Model) ownPost(c *chat) *im.Post {
	if c.group == 0 {
		return nil
	}
	st, _ := m.groups.Get(c.group)
	return &im.Post{Nick: st.Me.Nick}
}

// groupEvent takes an event of a group.
func (m *Model) groupEvent(ev client.Event) tea.Cmd {
	switch ev := ev.(type) {
	case client.GroupMessage:
		delete(m.typing, ev.Group.Log())
		m.arrived(m.groupChat(ev.Group), ev.Entry)
		if m.sel == 0 {
			m.selectPeer(ev.Group.Log())
		}
	case client.GroupChanged:
		return m.groupChanged(ev)
	case client.GroupInvitation:
		m.tell(ev.Event.ByNick+" invites you to "+ev.Event.Group.Title+"; it stands in the list", nil)
	case client.GroupRequest:
		k := ev.Event.Member
		m.tell(k.Addr.Bare().String()+" asks to join "+m.name(ev.Event.ID.Log())+"; /admit "+m.short(k.Addr)+" there lets him in", nil)
	case client.GroupMembership:
		m.standing(&ev.Event)
	case client.GroupRead:
		m.readTo[ev.Group.Log()] = max(m.readTo[ev.Group.Log()], ev.UpTo)
	}
	return nil
}

func (m *Model) groupChanged(ev client.GroupChanged) tea.Cmd {
	what, c := ev.Entry.Group, m.groupChat(ev.Group)
	if what.What == im.GroupRetracted {
		c.retract(what.Ref)
	}
	if client.ChangeText(what) != "" {
		m.arrived(c, ev.Entry)
	}
	if what.Member == nil || m.members[ev.Group] == nil {
		return nil
	}
	return m.loadMembers(ev.Group)
}

// standing tells the user what has become of him in a group.
func (m *Model) standing(ev *im.GroupEvent) {
	switch ev.What {
	case im.GroupKicked, im.GroupBanned, im.GroupDissolved, im.GroupExpelled, im.GroupRefused:
		title := ""
		if ev.Group != nil {
			title = oneLine(ev.Group.Title) + ": "
		}
		m.tell(title+client.ChangeText(ev), nil)
	}
	if mb := ev.Membership; mb != nil && !mb.Role.In() {
		delete(m.members, ev.ID)
		m.left[ev.ID.Log()] = oneLine(mb.Title)
	}
}

func (m *Model) gotMembers(msg membersMsg) {
	if msg.err != nil {
		if m.screen == screenMembers {
			m.fail(say(msg.err))
		}
		return
	}
	slices.SortFunc(msg.list, func(a, b im.Member) int {
		if a.Role != b.Role {
			return int(b.Role) - int(a.Role)
		}
		return strings.Compare(strings.ToLower(a.Nick), strings.ToLower(b.Nick))
	})
	m.members[msg.group] = msg.list
}

// mentioned finds whom a text mentions: @ and a nickname, or @all.
func (m *Model) mentioned(g im.GroupID, text string) (users []im.UserID, all bool) {
	for at := strings.IndexByte(text, '@'); at >= 0; {
		rest := text[at+1:]
		if rest == "all" || strings.HasPrefix(rest, "all ") {
			all = true
		}
		best := im.Member{}
		for _, k := range m.members[g] {
			if k.User != 0 && strings.HasPrefix(rest, k.Nick) && len(k.Nick) > len(best.Nick) {
				best = k
			}
		}
		if best.User != 0 && !slices.Contains(users, best.User) {
			users = append(users, best.User)
		}
		next := strings.IndexByte(rest, '@')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return users, all
}

func (m *Model) markGroupRead(c *chat) {
	st, ok := m.groups.Get(c.group)
	upTo := max(c.newest(), st.Head)
	if !ok || st.Unread == 0 || upTo <= uint64(m.marked[c.peer]) {
		return
	}
	m.marked[c.peer] = im.MsgID(upTo)
	g, b := c.group, m.back
	m.later(do("", func(ctx ctx) error { return b.MarkGroupRead(ctx, g, upTo) }))
}
