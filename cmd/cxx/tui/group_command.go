package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// groupCommands are those about groups. All but the first two are about the group on
// the screen.
var groupCommands []command

func init() {
	groupCommands = []command{
		{"create", "NAME [SET…]", "make a group, as in /create tea join=open", nil, (*Model).cmdCreate},
		{"join", "GROUP [NICK]", "join a group, or ask to be let in", nil, (*Model).cmdJoin},
		{"members", "", "who is in it", nil, (*Model).cmdMembers},
		{"leave", "[REASON]", "leave it", nil, (*Model).cmdLeave},
		{"invite", "WHO…", "invite people", contactNames, actOnAll(im.ActInvite, "invited")},
		{"admit", "WHO…", "let in who has asked to join", waitingNames, actOnAll(im.ActAccept, "let in")},
		{"refuse", "WHO…", "turn down who has asked or is invited", waitingNames, actOnAll(im.ActRefuse, "turned down")},
		{"kick", "WHO [REASON]", "remove somebody", memberNames, actOn(im.Act{Do: im.ActKick}, "removed")},
		{"ban", "WHO [REASON]", "remove somebody for good", memberNames, actOn(im.Act{Do: im.ActRole, Role: im.RoleOutcast}, "banned")},
		{"role", "WHO ROLE", "visitor, member, admin, owner or none", memberNames, (*Model).cmdRole},
		{"mute", "WHO [TIME]", "keep somebody from writing, for 10m or for ever", memberNames, (*Model).cmdMute},
		{"unmute", "WHO", "let him write again", memberNames, actOn(im.Act{Do: im.ActUnmute}, "unmuted")},
		{"nick", "NICK", "what you are called here", nil, (*Model).cmdNick},
		{"topic", "TEXT", "what is talked about", nil, (*Model).cmdTopic},
		{"set", "SETTING…", "change settings, as in /set join=approval", settingNames, (*Model).cmdSet},
		{"pin", "", "keep it on top, or not", nil, (*Model).cmdPin},
		{"silent", "", "not in the count, or again", nil, (*Model).cmdSilent},
		{"retract", "", "take your last message back", nil, (*Model).cmdRetract},
	}
}

// offered are the commands that make sense now.
func (m *Model) offered() []command {
	if _, ok := m.selected(); ok {
		return append(slices.Clone(commands), groupCommands...)
	}
	return append(slices.Clone(commands), groupCommands[:2]...)
}

// here returns the group on the screen, or tells that there is none.
func (m *Model) here(name string) (im.GroupState, bool) {
	st, ok := m.selected()
	if !ok {
		m.fail("/" + name + " is about a group; open one first: Ctrl-K, or /join GROUP")
	}
	return st, ok
}

func memberNames(m *Model) (names []string) {
	for _, k := range m.members[im.GroupID(m.sel)] {
		if k.User != m.me && k.User != 0 && k.Role.In() {
			names = append(names, m.short(k.Addr))
		}
	}
	return names
}

func waitingNames(m *Model) (names []string) {
	for _, k := range m.members[im.GroupID(m.sel)] {
		if k.User != 0 && (k.Role == im.RoleAsking || k.Role == im.RoleInvited) {
			names = append(names, m.short(k.Addr))
		}
	}
	return names
}

func settingNames(*Model) []string {
	names := client.SettingNames()
	for i := range names {
		names[i] += "="
	}
	return names
}

// answerInvitation joins a group that the user is invited to, or declines.
func (m *Model) answerInvitation(st im.GroupState, accept bool) (bool, tea.Cmd) {
	if st.Me.Role != im.RoleInvited {
		return false, nil
	}
	b, g := m.back, st.Group.ID
	if !accept {
		return true, do("declined", func(ctx ctx) error { return b.DeclineGroup(ctx, g, "") })
	}
	return true, do("you are in "+m.groupTitle(&st), func(ctx ctx) error {
		_, err := b.JoinGroup(ctx, g, im.Joining{})
		return err
	})
}

