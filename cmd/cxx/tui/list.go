package tui

import (
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
	show    im.Show
	request bool // waits for an answer
	asked   bool // the user has asked and waits
}

// items lists requests first, then conversations by their newest message, then
// the contacts nothing was written to yet.
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
	if _, known := m.chats[m.sel]; known && m.book.Get(m.sel).Last.Seq == 0 && !m.contacts[m.sel].Listed {
		put(m.sel) // opened by /chat, nothing written yet
	}
	for _, v := range m.book.List() {
		put(v.Peer)
	}
	for _, k := range m.sortedContacts() {
		if k.Listed {
			put(k.User)
		}
	}
	return list
}

func (m *Model) item(u im.UserID) item {
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
