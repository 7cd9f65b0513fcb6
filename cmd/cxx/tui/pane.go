package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// leftLines draws the list, two lines for each place, so that the selected one
// is seen.
func (m *Model) leftLines(h int) []string {
	w := m.leftWidth()
	list := m.items()
	if w == 0 {
		return nil
	}
	if len(list) == 0 {
		return []string{styleTitle.Render(" " + m.addr.Bare().String()), "", styleDim.Render(" Nobody here yet."), styleDim.Render(" /add WHO asks somebody.")}
	}
	per := max((h-1)/2, 1)
	at := 0
	for i, it := range list {
		if it.peer == m.sel {
			at = i
		}
	}
	first := min(max(at-per+1, 0), max(len(list)-per, 0))
	lines := []string{styleTitle.Render(" " + m.addr.Bare().String())}
	for _, it := range list[first:min(first+per, len(list))] {
		count := it.badge()
		title := fit(it.title, w-4-ansi.StringWidth(count))
		if it.peer == m.sel {
			title = styleSel.Render(title)
		}
		lines = append(lines, " "+it.mark()+" "+title+count, styleDim.Render("   "+fit(it.last, w-4)))
	}
	return lines
}

// rightLines draws the conversation, or the screen over it, and the input.
func (m *Model) rightLines(h int) []string {
	w := m.rightWidth()
	input := strings.Split(m.input.View(), "\n")
	menu := m.completionLines()
	room := max(h-1-1-len(input)-len(menu), 1)
	lines := []string{m.header()}
	switch m.screen {
	case screenSwitch:
		lines = append(lines, top(m.switchLines(room), room)...)
	case screenDevices:
		lines = append(lines, top(m.deviceLines(), room)...)
	case screenMembers:
		lines = append(lines, top(m.memberLines(room), room)...)
	case screenPassword:
		lines = append(lines, top(m.passwordLines(), room)...)
	default:
		lines = append(lines, m.messages(w, room)...)
	}
	lines = append(lines, m.hint())
	lines = append(lines, menu...)
	return append(lines, input...)
}

// top cuts or fills lines to h.
func top(lines []string, h int) []string {
	h = max(h, 0)
	lines = lines[:min(len(lines), h)]
	return append(lines, make([]string, h-len(lines))...)
}

// messages draws the part of the conversation that the view shows.
func (m *Model) messages(w, h int) []string {
	c := m.chats[m.sel]
	if c == nil {
		return top([]string{"", styleDim.Render("  No conversation is open. Ctrl-K goes to one; /add WHO asks somebody.")}, h)
	}
	lines, _ := m.render(c, w, c.scroll+h)
	end := max(len(lines)-c.scroll, min(h, len(lines)))
	shown := lines[max(end-h, 0):end]
	return append(make([]string, h-len(shown)), shown...)
}
