package tui

import (
	"fmt"
	"strings"
	"unicode"

	"charm.land/bubbles/v2/textarea"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/cxx-im/cxx/im"
)

// The sixteen colours of the terminal, so that they fit its theme.
var (
	styleTitle  = lipgloss.NewStyle().Bold(true)
	styleDim    = lipgloss.NewStyle().Foreground(lipgloss.Color("8"))
	styleMe     = lipgloss.NewStyle().Foreground(lipgloss.Color("6"))
	stylePeer   = lipgloss.NewStyle().Foreground(lipgloss.Color("3")).Bold(true)
	styleGood   = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	styleAway   = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	styleBad    = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
	styleUnread = lipgloss.NewStyle().Foreground(lipgloss.Color("5")).Bold(true)
	styleSel    = lipgloss.NewStyle().Reverse(true)
)

func inputStyles() textarea.Styles {
	s := textarea.DefaultDarkStyles()
	none := lipgloss.NewStyle()
	s.Focused.CursorLine, s.Blurred.CursorLine = none, none
	s.Focused.Prompt = styleDim
	s.Focused.Placeholder = styleDim
	return s
}

// dot shows availability by colour and, for those who do not see it, by form.
func dot(s im.Show) string {
	switch s {
	case im.ShowOnline, im.ShowChat:
		return styleGood.Render("●")
	case im.ShowAway, im.ShowXA:
		return styleAway.Render("◐")
	case im.ShowDND:
		return styleBad.Render("◍")
	}
	return styleDim.Render("○")
}

func badge(unread int) string {
	if unread == 0 {
		return ""
	}
	return styleUnread.Render(fmt.Sprintf(" %d", unread))
}

// roleMark is how somebody's role is shown beside his name.
func roleMark(r im.Role) string {
	switch r {
	case im.RoleOwner:
		return "★"
	case im.RoleAdmin:
		return "☆"
	}
	return " "
}

// clean takes out of foreign text what would move the cursor, change colours
// or turn a line around; line breaks stay.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}

func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// fit makes s exactly w cells wide.
func fit(s string, w int) string {
	if w <= 0 {
		return ""
	}
	s = ansi.Truncate(s, w, "…")
	return s + strings.Repeat(" ", max(w-ansi.StringWidth(s), 0))
}