func (m *Model) cmdCreate(args string) tea.Cmd {
	words := settingFields(args)
	if len(words) == 0 {
		m.fail("/create wants a name, as in /create tea or /create tea join=open title=Tea time")
		return nil
	}
	settings, err := parseSettings(words[1:])
	if err != nil {
		m.fail(say(err))
		return nil
	}
	g := im.Group{Addr: im.Addr{Local: strings.TrimPrefix(words[0], "#")}}
	client.SettingsOf(&g, settings...)
	b := m.back
	return m.openGroup(func(ctx ctx) (im.GroupState, error) { return b.CreateGroup(ctx, g, "") })
}

// openGroup shows a group that f has made or joined.
func (m *Model) openGroup(f func(ctx ctx) (im.GroupState, error)) tea.Cmd {
	return ask(func(ctx ctx) tea.Msg {
		st, err := f(ctx)
		return openMsg{st.Group.ID.Log(), st.Group.ID, err}
	})
}

func (m *Model) cmdJoin(args string) tea.Cmd {
	name, nick, _ := strings.Cut(args, " ")
	if name == "" {
		m.fail("/join wants a group, as in /join tea or /join tea@conference.example.org; one with a password /join tea password=SECRET")
		return nil
	}
	how := im.Joining{Nick: strings.TrimSpace(nick)}
	if word, rest, _ := strings.Cut(how.Nick, " "); strings.HasPrefix(word, "password=") {
		how.Password, how.Nick = strings.TrimPrefix(word, "password="), strings.TrimSpace(rest)
	}
	b := m.back
	return m.openGroup(func(ctx ctx) (im.GroupState, error) {
		st, err := b.FindGroup(ctx, name)
		if err == nil {
			st.Me, err = b.JoinGroup(ctx, st.Group.ID, how)
		}
		return st, err
	})
}

func (m *Model) cmdMembers(string) tea.Cmd {
	st, ok := m.here("members")
	if !ok {
		return nil
	}
	m.screen = screenMembers
	return m.loadMembers(st.Group.ID)
}

func (m *Model) cmdLeave(reason string) tea.Cmd {
	st, ok := m.here("leave")
	if !ok {
		return nil
	}
	b := m.back
	return do("you have left "+m.groupTitle(&st), func(ctx ctx) error { return b.LeaveGroup(ctx, st.Group.ID, reason) })
}

// actOn is a command that does something to one member.
func actOn(act im.Act, done string) func(*Model, string) tea.Cmd {
	return func(m *Model, args string) tea.Cmd {
		who, reason, _ := strings.Cut(args, " ")
		act.Reason = strings.TrimSpace(reason)
		return m.act(done, act, who)
	}
}

// actOnAll is a command that does the same to several.
func actOnAll(do im.ActVerb, done string) func(*Model, string) tea.Cmd {
	return func(m *Model, args string) tea.Cmd { return m.act(done, im.Act{Do: do}, strings.Fields(args)...) }
}

// act does something to users, all of them or none.
func (m *Model) act(done string, act im.Act, who ...string) tea.Cmd {
	if len(who) == 0 || who[0] == "" {
		m.fail("name whom you mean, by his address or @ and his nickname; /members lists them")
		return nil
	}
	st, ok := m.here("kick")
	if !ok {
		return nil
	}
	b, g := m.back, st.Group.ID
	return do(done+" "+strings.Join(who, ", "), func(ctx ctx) error {
		acts := make([]im.Act, len(who))
		for i, name := range who {
			u, err := b.ResolveIn(ctx, g, name)
			if err != nil {
				return err
			}
			acts[i] = act
			acts[i].User = u
		}
		return b.ActInGroup(ctx, g, acts...)
	})
}

