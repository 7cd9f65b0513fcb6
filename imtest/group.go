package imtest

import (
	"fmt"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func init() {
	for name, do := range map[string]im.ActVerb{
		"invite": im.ActInvite, "let": im.ActAccept, "refuse": im.ActRefuse, "kick": im.ActKick,
		"mute": im.ActMute, "unmute": im.ActUnmute, "transfer": im.ActTransfer,
	} {
		verbs[name] = groupAct(do)
	}
	verbs["create"] = createGroup
	verbs["groups"] = groups
	verbs["say"] = say
	verbs["join"] = joinGroup
	verbs["leave"] = leaveGroup
	verbs["role"] = giveRole
	verbs["timeline"] = timeline
}

var joinRules = map[string]uint32{"open": uint32(im.JoinOpen), "approval": uint32(im.JoinApproval), "invite": uint32(im.JoinInvite)}

// create team open: its address is team@conference.example.org
func createGroup(p *player, c *Client, args []string) error {
	rule, ok := joinRules[args[1]]
	if !ok {
		p.fail("a group is open, by approval or by invite, not %q", args[1])
	}
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{Group: &cxxpb.Group{Addr: args[0] + "@conference." + Domain, Title: args[0], Join: rule}}}})
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
		c.hear(fmt.Sprintf("listed %s %s unread %d", c.names.of(im.UserID(g.Group.Id)), im.Role(g.Me.Role), g.Unread))
	}
	return nil
}

// say team "hi"
func say(p *player, c *Client, args []string) error {
	id := clientID(fmt.Sprint(c.Name, args, p.line))
	c.nextID++
	return c.conn.Send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: c.nextID, Group: uint64(p.user(args[0])), ClientId: id[:], Text: p.text(args[1])})
}

// kick team bob
func groupAct(do im.ActVerb) verb {
	return func(p *player, c *Client, args []string) error {
		return c.act(p, args[0], &cxxpb.Act{Verb: uint32(do), User: uint64(p.user(args[1]))})
	}
}

// role team bob admin
func giveRole(p *player, c *Client, args []string) error {
	role, err := im.ParseRole(args[2])
	if err != nil {
		p.fail("%v", err)
	}
	return c.act(p, args[0], &cxxpb.Act{Verb: uint32(im.ActRole), User: uint64(p.user(args[1])), Role: uint32(role)})
}

func (c *Client) act(p *player, group string, a *cxxpb.Act) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: uint64(p.user(group)), Acts: []*cxxpb.Act{a}}}})
	return err
}

// join team
func joinGroup(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupJoin{GroupJoin: &cxxpb.GroupJoinCall{Group: uint64(p.user(args[0]))}}})
	return err
}

// leave team
func leaveGroup(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupLeave{GroupLeave: &cxxpb.GroupLeaveCall{Group: uint64(p.user(args[0]))}}})
	return err
}

// timeline team 0: the entries come as if they were pushed
func timeline(p *player, c *Client, args []string) error {
	g := uint64(p.user(args[0]))
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: g, Cursor: uint64(p.number(args[1]))}}})
	if err != nil {
		return err
	}
	for _, e := range r.GetSync().GetEntries() {
		c.hear(c.renderPost(g, e))
	}
	return nil
}

// posted checks what holds for every timeline: nothing comes twice, nothing out of
// order.
func (c *Client) posted(g uint64, e *cxxpb.Entry) {
	c.mu.Lock()
	if c.posts == nil {
		c.posts = make(map[uint64]uint64)
	}
	if e.Seq <= c.posts[g] {
		c.t.Errorf("%s: entry %d of a timeline was pushed after entry %d", c.Name, e.Seq, c.posts[g])
	}
	c.posts[g] = e.Seq
	c.mu.Unlock()
	c.hear(c.renderPost(g, e))
}

func (c *Client) renderPost(g uint64, p *cxxpb.Entry) string {
	e := proto.TimelineEntryFromPB(p)
	group := c.names.of(im.UserID(g))
	if e.Group != nil {
		return c.renderEvent(group, e.Group)
	}
	return fmt.Sprintf("post %d %s from %s %q", e.MsgID, group, c.names.of(e.From), e.Text)
}

var verbNames = map[im.GroupVerb]string{
	im.GroupCreated: "created", im.GroupChanged: "changed", im.GroupSubject: "subject", im.GroupJoined: "joined", im.GroupLeft: "left",
	im.GroupInvited: "invited", im.GroupDeclined: "declined", im.GroupAsked: "asked", im.GroupRefused: "refused", im.GroupKicked: "kicked",
	im.GroupBanned: "banned", im.GroupUnbanned: "unbanned", im.GroupRole: "role", im.GroupVoice: "voice", im.GroupNick: "nick",
	im.GroupRetracted: "retracted", im.GroupDissolved: "dissolved", im.GroupExpelled: "expelled", im.GroupBooked: "booked",
}

// renderEvent is the line for a change of a group in its timeline.
func (c *Client) renderEvent(group string, ev *im.GroupEvent) string {
	s := fmt.Sprintf("group %s %s", group, verbNames[ev.What])
	if m := ev.Member; m != nil && m.User != 0 {
		s += " " + c.names.of(m.User)
	}
	return s
}
