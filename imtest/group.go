package imtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func init() {
	for name, do := range map[string]im.ActVerb{
		"invite": im.ActInvite, "let": im.ActAccept, "refuse": im.ActRefuse, "kick": im.ActKick, "unmute": im.ActUnmute,
		"voice": im.ActVoice, "unvoice": im.ActUnvoice, "moderate": im.ActModerate, "eject": im.ActEject, "transfer": im.ActTransfer,
	} {
		verbs[name] = groupAct(do)
	}
	for name, do := range map[string]verb{
		"create": createGroup, "groups": groups, "say": say, "join": joinGroup, "leave": leaveGroup, "decline": declineGroup,
		"dissolve": dissolveGroup, "role": giveRole, "mute": mute, "called": groupNick, "set": editGroup, "subject": groupSubject,
		"timeline": timeline, "said": groupArchive, "members": members, "retract": retract, "seen": groupRead,
		"readers": readers, "book": book, "find": findGroup,
	} {
		verbs[name] = do
	}
}

var joinRules = map[string]uint32{"open": uint32(im.JoinOpen), "approval": uint32(im.JoinApproval), "invite": uint32(im.JoinInvite)}

// create team open [hidden] [history]: its address is team@conference.example.org
func createGroup(p *player, c *Client, args []string) error {
	rule, ok := joinRules[args[1]]
	if !ok {
		p.fail("a group is open, by approval or by invite, not %q", args[1])
	}
	g := &cxxpb.Group{Addr: args[0] + "@conference." + Domain, Title: args[0], Join: rule}
	for _, w := range args[2:] {
		switch w {
		case "hidden":
			g.Hidden = true
		case "history":
			g.History = true
		default:
			p.fail("no group is %q", w)
		}
	}
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{Group: g}}})
	if err == nil {
		c.names.put(args[0], im.UserID(r.GetGroup().GetGroup().GetId()))
	}
	return err
}

// groups: lists them, and follows from then on
func groups(_ *player, c *Client, _ []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{}}})
	if err != nil {
		return err
	}
	for _, g := range r.GetGroups().GetGroups() {
		line := fmt.Sprintf("listed %s %s unread %d", c.names.of(im.UserID(g.Group.Id)), im.Role(g.Me.Role), g.Unread)
		if g.Mentions > 0 {
			line += fmt.Sprintf(" mentions %d", g.Mentions)
		}
		c.hear(line + booked(g.Membership))
	}
	return nil
}

// say team "hi" [@bob] [@all] [id=word]: what begins with @ is mentioned
func say(p *player, c *Client, args []string) error {
	id := clientID(fmt.Sprint(c.Name, args, p.line))
	m := &cxxpb.Send{Group: uint64(p.user(args[0])), Text: p.text(args[1])}
	for _, w := range args[2:] {
		name, mention := strings.CutPrefix(w, "@")
		switch {
		case !mention:
			id = clientID(w)
		case name == "all":
			m.All = true
		default:
			m.Mentions = append(m.Mentions, uint64(p.user(name)))
		}
	}
	m.ClientId = id[:]
	return c.sendFrame(m)
}

func (c *Client) sendFrame(m *cxxpb.Send) error {
	c.nextID++
	m.Id = c.nextID
	return c.conn.Send(cxxpb.FrameType_FRAME_SEND, m)
}

// Say sends a message to a group; the ack comes as an event.
func (c *Client) Say(g im.GroupID, id im.ClientID, text string) error {
	return c.sendFrame(&cxxpb.Send{Group: uint64(g), ClientId: id[:], Text: text})
}

// SayWith is Say with elements, as the server keeps those of XMPP clients.
func (c *Client) SayWith(g im.GroupID, id im.ClientID, text, elements string) error {
	return c.sendFrame(&cxxpb.Send{Group: uint64(g), ClientId: id[:], Text: text, Ext: []byte(elements)})
}

// kick team bob
func groupAct(do im.ActVerb) verb {
	return func(p *player, c *Client, args []string) error {
		return c.act(p, args[0], &cxxpb.Act{Verb: uint32(do), User: uint64(p.user(args[1]))})
	}
}

// role team bob admin
func giveRole(p *player, c *Client, args []string) error {
	role, err := im.ParseRole(args[2]) // outcast bans him, none takes his role
	if err != nil {
		p.fail("%v", err)
	}
	return c.act(p, args[0], &cxxpb.Act{Verb: uint32(im.ActRole), User: uint64(p.user(args[1])), Role: uint32(role)})
}

// mute team bob [1h]: for a time, which may be over already; without one for ever
func mute(p *player, c *Client, args []string) error {
	a := &cxxpb.Act{Verb: uint32(im.ActMute), User: uint64(p.user(args[1]))}
	if len(args) > 2 {
		d, err := time.ParseDuration(args[2])
		p.check(err)
		a.UntilMs = uint64(time.Now().Add(d).UnixMilli())
	}
	return c.act(p, args[0], a)
}

func (c *Client) act(p *player, group string, a *cxxpb.Act) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: uint64(p.user(group)), Acts: []*cxxpb.Act{a}}}})
	return err
}

// join team ["note" ["password"]]
func joinGroup(p *player, c *Client, args []string) error {
	call := &cxxpb.GroupJoinCall{Group: uint64(p.user(args[0]))}
	if len(args) > 1 {
		call.Note = p.text(args[1])
	}
	if len(args) > 2 {
		call.Password = p.text(args[2])
	}
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupJoin{GroupJoin: call}})
	return err
}

// decline team
func declineGroup(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupDecline{GroupDecline: &cxxpb.GroupDeclineCall{Group: uint64(p.user(args[0]))}}})
	return err
}

// dissolve team
func dissolveGroup(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupDissolve{GroupDissolve: &cxxpb.GroupDissolveCall{Group: uint64(p.user(args[0]))}}})
	return err
}

// leave team
func leaveGroup(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupLeave{GroupLeave: &cxxpb.GroupLeaveCall{Group: uint64(p.user(args[0]))}}})
	return err
}
