package tui

import (
	"slices"
	"strconv"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/im"
)

// command is one entry of the list that opens with a slash.
type command struct {
	name, args, help string
	complete         func(m *Model) []string // words for the first argument
	run              func(m *Model, args string) tea.Cmd
}

var commands []command

func init() {
	commands = []command{
		{"chat", "WHO", "open a conversation", contactNames, (*Model).cmdChat},
		{"add", "WHO [NOTE]", "ask somebody to be your contact", nil, (*Model).cmdAdd},
		{"accept", "[WHO]", "say yes to a request (Ctrl-Y)", requestNames, func(m *Model, a string) tea.Cmd { return m.cmdAnswer(a, true) }},
		{"deny", "[WHO]", "say no to a request (Ctrl-X)", requestNames, func(m *Model, a string) tea.Cmd { return m.cmdAnswer(a, false) }},
		{"remove", "WHO", "take somebody off your contacts", contactNames, (*Model).cmdRemove},
		{"block", "WHO", "exchange nothing with somebody any more", contactNames, (*Model).cmdBlock},
		{"unblock", "WHO", "take somebody off your block list", blockedNames, (*Model).cmdUnblock},
		{"blocked", "", "show your block list", nil, (*Model).cmdBlocked},
		{"name", "NAME", "give the contact on the screen a name of yours", nil, (*Model).cmdName},
		{"status", "SHOW [TEXT]", "online, chat, away, xa, busy or invisible", showNames, (*Model).cmdStatus},
		{"retry", "", "send again what was refused", nil, (*Model).cmdRetry},
		{"devices", "", "list your devices", nil, (*Model).cmdDevices},
		{"revoke", "ID", "log one of your devices out", deviceIDs, (*Model).cmdRevoke},
		{"passwd", "", "change your password", nil, (*Model).cmdPasswd},
		{"reconnect", "", "try to connect at once", nil, func(m *Model, _ string) tea.Cmd { m.back.Hurry(); return nil }},
		{"help", "", "all keys and commands (F1)", nil, func(m *Model, _ string) tea.Cmd { m.help(); return nil }},
		{"quit", "", "leave (Ctrl-C)", nil, func(*Model, string) tea.Cmd { return tea.Quit }},
	}
}

// command runs a line that begins with a slash.
func (m *Model) command(line string) tea.Cmd {
	name, args, _ := strings.Cut(strings.TrimPrefix(line, "/"), " ")
	all := append(slices.Clone(commands), groupCommands...)
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		m.fail("/" + name + " is no command; type / to see them all, // to begin a message with a slash")
		return nil
	}
	m.notice = ""
	return all[i].run(m, strings.TrimSpace(args))
}

// completion is one line of the list above the input.
type completion struct {
	line, label, help string
}

// completions are what the command being typed could become.
func (m *Model) completions() []completion {
	text := m.input.Value()
	if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || strings.Contains(text, "\n") {
		return nil
	}
	name, arg, typingArg := strings.Cut(text[1:], " ")
	var list []completion
	for _, c := range m.offered() {
		switch {
		case !typingArg && strings.HasPrefix(c.name, name):
			line := "/" + c.name
			if c.args != "" {
				line += " "
			}
			list = append(list, completion{line, strings.TrimSpace("/" + c.name + " " + c.args), c.help})
		case typingArg && c.name == name && c.complete != nil && !strings.Contains(arg, " "):
			for _, word := range c.complete(m) {
				if strings.HasPrefix(strings.ToLower(word), strings.ToLower(arg)) && word != arg {
					list = append(list, completion{"/" + name + " " + word, word, ""})
				}
			}
		}
	}
	return list
}

// completed returns the selected completion when it stands for a whole
// command, so that Enter may take it.
func (m *Model) completed(text string) (string, bool) {
	name, _, typingArg := strings.Cut(strings.TrimPrefix(text, "/"), " ")
	for _, c := range m.offered() {
		if c.name == name {
			return "", false
		}
	}
	list := m.completions()
	if typingArg || len(list) == 0 || m.completeN >= len(list) {
		return "", false
	}
	line := list[m.completeN].line
	return line, !strings.HasSuffix(line, " ")
}

func (m *Model) chooseCompletion(by int) bool {
	n := len(m.completions())
	if n < 2 {
		return false
	}
	m.completeN = (m.completeN + by + n) % n
	return true
}

// tab takes the selected completion, or goes to what is unread.
func (m *Model) tab() tea.Cmd {
	list := m.completions()
	if len(list) == 0 {
		m.nextUnread()
		return nil
	}
	m.input.SetValue(list[min(m.completeN, len(list)-1)].line)
	m.input.MoveToEnd()
	m.completeN = 0
	return nil
}

func contactNames(m *Model) (names []string) {
	for _, k := range m.sortedContacts() {
		if k.Listed {
			names = append(names, m.short(k.Addr))
		}
	}
	return names
}

func requestNames(m *Model) (names []string) {
	for _, k := range m.sortedContacts() {
		if k.Sub.Has(im.SubPendingIn) {
			names = append(names, m.short(k.Addr))
		}
	}
	return names
}

