package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// eventLine is one JSON line of listen and history. Numbers that JavaScript
// cannot hold are strings. The field names are fixed: others script them.
type eventLine struct {
	Type     string `json:"type"`
	From     string `json:"from,omitempty"`
	To       string `json:"to,omitempty"`
	Seq      uint64 `json:"seq,omitempty"`
	MsgID    string `json:"msg_id,omitempty"`
	Text     string `json:"text,omitempty"`
	Time     string `json:"time,omitempty"`
	FromID   string `json:"from_id,omitempty"`
	ToID     string `json:"to_id,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	UpTo     string `json:"up_to,omitempty"` // read: the newest message that was read
	State    string `json:"state,omitempty"` // contact, presence
	Status   string `json:"status,omitempty"`
	Name     string `json:"name,omitempty"`
	Server   string `json:"server,omitempty"`
	Error    string `json:"error,omitempty"`
	RetryMS  int64  `json:"retry_ms,omitempty"`

	// Of groups.
	Group     string `json:"group,omitempty"` // its address
	GroupID   string `json:"group_id,omitempty"`
	Nick      string `json:"nick,omitempty"` // of the sender, or of whom it is about
	Role      string `json:"role,omitempty"`
	By        string `json:"by,omitempty"` // the nickname of who did it
	Reason    string `json:"reason,omitempty"`
	Mentioned bool   `json:"mentioned,omitempty"`
}

type ackLine struct {
	Type      string `json:"type"`
	To        string `json:"to"`
	Seq       uint64 `json:"seq"`
	MsgID     string `json:"msg_id"`
	ClientID  string `json:"client_id"`
	Time      string `json:"time"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// line writes one JSON object. Standard output is not buffered, so whoever
// reads along has it at once.
func (a *app) line(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		fmt.Fprintf(a.errs, "cxx: %v\n", err) // strings and numbers always marshal
		return
	}
	_, _ = a.out.Write(append(b, '\n'))
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// plain makes text safe for a terminal: what others have written must not move
// the cursor, change colours or turn the line around.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}

func (a *app) name(ctx context.Context, c *client.Client, u im.UserID) string {
	addr, err := c.AddrOf(ctx, u)
	if err != nil || addr.IsZero() {
		return "user-" + u.String()
	}
	return addr.String()
}

// printEvent prints an event in the form the flags ask for.
func (a *app) printEvent(ctx context.Context, c *client.Client, ev client.Event) error {
	l, ok := a.describe(ctx, c, ev)
	switch {
	case !ok:
		return ctx.Err()
	case a.json:
		a.line(l)
	default:
		if text := l.human(); text != "" {
			fmt.Fprintln(a.out, text)
		}
	}
	return ctx.Err()
}

// describe renders an event; false: there is nothing to say about it.
func (a *app) describe(ctx context.Context, c *client.Client, ev client.Event) (eventLine, bool) {
	me, _, _ := c.Me()
	switch ev := ev.(type) {
	case client.Message:
		return a.message(ctx, c, ev, me), true
	case client.Read:
		reader, other := ev.Peer, me
		if ev.Mine {
			reader, other = me, ev.Peer
		}
		return eventLine{
			Type: "read", From: a.name(ctx, c, reader), To: a.name(ctx, c, other), Seq: ev.Seq, UpTo: ev.UpTo.String(),
			FromID: reader.String(), ToID: other.String(),
		}, true
	case client.ContactRequest:
		return contactLine("contact_request", ev.Contact, ev.Seq), true
	case client.ContactChanged:
		return contactLine("contact", ev.Contact, ev.Seq), true
	case client.DeviceChanged:
		return eventLine{Type: "device", Seq: ev.Seq, Name: ev.Device.Name, State: deviceState(ev.Device)}, true
	case client.BlocksChanged:
		return blockLine(ev), true
	case client.Presence:
		return eventLine{Type: "presence", From: a.name(ctx, c, ev.User), FromID: ev.User.String(), State: ev.Show.String(), Status: ev.Status}, true
	case client.Typing:
		state := "typing"
		if ev.Kind == im.SignalStopped {
			state = "stopped"
		}
		l := eventLine{Type: "typing", State: state, Nick: ev.Nick}
		if ev.User != 0 {
			l.From, l.FromID = a.name(ctx, c, ev.User), ev.User.String()
		}
		if ev.Group != 0 {
			l.Group, l.GroupID = groupName(c, ev.Group), ev.Group.String()
		}
		return l, true
	case client.Connected:
		return eventLine{Type: "connected", Server: ev.Server, Name: ev.Addr.String()}, true
	case client.CaughtUp:
		return eventLine{Type: "ready", Seq: ev.Seq}, true
	case client.Disconnected:
		return eventLine{Type: "disconnected", Error: brief(ev.Err), RetryMS: ev.RetryIn.Milliseconds()}, true
	case client.Regressed:
		return eventLine{Type: "regressed", Seq: ev.Head, Error: "the server was restored from an older backup"}, true
	case client.StateError:
		return eventLine{Type: "state_error", Error: ev.Err.Error()}, true
	}
	return a.describeGroup(ctx, c, ev)
}

func (a *app) message(ctx context.Context, c *client.Client, m client.Message, me im.UserID) eventLine {
	l := eventLine{Type: "message", Seq: m.Seq, MsgID: m.MsgID.String(), Text: m.Text, Time: stamp(m.Time())}
	from, to := m.Peer, me
	if m.Mine {
		from, to = me, m.Peer
		l.Type = "sent"
	}
	l.From, l.To, l.FromID, l.ToID = a.name(ctx, c, from), a.name(ctx, c, to), from.String(), to.String()
	if !m.ClientID.IsZero() {
		l.ClientID = m.ClientID.String()
	}
	return l
}

func contactLine(kind string, k im.Contact, seq uint64) eventLine {
	return eventLine{
		Type: kind, From: k.Addr.String(), FromID: k.User.String(), Seq: seq, State: contactState(k), Name: k.Name, Text: k.Note,
	}
}

func blockLine(ev client.BlocksChanged) eventLine {
	state, list := "blocked", ev.Block.Blocked
	if len(list) == 0 {
		state, list = "unblocked", ev.Block.Unblocked
	}
	var words []string
	for _, a := range list {
		words = append(words, blockWord(a))
	}
	if ev.Block.Cleared {
		words = []string{"everybody"}
	}
	return eventLine{Type: "block", Seq: ev.Seq, State: state, Name: strings.Join(words, " ")}
}

func contactState(k im.Contact) string {
	switch {
	case k.Sub.Has(im.SubPendingIn):
		return "asks"
	case k.Sub.Has(im.SubBoth):
		return "friend"
	case k.Sub.Has(im.SubPendingOut):
		return "asked"
	case k.Sub.Has(im.SubTo):
		return "to"
	case k.Sub.Has(im.SubFrom):
		return "from"
	case !k.Listed:
		return "removed"
	}
	return "none"
}

func deviceState(d im.Device) string {
	if d.Revoked {
		return "revoked"
	}
	return "active"
}

// human is the line for people.
func (l eventLine) human() string {
	switch l.Type {
	case "message", "sent":
		at, _ := time.Parse(time.RFC3339, l.Time)
		return fmt.Sprintf("%s  %s → %s: %s", at.Local().Format("2006-01-02 15:04:05"), l.From, l.To, plain(l.Text))
	case "read":
		return fmt.Sprintf("%s has read what %s wrote", l.From, l.To)
	case "contact_request":
		return fmt.Sprintf("%s asks to be your contact: %s (cxx accept %s)", l.From, plain(l.Text), l.From)
	case "contact":
		return fmt.Sprintf("contact %s: %s", l.From, l.State)
	case "block":
		return fmt.Sprintf("%s: %s", l.State, plain(l.Name))
	case "device":
		return fmt.Sprintf("device %s: %s", plain(l.Name), l.State)
	case "presence":
		return fmt.Sprintf("%s is %s %s", l.From, l.State, plain(l.Status))
	case "ready":
		return "listening; Ctrl-C ends it"
	case "disconnected":
		return "disconnected: " + l.Error
	case "regressed", "state_error":
		return l.Error
	}
	return l.humanGroup()
}

func (a *app) printConversation(ctx context.Context, c *client.Client, v im.Conversation) error {
	with := a.name(ctx, c, v.Peer)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !a.json {
		fmt.Fprintf(a.out, "%-32s %4d unread  %s  %s\n", with, v.Unread, v.Last.MsgID.Time().Local().Format("2006-01-02 15:04"), plain(v.Last.Text))
		return nil
	}
	a.line(struct {
		With   string `json:"with"`
		WithID string `json:"with_id"`
		Unread int    `json:"unread"`
		Seq    uint64 `json:"seq"`
		MsgID  string `json:"msg_id"`
		Text   string `json:"text"`
		Time   string `json:"time"`
	}{with, v.Peer.String(), v.Unread, v.Last.Seq, v.Last.MsgID.String(), v.Last.Text, stamp(v.Last.MsgID.Time())})
	return nil
}
