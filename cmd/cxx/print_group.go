package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// groupLine is one JSON line about a group.
type groupLine struct {
	Addr     string            `json:"addr"`
	ID       string            `json:"id"`
	Title    string            `json:"title"`
	Role     string            `json:"role"`
	Nick     string            `json:"nick,omitempty"`
	Members  int               `json:"members"`
	Unread   int               `json:"unread"`
	Mentions int               `json:"mentions"`
	Head     uint64            `json:"head,omitempty"`
	Pinned   bool              `json:"pinned,omitempty"`
	Silent   bool              `json:"silent,omitempty"`
	Away     bool              `json:"away,omitempty"`
	Settings map[string]string `json:"settings"`
}

func (a *app) printGroup(st im.GroupState) {
	g := &st.Group
	if !a.json {
		extra := ""
		if st.Mentions > 0 {
			extra = fmt.Sprintf(", %d for you", st.Mentions)
		}
		if st.Membership.Pinned {
			extra += "  pinned"
		}
		if st.Away {
			fmt.Fprintf(a.out, "%-36s %-8s cannot be reached now%s  %s\n", g.Addr, st.Me.Role, extra, plain(g.Title))
			return
		}
		fmt.Fprintf(a.out, "%-36s %-8s %4d members  %4d unread%s  %s\n", g.Addr, st.Me.Role, st.Members, st.Unread, extra, plain(g.Title))
		return
	}
	l := groupLine{
		Addr: g.Addr.String(), ID: g.ID.String(), Title: g.Title, Role: st.Me.Role.String(), Nick: st.Me.Nick, Members: st.Members,
		Unread: st.Unread, Mentions: st.Mentions, Head: st.Head, Pinned: st.Membership.Pinned, Silent: st.Membership.Silent, Away: st.Away,
		Settings: make(map[string]string),
	}
	for _, kv := range client.ShowSettings(g) {
		l.Settings[kv[0]] = kv[1]
	}
	a.line(l)
}

func (a *app) printMember(m im.Member) {
	muted := m.Muted(time.Now())
	if a.json {
		l := struct {
			Nick  string `json:"nick"`
			Role  string `json:"role"`
			Addr  string `json:"addr,omitempty"`
			ID    string `json:"id,omitempty"`
			Muted bool   `json:"muted,omitempty"`
			Voice string `json:"voice,omitempty"`
			Note  string `json:"note,omitempty"`
			Pass  bool   `json:"passing,omitempty"`
		}{Nick: m.Nick, Role: m.Role.String(), Muted: muted, Voice: voiceWord(m.Voice), Note: m.Note, Pass: m.Passing}
		if m.User != 0 {
			l.Addr, l.ID = m.Addr.String(), m.User.String()
		}
		a.line(l)
		return
	}
	extra := []string{m.Role.String(), voiceWord(m.Voice)}
	if m.Passing {
		extra = append(extra, "passing")
	}
	if muted {
		extra = append(extra, "muted")
	}
	if m.Note != "" {
		extra = append(extra, "“"+plain(m.Note)+"”")
	}
	addr := ""
	if m.User != 0 {
		addr = m.Addr.String()
	}
	fmt.Fprintln(a.out, strings.TrimRight(fmt.Sprintf("    %-24s %-32s %s", plain(m.Nick), addr, strings.Join(strings.Fields(strings.Join(extra, " ")), " ")), " "))
}

func voiceWord(v im.Voice) string {
	switch v {
	case im.VoiceGranted:
		return "voice"
	case im.VoiceModerator:
		return "moderator"
	}
	return ""
}