func (m *Model) short(a im.Addr) string {
	if a.Domain == m.addr.Domain {
		return a.Local
	}
	return a.Bare().String()
}

func showNames(*Model) []string {
	return []string{"online", "chat", "away", "xa", "busy", "invisible"}
}

func deviceIDs(m *Model) (ids []string) {
	for _, d := range m.devices {
		if !d.Revoked && d.ID != m.device {
			ids = append(ids, d.ID.String())
		}
	}
	return ids
}

func (m *Model) cmdChat(who string) tea.Cmd {
	if who == "" {
		return m.openSwitch()
	}
	b := m.back
	if b.IsGroup(who) {
		return ask(func(ctx ctx) tea.Msg {
			st, err := b.FindGroup(ctx, who)
			if err == nil && !st.Me.Role.In() && st.Me.Role != im.RoleInvited {
				err = im.Errorf(im.CodeNotMember, "you are not in %s; /join %s joins it", who, who)
			}
			return openMsg{st.Group.ID.Log(), st.Group.ID, err}
		})
	}
	return ask(func(ctx ctx) tea.Msg {
		u, err := b.Resolve(ctx, who)
		return openMsg{peer: u, err: err}
	})
}

func (m *Model) cmdAdd(args string) tea.Cmd {
	who, note, _ := strings.Cut(args, " ")
	if who == "" {
		m.fail("/add wants a name, as in /add bob or /add bob@example.org")
		return nil
	}
	b := m.back
	return do("asked "+who, func(ctx ctx) error {
		u, err := b.Resolve(ctx, who)
		if err != nil {
			return err
		}
		return b.ContactAdd(ctx, u, "", nil, strings.TrimSpace(note))
	})
}

func (m *Model) cmdAnswer(who string, accept bool) tea.Cmd {
	if who == "" {
		if handled, cmd := m.answer(accept); handled {
			return cmd
		}
		m.fail("nobody here waits for an answer; name whom you mean")
		return nil
	}
	text := "accepted " + who
	if !accept {
		text = "denied " + who
	}
	b := m.back
	return do(text, func(ctx ctx) error {
		u, err := b.Resolve(ctx, who)
		if err != nil {
			return err
		}
		return b.ContactAnswer(ctx, u, accept)
	})
}

func (m *Model) cmdRemove(who string) tea.Cmd {
	if who == "" {
		m.fail("/remove wants a name, so that nobody is removed by accident")
		return nil
	}
	b := m.back
	return do("removed "+who, func(ctx ctx) error {
		u, err := b.Resolve(ctx, who)
		if err != nil {
			return err
		}
		return b.ContactRemove(ctx, u)
	})
}

func (m *Model) cmdName(name string) tea.Cmd {
	k, ok := m.contacts[m.sel]
	if !ok || !k.Listed {
		m.fail("only contacts can be given a name; /add them first")
		return nil
	}
	b := m.back
	return do("renamed", func(ctx ctx) error { return b.ContactUpdate(ctx, k.User, name, k.Groups) })
}

func (m *Model) cmdStatus(args string) tea.Cmd {
	word, text, _ := strings.Cut(args, " ")
	show, err := im.ParseShow(word)
	if err != nil || show == im.ShowOffline {
		m.fail("/status wants one of " + strings.Join(showNames(m), ", "))
		return nil
	}
	b := m.back
	return do("you are shown as "+word, func(ctx ctx) error { return b.SetPresence(ctx, show, strings.TrimSpace(text)) })
}

func (m *Model) cmdRetry(string) tea.Cmd {
	c := m.chats[m.sel]
	if c == nil {
		return nil
	}
	var again []string
	c.pending = slices.DeleteFunc(c.pending, func(o outgoing) bool {
		if o.failed != "" {
			again = append(again, o.text)
		}
		return o.failed != ""
	})
	var cmd tea.Cmd
	for _, text := range again {
		cmd = tea.Batch(cmd, m.send(m.sel, text))
	}
	return cmd
}

func (m *Model) cmdDevices(string) tea.Cmd {
	m.screen = screenDevices
	b := m.back
	return ask(func(ctx ctx) tea.Msg {
		list, current, err := b.Devices(ctx)
		return devicesMsg{list, current, err}
	})
}

func (m *Model) cmdRevoke(id string) tea.Cmd {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		m.fail("/revoke wants the id of a device; /devices lists them")
		return nil
	}
	b := m.back
	return do("logged out device "+id, func(ctx ctx) error { return b.RevokeDevice(ctx, im.DeviceID(n)) })
}

func (m *Model) cmdPasswd(string) tea.Cmd {
	m.screen, m.secret, m.secrets = screenPassword, 0, nil
	for _, label := range []string{"Old password: ", "New password: ", "And again:    "} {
		t := textinput.New()
		t.Prompt, t.EchoMode = label, textinput.EchoPassword
		t.SetVirtualCursor(false)
		m.secrets = append(m.secrets, t)
	}
	return m.secrets[0].Focus()
}
