package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// postBlock is an entry of a group, ready to be wrapped.
func (m *Model) postBlock(c *chat, e im.Entry) block {
	b := block{at: e.MsgID.Time(), mine: e.From == m.me, text: e.Text}
	switch {
	case e.Group != nil:
		b.news = oneLine(client.ChangeText(e.Group))
		return b
	case e.Post == nil:
	case e.Post.Retracted:
		b.who, b.text = oneLine(e.Post.Nick), "(taken back)"
		return b
	default:
		b.who = oneLine(e.Post.Nick)
	}
	if e.Text == "" && len(e.Ext) > 0 {
		b.text = "(something this version cannot show)"
	}
	switch {
	case !b.mine:
	case m.readTo[c.peer] >= e.Seq:
		b.mark = styleGood.Render("✓✓")
	default:
		b.mark = styleDim.Render("✓")
	}
	return b
}

// newsLines draw what has happened in a group.
func newsLines(at, news string, w int) []string {
	lines := strings.Split(ansi.Wrap(news, max(w-10, 8), ""), "\n")
	for i, l := range lines {
		lead := " " + at + " · "
		if i > 0 {
			lead = strings.Repeat(" ", ansi.StringWidth(lead))
		}
		lines[i] = styleDim.Render(lead + l)
	}
	return lines
}

func (m *Model) groupHeader(st *im.GroupState) string {
	s := " " + styleDim.Render("#") + " " + styleTitle.Render(m.groupTitle(st)) + styleDim.Render("  "+st.Group.Addr.Local)
	if st.Me.Role.In() {
		s += styleDim.Render(fmt.Sprintf("  %d members", st.Members))
	}
	if t := oneLine(st.Group.Subject); t != "" {
		s += styleDim.Render("  " + t)
	}
	return s
}

// invitationLines say what the user can do about a group that he is not in.
func (m *Model) invitationLines(st *im.GroupState) []string {
	title := oneLine(st.Group.Title)
	if st.Me.Role == im.RoleAsking {
		return []string{styleTitle.Render("You have asked to join " + title + "."), styleDim.Render("An admin has to let you in.")}
	}
	by := ""
	if st.Me.By != 0 {
		by = " by " + m.name(st.Me.By)
	}
	lines := []string{styleTitle.Render("You are invited to " + title + by + ".")}
	if st.Group.About != "" {
		lines = append(lines, oneLine(st.Group.About))
	}
	if st.Me.Note != "" {
		lines = append(lines, "“"+oneLine(st.Me.Note)+"”")
	}
	return append(lines, styleDim.Render("Ctrl-Y joins, Ctrl-X declines."))
}

// memberLines list who is in the group, those with the most to say first.
func (m *Model) memberLines(h int) []string {
	st, ok := m.selected()
	if !ok {
		return []string{styleDim.Render("No group is open.")}
	}
	list := m.members[st.Group.ID]
	lines := []string{styleTitle.Render("Members of " + m.groupTitle(&st)), ""}
	if list == nil {
		return append(lines, styleDim.Render("loading …"))
	}
	for i, k := range list {
		if len(lines) >= h-3 && len(list)-i > 1 {
			lines = append(lines, styleDim.Render(fmt.Sprintf("  … and %d more", len(list)-i)))
			break
		}
		lines = append(lines, m.memberLine(&k))
	}
	return append(lines, "", styleDim.Render("★ owner  ☆ admin. /kick, /role, /mute WHO; Esc goes back."))
}

func (m *Model) memberLine(k *im.Member) string {
	name := oneLine(k.Nick)
	if name == "" {
		name = k.Addr.Local
	}
	var more []string
	if k.User != 0 {
		more = append(more, m.short(k.Addr))
	}
	if k.Role < im.RoleMember {
		more = append(more, k.Role.String())
	}
	if k.Voice == im.VoiceModerator {
		more = append(more, "moderator")
	}
	if k.Muted(m.now()) {
		more = append(more, "muted")
	}
	show := " "
	if p, ok := m.presence[k.User]; ok && k.User != 0 {
		show = dot(p.Show)
	}
	return " " + show + " " + roleMark(k.Role) + " " + name + styleDim.Render("  "+strings.Join(more, ", "))
}
