package tui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
)

// item is one place of the left pane.
type item struct {
	peer    im.UserID
	title   string
	last    string // the newest message, in one line
	unread  int
	mention int // of unread: those that mention the user
	show    im.Show
	group   bool
	silent  bool // counts for nothing in the title of the window
	request bool // waits for an answer
	asked   bool // the user has asked and waits
}

// recent is an item with what it is sorted by.
type recent struct {
	peer im.UserID
	id   im.MsgID
}

// items lists requests and invitations first, then pinned groups, then conversations
// and groups by their newest message, then the contacts nothing was written to yet.
func (m *Model) items() []item {
	var list []item
	in := make(map[im.UserID]bool)
	put := func(u im.UserID) {
		if !in[u] && u != 0 {
			in[u] = true
			list = append(list, m.item(u))
		}
	}
	for _, k := range m.sortedContacts() {
		if k.Sub.Has(im.SubPendingIn) {
			put(k.User)
		}
	}
	if c := m.chats[m.sel]; c != nil && c.group == 0 && m.book.Get(m.sel).Last.Seq == 0 && !m.contacts[m.sel].Listed {
		put(m.sel) // opened by /chat, nothing written yet
	}
	var rest []recent
	for _, st := range m.groups.List() {
		if st.Me.Role == im.RoleInvited || st.Membership.Pinned {
			put(st.Group.ID.Log())
		}
		rest = append(rest, recent{st.Group.ID.Log(), max(st.HeadID, m.groups.Last(st.Group.ID).MsgID)})
	}
	for _, v := range m.book.List() {
		rest = append(rest, recent{v.Peer, v.Last.MsgID})
	}
	slices.SortStableFunc(rest, func(a, b recent) int { return cmp.Compare(b.id, a.id) })
	for _, r := range rest {
		put(r.peer)
	}
	for _, k := range m.sortedContacts() {
		if k.Listed {
			put(k.User)
		}
	}
	return list
}

func (m *Model) item(u im.UserID) item {
	if st, ok := m.groups.Get(im.GroupID(u)); ok {
		return m.groupItem(u, &st)
	}
	k := m.contacts[u]
	v := m.book.Get(u)
	it := item{
		peer: u, title: m.name(u), unread: m.book.Unread(u), show: m.presence[u].Show,
		request: k.Sub.Has(im.SubPendingIn), asked: k.Sub.Has(im.SubPendingOut) && !k.Sub.Has(im.SubTo),
	}
	switch {
	case it.request:
		it.last = "asks to be your contact"
	case v.Last.Seq > 0 && v.Last.From == m.me:
		it.last = "you: " + oneLine(v.Last.Text)
	case v.Last.Seq > 0:
		it.last = oneLine(v.Last.Text)
	case it.asked:
		it.last = "has not answered yet"
	}
	return it
}

func (m *Model) groupItem(u im.UserID, st *im.GroupState) item {
	it := item{
		peer: u, title: m.groupTitle(st), unread: st.Unread, mention: st.Mentions, group: true, silent: st.Membership.Silent,
		request: st.Me.Role == im.RoleInvited, asked: st.Me.Role == im.RoleAsking, last: oneLine(st.Group.Subject),
	}
	switch e := m.groups.Last(st.Group.ID); {
	case it.request:
		it.last = "invites you"
	case it.asked:
		it.last = "has not let you in yet"
	case e.Seq > 0 && e.From == m.me:
		it.last = "you: " + oneLine(e.Text)
	case e.Seq > 0 && e.Post != nil:
		it.last = oneLine(e.Post.Nick + ": " + e.Text)
	}
	return it
}

// mark is the sign before an item.
func (it item) mark() string {
	switch {
	case it.request:
		return styleUnread.Render("?")
	case it.group:
		return styleDim.Render("#")
	}
	return dot(it.show)
}

// badge is what is unread behind an item.
func (it item) badge() string {
	if it.mention > 0 {
		return badge(it.unread) + styleUnread.Render("@")
	}
	return badge(it.unread)
}

func (m *Model) sortedContacts() []im.Contact {
	list := make([]im.Contact, 0, len(m.contacts))
	for _, k := range m.contacts {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b im.Contact) int { return strings.Compare(m.name(a.User), m.name(b.User)) })
	return list
}

// name is what the user calls somebody: his remark, the name before the @ for
// people of the own domain, else the address.
func (m *Model) name(u im.UserID) string {
	if st, ok := m.groups.Get(im.GroupID(u)); ok {
		return m.groupTitle(&st)
	}
	if title := m.left[u]; title != "" {
		return title
	}
	if n := m.contacts[u].Name; n != "" {
		return clean(n)
	}
	a := m.contacts[u].Addr
	if a.IsZero() {
		a, _ = m.back.KnownAddr(u)
	}
	switch {
	case a.IsZero():
		return "user " + u.String()
	case a.Domain == m.addr.Domain:
		return a.Local
	}
	return a.Bare().String()
}

// move selects the item that lies by places further down.
func (m *Model) move(by int) {
	list := m.items()
	if len(list) == 0 {
		return
	}
	i := slices.IndexFunc(list, func(it item) bool { return it.peer == m.sel })
	i = min(max(i+by, 0), len(list)-1)
	m.selectPeer(list[i].peer)
}

// nextUnread selects the next conversation with something unread, or a request.
func (m *Model) nextUnread() {
	list := m.items()
	at := slices.IndexFunc(list, func(it item) bool { return it.peer == m.sel })
	for n := range list {
		it := list[(at+1+n)%len(list)]
		if it.peer != m.sel && (it.unread > 0 || it.request) {
			m.selectPeer(it.peer)
			return
		}
	}
}

// matches finds items for what was typed in the switcher: every letter in its
// order, better when they stand together.
func matches(list []item, typed string) []item {
	typed = strings.ToLower(strings.TrimSpace(typed))
	var whole, scattered []item
	for _, it := range list {
		switch title := strings.ToLower(it.title); {
		case strings.Contains(title, typed):
			whole = append(whole, it)
		case subsequence(title, typed):
			scattered = append(scattered, it)
		}
	}
	return append(whole, scattered...)
}

func subsequence(s, sub string) bool {
	rest := []rune(sub)
	for _, r := range s {
		if len(rest) > 0 && r == rest[0] {
			rest = rest[1:]
		}
	}
	return len(rest) == 0
}
