package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/im"
)

const (
	narrow    = 56 // below this width the list is left out
	statusRow = 2  // status line and key help
)

func (m *Model) leftWidth() int {
	if m.width < narrow {
		return 0
	}
	return min(max(m.width*3/10, 20), 34)
}

func (m *Model) rightWidth() int {
	left := m.leftWidth()
	if left == 0 {
		return m.width
	}
	return max(m.width-left-1, 1)
}

// chatHeight is how many lines of messages there are.
func (m *Model) chatHeight() int {
	return max(m.height-statusRow-1-1-m.input.Height()-len(m.completionLines()), 1)
}

// View implements tea.Model.
func (m *Model) View() tea.View {
	body := m.height - statusRow
	var b strings.Builder
	if m.screen == screenHelp {
		for _, l := range top(helpLines(m.page), body) {
			b.WriteString(fit(l, m.width) + "\n")
		}
	} else {
		m.panes(&b, body)
	}
	b.WriteString(fit(m.statusLine(), m.width))
	b.WriteByte('\n')
	b.WriteString(styleDim.Render(fit(" Enter send  Alt-Enter line  Ctrl-K go to  Tab unread  PgUp older  / do  F1 help", m.width)))
	v := tea.NewView(b.String())
	v.AltScreen, v.ReportFocus = true, true
	v.WindowTitle = m.title()
	v.Cursor = m.cursor(body)
	return v
}

// panes draws the list and the conversation side by side.
func (m *Model) panes(b *strings.Builder, h int) {
	left, right := m.leftLines(h), m.rightLines(h)
	for i := range h {
		if w := m.leftWidth(); w > 0 {
			b.WriteString(fit(line(left, i), w))
			b.WriteString(styleDim.Render("│"))
		}
		b.WriteString(fit(line(right, i), m.rightWidth()))
		b.WriteByte('\n')
	}
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func (m *Model) title() string {
	n := 0
	for _, it := range m.items() {
		if !it.silent {
			n += it.unread
		}
	}
	if n > 0 {
		return fmt.Sprintf("cxx (%d)", n)
	}
	return "cxx"
}

// cursor is where the terminal's cursor stands.
func (m *Model) cursor(body int) *tea.Cursor {
	x := m.width - m.rightWidth()
	switch m.screen {
	case screenSwitch:
		if c := m.query.Cursor(); c != nil {
			c.X += x
			c.Y += 2 // below the header and the title
			return c
		}
	case screenPassword:
		if c := m.secrets[m.secret].Cursor(); c != nil {
			c.X += x
			c.Y += 3 + m.secret
			return c
		}
	case screenChat:
		if c := m.input.Cursor(); c != nil {
			c.X += x
			c.Y += body - m.input.Height()
			return c
		}
	}
	return nil
}

func (m *Model) header() string {
	if m.sel == 0 {
		return styleTitle.Render(" cxx")
	}
	if st, ok := m.selected(); ok {
		return m.groupHeader(&st)
	}
	p := m.presence[m.sel]
	s := " " + dot(p.Show) + " " + styleTitle.Render(m.name(m.sel))
	if a := m.contacts[m.sel].Addr; !a.IsZero() && m.contacts[m.sel].Name != "" {
		s += styleDim.Render("  " + a.Bare().String())
	}
	switch {
	case p.Status != "":
		s += styleDim.Render("  " + oneLine(p.Status))
	case p.Show == im.ShowOffline && !p.LastSeen.IsZero():
		s += styleDim.Render("  last seen " + when(p.LastSeen, m.now()))
	case p.Show != im.ShowOffline && p.Show != im.ShowOnline:
		s += styleDim.Render("  " + p.Show.String())
	}
	return s
}

// hint is the line above the input: typing, what came below, what is loading.
func (m *Model) hint() string {
	c := m.chats[m.sel]
	switch {
	case c == nil:
		return ""
	case c.unseen > 0:
		return styleUnread.Render(fmt.Sprintf(" ↓ %d new, Esc shows them", c.unseen))
	case m.typing[m.sel].After(m.now()):
		who := m.name(m.sel)
		if c.group != 0 {
			who = oneLine(m.typist[m.sel])
		}
		return styleDim.Render(" " + who + " is typing …")
	case c.loading:
		return styleDim.Render(" loading …")
	case c.scroll > 0:
		return styleDim.Render(" ↑ older messages, Esc goes back")
	}
	return ""
}

const maxMenu = 6 // lines of completions, and one for how many more

func (m *Model) completionLines() []string {
	if m.screen != screenChat {
		return nil
	}
	list := m.completions()
	first := max(m.completeN-maxMenu+1, 0)
	var lines []string
	for i := first; i < min(len(list), first+maxMenu); i++ {
		label := fit(list[i].label, 20)
		if i == m.completeN {
			label = styleSel.Render(label)
		}
		lines = append(lines, " "+label+" "+styleDim.Render(list[i].help))
	}
	if more := len(list) - first - len(lines); more > 0 {
		lines = append(lines, styleDim.Render(fmt.Sprintf(" … %d more", more)))
	}
	return lines
}

// statusLine says whether the client is connected, and how the last thing went.
func (m *Model) statusLine() string {
	s := styleGood.Render(" ●") + " online " + styleDim.Render(m.server)
	if m.relaxed {
		s += styleAway.Render(" durability: relaxed")
	}
	switch left := m.retryAt.Sub(m.now()).Round(time.Second); {
	case m.ended != nil:
		s = styleBad.Render(" ✗ ended: " + m.why)
	case !m.online && m.why == "":
		s = styleAway.Render(" ◌ connecting …")
	case !m.online && left > 0:
		s = styleAway.Render(fmt.Sprintf(" ◌ offline, next try in %v", left)) + styleDim.Render("  "+oneLine(m.why))
	case !m.online:
		s = styleAway.Render(" ◌ reconnecting …") + styleDim.Render("  "+oneLine(m.why))
	}
	if m.notice == "" || m.ended != nil {
		return s
	}
	note := oneLine(m.notice)
	if m.noticeBad {
		return styleBad.Render(" ✗ "+note) + "  " + s
	}
	return styleGood.Render(" ✓ "+note) + "  " + s
}

func when(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}