func (m *Model) cmdRole(args string) tea.Cmd {
	who, word, _ := strings.Cut(args, " ")
	role, err := im.ParseRole(strings.TrimSpace(word))
	if err != nil || role == im.RoleInvited || role == im.RoleAsking {
		m.fail("/role wants a name and one of none, visitor, member, admin, owner")
		return nil
	}
	return m.act(fmt.Sprintf("%s is now", role), im.Act{Do: im.ActRole, Role: role}, who)
}

func (m *Model) cmdMute(args string) tea.Cmd {
	who, span, _ := strings.Cut(args, " ")
	if span = strings.TrimSpace(span); span == "" {
		span = "forever"
	}
	until, err := client.ParseMute(span)
	if err != nil {
		m.fail(say(err))
		return nil
	}
	return m.act("muted", im.Act{Do: im.ActMute, Until: until.UnixMilli()}, who)
}

func (m *Model) cmdNick(nick string) tea.Cmd {
	st, ok := m.here("nick")
	if !ok {
		return nil
	}
	b := m.back
	return do("you are called "+nick+" here", func(ctx ctx) error { return b.SetNick(ctx, st.Group.ID, nick) })
}

func (m *Model) cmdTopic(text string) tea.Cmd {
	return m.edit("topic", client.SetSubject(text))
}

func (m *Model) cmdSet(args string) tea.Cmd {
	settings, err := parseSettings(settingFields(args))
	if err == nil && len(settings) == 0 {
		err = im.Errorf(im.CodeInvalid, "/set wants a setting, as in /set join=approval; Tab lists them")
	}
	if err != nil {
		m.fail(say(err))
		return nil
	}
	return m.edit("set", settings...)
}

func (m *Model) edit(name string, settings ...client.GroupSetting) tea.Cmd {
	st, ok := m.here(name)
	if !ok {
		return nil
	}
	b := m.back
	return do("changed", func(ctx ctx) error { return b.EditGroup(ctx, st.Group.ID, settings...) })
}

// settingFields cuts a line at the blanks before a setting, so that values may have
// blanks.
func settingFields(line string) (words []string) {
	for _, w := range strings.Fields(line) {
		name, _, isSetting := strings.Cut(w, "=")
		if len(words) > 0 && strings.Contains(words[len(words)-1], "=") && !(isSetting && slices.Contains(client.SettingNames(), name)) {
			words[len(words)-1] += " " + w
			continue
		}
		words = append(words, w)
	}
	return words
}

func parseSettings(words []string) ([]client.GroupSetting, error) {
	list := make([]client.GroupSetting, len(words))
	for i, w := range words {
		var err error
		if list[i], err = client.ParseSetting(w); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (m *Model) cmdPin(string) tea.Cmd {
	return m.bookAs("pin", func(mb *im.Membership) { mb.Pinned = !mb.Pinned })
}

func (m *Model) cmdSilent(string) tea.Cmd {
	return m.bookAs("silent", func(mb *im.Membership) { mb.Silent = !mb.Silent })
}

func (m *Model) bookAs(name string, change func(*im.Membership)) tea.Cmd {
	st, ok := m.here(name)
	if !ok {
		return nil
	}
	mb := st.Membership
	change(&mb)
	b := m.back
	return do("changed on all your devices", func(ctx ctx) error { return b.BookGroup(ctx, st.Group.ID, mb.Pinned, mb.Silent) })
}

func (m *Model) cmdRetract(string) tea.Cmd {
	st, ok := m.here("retract")
	if !ok {
		return nil
	}
	b := m.back
	for _, e := range slices.Backward(m.chat(m.sel).entries) {
		if e.From == m.me && e.Kind == im.KindMessage && (e.Post == nil || !e.Post.Retracted) {
			return do("taken back", func(ctx ctx) error { return b.RetractInGroup(ctx, st.Group.ID, e.Seq, "") })
		}
	}
	m.fail("you have written nothing here that is loaded")
	return nil
}