// describeGroup renders an event of a group; false: it is none.
func (a *app) describeGroup(ctx context.Context, c *client.Client, ev client.Event) (eventLine, bool) {
	switch ev := ev.(type) {
	case client.GroupMessage:
		return a.groupMessage(ctx, c, ev), true
	case client.GroupChanged:
		l := changeLine(c, "group", ev.Entry.Group)
		l.Seq, l.MsgID, l.Time = ev.Seq, ev.MsgID.String(), stamp(ev.MsgID.Time())
		l.Group, l.GroupID = groupName(c, ev.Group), ev.Group.String()
		return l, true
	case client.GroupInvitation:
		l := changeLine(c, "invitation", &ev.Event)
		l.Seq, l.From, l.FromID = ev.Seq, a.name(ctx, c, ev.From), ev.From.String()
		return l, true
	case client.GroupRequest:
		l := changeLine(c, "join_request", &ev.Event)
		l.Seq, l.From, l.FromID = ev.Seq, ev.Event.Member.Addr.String(), ev.Event.Member.User.String()
		return l, true
	case client.GroupMembership:
		l := changeLine(c, "membership", &ev.Event)
		l.Seq = ev.Seq
		if m := ev.Event.Membership; m != nil {
			l.Role, l.Nick = m.Role.String(), m.Nick
		}
		return l, true
	case client.GroupReadMine:
		return eventLine{Type: "group_read", Group: groupName(c, ev.Group), GroupID: ev.Group.String(), Seq: ev.Seq, UpTo: fmt.Sprint(ev.UpTo), State: "self"}, true
	case client.GroupRead:
		return eventLine{Type: "group_read", Group: groupName(c, ev.Group), GroupID: ev.Group.String(), Nick: ev.Nick, UpTo: fmt.Sprint(ev.UpTo)}, true
	case client.GroupsCaughtUp:
		return eventLine{Type: "groups_ready"}, true
	}
	return eventLine{}, false
}

func (a *app) groupMessage(ctx context.Context, c *client.Client, m client.GroupMessage) eventLine {
	l := eventLine{
		Type: "group_message", Group: groupName(c, m.Group), GroupID: m.Group.String(), Nick: m.Nick(), Seq: m.Seq, MsgID: m.MsgID.String(),
		Text: m.Text, Time: stamp(m.Time()), Mentioned: m.Mentioned,
	}
	if m.Mine {
		l.Type = "group_sent"
	}
	if m.Post != nil && m.Post.Retracted {
		l.State = "retracted"
	}
	if m.From != 0 {
		l.From, l.FromID = a.name(ctx, c, m.From), m.From.String()
	}
	if m.Mine && !m.ClientID.IsZero() {
		l.ClientID = m.ClientID.String()
	}
	return l
}

// changeLine is a line about a change of a group.
func changeLine(c *client.Client, kind string, ev *im.GroupEvent) eventLine {
	l := eventLine{
		Type: kind, Group: groupName(c, ev.ID), GroupID: ev.ID.String(), State: client.ChangeWord(ev.What), By: ev.ByNick,
		Reason: ev.Reason, Status: client.ChangeText(ev),
	}
	if m := ev.Member; m != nil {
		l.Nick, l.Role = m.Nick, m.Role.String()
	}
	if ev.Group != nil {
		l.Name = ev.Group.Title
	}
	return l
}

func groupName(c *client.Client, g im.GroupID) string {
	if l, ok := c.KnownGroup(g); ok {
		return l.String()
	}
	return "group-" + g.String()
}

// humanGroup is the line for people about a group.
func (l eventLine) humanGroup() string {
	switch l.Type {
	case "group_message", "group_sent":
		at, _ := time.Parse(time.RFC3339, l.Time)
		text := plain(l.Text)
		if l.State == "retracted" {
			text = "(taken back)"
		}
		return fmt.Sprintf("%s  %s  %s: %s", at.Local().Format("2006-01-02 15:04:05"), l.Group, plain(l.Nick), text)
	case "group":
		return l.change()
	case "invitation":
		return strings.TrimSpace(fmt.Sprintf("%s invites you to %s %s (cxx join %s) %s", l.From, l.Group, plain(l.Name), l.Group, plain(l.Reason)))
	case "join_request":
		return fmt.Sprintf("%s asks to join %s: %s (cxx admit %s %s)", l.From, l.Group, plain(l.Reason), l.Group, l.From)
	case "membership":
		if role, err := im.ParseRole(l.Role); err == nil && role.In() && l.State != client.ChangeWord(im.GroupBooked) {
			return "" // the timeline tells the same
		}
		return l.change()
	}
	return ""
}

// change is the sentence for a change, when there is one.
func (l eventLine) change() string {
	if l.Status == "" {
		return ""
	}
	return fmt.Sprintf("%s: %s", l.Group, plain(l.Status))
}
