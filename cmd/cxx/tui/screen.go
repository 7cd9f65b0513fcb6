package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/im"
)

// openSwitch opens the quick switcher.
func (m *Model) openSwitch() tea.Cmd {
	m.screen, m.pick = screenSwitch, 0
	m.query.Reset()
	return m.query.Focus()
}

func (m *Model) switchKey(k tea.KeyPressMsg) tea.Cmd {
	list := matches(m.items(), m.query.Value())
	switch k.String() {
	case "esc":
		m.screen = screenChat
	case "enter":
		m.screen = screenChat
		if m.pick < len(list) {
			m.selectPeer(list[m.pick].peer)
			return nil
		}
		if who := strings.TrimSpace(m.query.Value()); who != "" {
			return m.cmdChat(who)
		}
	case "down", "ctrl+n", "tab", "ctrl+k":
		m.pick = min(m.pick+1, max(len(list)-1, 0))
	case "up", "ctrl+p", "shift+tab":
		m.pick = max(m.pick-1, 0)
	default:
		var cmd tea.Cmd
		m.query, cmd = m.query.Update(k)
		m.pick = 0
		return cmd
	}
	return nil
}

func (m *Model) switchLines(h int) []string {
	list := matches(m.items(), m.query.Value())
	lines := []string{styleTitle.Render("Go to"), m.query.View(), ""}
	for i, it := range list {
		if len(lines) >= h {
			break
		}
		mark := "  "
		if i == m.pick {
			mark = "▸ "
		}
		lines = append(lines, mark+it.mark()+" "+it.title+it.badge())
	}
	if len(list) == 0 {
		lines = append(lines, styleDim.Render("Nobody by that name yet; Enter looks on the server."))
	}
	return lines
}

func (m *Model) passwordKey(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "esc":
		m.screen, m.secrets = screenChat, nil
		return nil
	case "enter", "tab":
		if m.secret == len(m.secrets)-1 {
			return m.changePassword()
		}
		m.secrets[m.secret].Blur()
		m.secret++
		return m.secrets[m.secret].Focus()
	}
	var cmd tea.Cmd
	m.secrets[m.secret], cmd = m.secrets[m.secret].Update(k)
	return cmd
}

func (m *Model) changePassword() tea.Cmd {
	old, next, again := m.secrets[0].Value(), m.secrets[1].Value(), m.secrets[2].Value()
	m.screen, m.secrets = screenChat, nil
	if next != again {
		m.fail("the two new passwords differ; nothing was changed")
		return nil
	}
	b := m.back
	return do("the password is changed", func(ctx ctx) error { return b.ChangePassword(ctx, old, next, false) })
}

func (m *Model) passwordLines() []string {
	lines := []string{styleTitle.Render("Change the password"), ""}
	for _, s := range m.secrets {
		lines = append(lines, s.View())
	}
	return append(lines, "", styleDim.Render("Enter goes on, Esc leaves everything as it is."))
}

func (m *Model) deviceLines() []string {
	lines := []string{styleTitle.Render("Your devices"), ""}
	for _, d := range m.devices {
		mark := "  "
		switch {
		case d.ID == m.device:
			mark = "▸ "
		case d.Revoked:
			mark = "✗ "
		}
		lines = append(lines, fmt.Sprintf("%s%-16s %s", mark, d.ID, clean(d.Name)),
			styleDim.Render(fmt.Sprintf("    %s, %s %s, last %s", d.IP, clean(d.ClientName), clean(d.ClientVersion), d.LastLogin.Local().Format("2 Jan 2006 15:04"))))
	}
	if len(m.devices) == 0 {
		lines = append(lines, styleDim.Render("loading …"))
	}
	return append(lines, "", styleDim.Render("/revoke ID logs one out. Esc goes back."))
}

var keyHelp = [][2]string{
	{"Enter", "send"},
	{"Alt-Enter", "new line (or Ctrl-J)"},
	{"Ctrl-K", "go to a conversation"},
	{"Ctrl-N, Ctrl-P", "next, previous one"},
	{"Tab", "next unread / complete"},
	{"Ctrl-Y, Ctrl-X", "accept, deny a request"},
	{"PgUp, PgDn", "older, newer messages"},
	{"Esc", "to the newest message"},
	{"F1", "this help"},
	{"Ctrl-C", "clear line, then quit"},
}

// help opens the first page of the help.
func (m *Model) help() { m.screen, m.page = screenHelp, 0 }

// helpLines fill the whole screen: all keys and commands fit two pages of 80 by 24.
func helpLines(page int) []string {
	if page > 0 {
		return append([]string{styleTitle.Render(" In groups"), ""}, commandLines(groupCommands)...)
	}
	lines := []string{styleTitle.Render(" Keys")}
	for i := 0; i < len(keyHelp); i += 2 {
		row := ""
		for _, k := range keyHelp[i:min(i+2, len(keyHelp))] {
			row += fit(fmt.Sprintf("  %-15s %s", k[0], k[1]), 40)
		}
		lines = append(lines, row)
	}
	lines = append(lines, styleTitle.Render(" Commands")+styleDim.Render("   F1 shows those for groups"))
	return append(lines, commandLines(commands)...)
}

func commandLines(list []command) (lines []string) {
	short := ""
	for _, c := range list {
		if c.args != "" {
			lines = append(lines, fmt.Sprintf("  %-20s %s", "/"+c.name+" "+c.args, c.help))
			continue
		}
		// Two of those that are a word only go in one line.
		short += fit(fmt.Sprintf("  %-10s %s", "/"+c.name, c.help), 40)
		if len(short) > 40 {
			lines, short = append(lines, short), ""
		}
	}
	if short != "" {
		lines = append(lines, short)
	}
	return lines
}

// requestLines invite to answer a request.
func (m *Model) requestLines(k im.Contact) []string {
	lines := []string{styleTitle.Render(k.Addr.Bare().String() + " asks to be your contact.")}
	if k.Note != "" {
		lines = append(lines, "“"+oneLine(k.Note)+"”")
	}
	return append(lines, styleDim.Render("Ctrl-Y accepts, Ctrl-X denies."))
}
