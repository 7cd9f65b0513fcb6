package tui

import (
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/cxx-im/cxx/im"
)

// block is one message, ready to be wrapped.
type block struct {
	at   time.Time // zero: not accepted yet
	mine bool
	text string
	mark string // delivery state
	note string // below the message
	who  string // the author, when it is not the peer
	news string // no message, but what has happened in a group
}

// render draws the last need lines of a conversation, or all of it. It works
// from the newest message up, so that a long history costs nothing.
func (m *Model) render(c *chat, w, need int) (lines []string, all bool) {
	var up []string // bottom line first
	push := func(block []string) {
		for _, l := range slices.Backward(block) {
			up = append(up, l)
		}
	}
	if k := m.contacts[c.peer]; k.Sub.Has(im.SubPendingIn) {
		push(append([]string{""}, m.requestLines(k)...))
	}
	if st, ok := m.groups.Get(c.group); ok && c.group != 0 && !st.Me.Role.In() {
		push(append([]string{""}, m.invitationLines(&st)...))
	}
	for _, o := range slices.Backward(c.pending) {
		push(m.pendingBlock(o).lines(m, c.peer, w))
	}
	peerTo := m.book.Get(c.peer).PeerTo
	for i := len(c.entries) - 1; i >= 0 && len(up) < need; i-- {
		e := c.entries[i]
		b := m.entryBlock(e, peerTo)
		if c.group != 0 {
			b = m.postBlock(c, e)
		}
		push(b.lines(m, c.peer, w))
		if i == 0 && !c.top {
			continue
		}
		if i == 0 || day(c.entries[i-1].MsgID.Time()) != day(e.MsgID.Time()) {
			push([]string{separator(e.MsgID.Time(), w)})
		}
		all = i == 0
	}
	if len(c.entries) == 0 && c.loaded && len(up) == 0 {
		up = append(up, styleDim.Render("  Nothing was written here yet."))
	}
	all = len(up) <= need && (len(c.entries) == 0 || len(up) < need || all)
	slices.Reverse(up)
	return up[max(len(up)-need, 0):], all
}

func (m *Model) entryBlock(e im.Entry, peerTo im.MsgID) block {
	b := block{at: e.MsgID.Time(), mine: e.From == m.me, text: e.Text}
	if e.Text == "" && len(e.Ext) > 0 {
		b.text = "(something this version cannot show)"
	}
	switch {
	case !b.mine || e.Peer == m.me:
	case e.MsgID <= peerTo:
		b.mark = styleGood.Render("✓✓")
	default:
		b.mark = styleDim.Render("✓")
	}
	return b
}

func (m *Model) pendingBlock(o outgoing) block {
	b := block{mine: true, text: o.text, mark: styleDim.Render("…")}
	if o.failed != "" {
		b.mark = styleBad.Render("✗")
		b.note = styleBad.Render(oneLine(o.failed)) + styleDim.Render(" /retry sends it again")
	}
	return b
}

// lines wraps a message behind its time and author.
func (b block) lines(m *Model, peer im.UserID, w int) []string {
	at := "     "
	if !b.at.IsZero() {
		at = b.at.Local().Format("15:04")
	}
	if b.news != "" {
		return newsLines(at, b.news, w)
	}
	name := b.who
	if name == "" {
		name = m.name(peer)
	}
	who := stylePeer.Render(ansi.Truncate(name, 16, "…"))
	if b.mine {
		who = styleMe.Render("you")
	}
	head := " " + styleDim.Render(at) + " " + who + "  "
	indent := ansi.StringWidth(head)
	if indent > w/2 {
		indent = 7
	}
	text := strings.Split(ansi.Wrap(clean(b.text), max(w-indent-3, 8), ""), "\n")
	out := make([]string, 0, len(text)+1)
	for i, l := range text {
		lead := strings.Repeat(" ", indent)
		if i == 0 {
			lead = head
		}
		out = append(out, lead+l)
	}
	if b.mark != "" {
		out[len(out)-1] += " " + b.mark
	}
	if b.note != "" {
		out = append(out, strings.Repeat(" ", indent)+b.note)
	}
	return out
}

func day(t time.Time) string { return t.Local().Format("2006-01-02") }

func separator(t time.Time, w int) string {
	label := " " + t.Local().Format("Monday, 2 January 2006") + " "
	side := max((w-ansi.StringWidth(label))/2, 1)
	return styleDim.Render(strings.Repeat("─", side) + label + strings.Repeat("─", side))
}
