package imtest

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// circles are the words for who may do something, by their numbers.
var circles = []string{"anyone", "members", "admins", "nobody"}

// setting says how a setting of a group is written: the number of its field, and how
// a word goes into it.
type setting struct {
	field uint32
	put   func(p *player, g *cxxpb.Group, word string)
}

var groupSettings = map[string]setting{
	"title":     {3, func(p *player, g *cxxpb.Group, w string) { g.Title = p.text(w) }},
	"announce":  {9, func(p *player, g *cxxpb.Group, w string) { g.Announcement = p.text(w) }},
	"join":      {11, func(_ *player, g *cxxpb.Group, w string) { g.Join = joinRules[w] }},
	"speak":     {12, func(p *player, g *cxxpb.Group, w string) { g.Speak = p.circle(w) }},
	"invite":    {13, func(p *player, g *cxxpb.Group, w string) { g.Invite = p.circle(w) }},
	"topic":     {14, func(p *player, g *cxxpb.Group, w string) { g.Topic = p.circle(w) }},
	"mention":   {15, func(p *player, g *cxxpb.Group, w string) { g.MentionAll = p.circle(w) }},
	"private":   {16, func(p *player, g *cxxpb.Group, w string) { g.Private = p.circle(w) }},
	"list":      {17, func(p *player, g *cxxpb.Group, w string) { g.List = p.circle(w) }},
	"hidden":    {18, func(_ *player, g *cxxpb.Group, w string) { g.Hidden = w == "yes" }},
	"history":   {19, func(_ *player, g *cxxpb.Group, w string) { g.History = w == "yes" }},
	"temporary": {21, func(_ *player, g *cxxpb.Group, w string) { g.Temporary = w == "yes" }},
	"muted":     {23, func(_ *player, g *cxxpb.Group, w string) { g.MutedUntilMs = whetherMuted[w] }},
	"most":      {24, func(p *player, g *cxxpb.Group, w string) { g.MaxMembers = uint32(p.number(w)) }},
}

var whetherMuted = map[string]uint64{"yes": uint64(im.Forever.UnixMilli())}

func (p *player) circle(word string) uint32 {
	p.t.Helper()
	i := slices.Index(circles, word)
	if i < 0 {
		p.fail("%q is nobody; there are %v", word, circles)
	}
	return uint32(i)
}

// set team speak admins
func editGroup(p *player, c *Client, args []string) error {
	s, ok := groupSettings[args[1]]
	if !ok {
		p.fail("a group has no setting %s", args[1])
	}
	g := &cxxpb.Group{Id: uint64(p.user(args[0]))}
	s.put(p, g, args[2])
	return c.edit(g, s.field)
}

// subject team "tea"
func groupSubject(p *player, c *Client, args []string) error {
	return c.edit(&cxxpb.Group{Id: uint64(p.user(args[0])), Subject: p.text(args[1])}, 6)
}

func (c *Client) edit(g *cxxpb.Group, field uint32) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupEdit{GroupEdit: &cxxpb.GroupEditCall{Group: g, Fields: []uint32{field}}}})
	return err
}

// called team "Bobby": the own nickname
func groupNick(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupNick{GroupNick: &cxxpb.GroupNickCall{Group: uint64(p.user(args[0])), Nick: p.text(args[1])}}})
	return err
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
	from := c.names.of(e.From)
	if e.From == 0 { // the group is hidden
		from = strconv.Quote(e.Post.Nick)
	}
	c.names.post(im.UserID(g), e.Seq, e.MsgID)
	line := fmt.Sprintf("post %d %s from %s %q", e.MsgID, group, from, e.Text)
	if e.Post == nil {
		return line
	}
	for _, u := range e.Post.Mentions {
		line += " @" + c.names.of(u)
	}
	if e.Post.All {
		line += " @all"
	}
	if e.Post.Retracted {
		line += " retracted"
	}
	return line
}

// booked says what the user's devices share about a group.
func booked(m *cxxpb.Membership) (line string) {
	if m.GetPinned() {
		line += " pinned"
	}
	if m.GetSilent() {
		line += " silent"
	}
	return line
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
	switch m := ev.Member; {
	case ev.Membership != nil && ev.What == im.GroupBooked:
		s += booked(proto.MembershipToPB(ev.Membership))
	case m == nil:
	case m.User != 0:
		s += " " + c.names.of(m.User)
	case m.Nick != "": // the group is hidden
		s += " " + strconv.Quote(m.Nick)
	}
	if ev.What == im.GroupRole {
		s += " " + ev.Member.Role.String()
	}
	return s
}
