package clienttest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// group is a group of the cell. Of the rules it knows who is in it, who is muted and
// who owns it.
type group struct {
	im.Group
	members  map[im.UserID]*im.Member
	timeline []im.Entry
	sent     map[postID]im.Ack
}

type postID struct {
	user im.UserID
	id   im.ClientID
}

// AddGroup makes a group with members, of whom the first is its owner.
func (x *Cell) AddGroup(name string, members ...im.UserID) im.GroupID {
	x.mu.Lock()
	defer x.mu.Unlock()
	g := x.makeGroup(im.Group{Addr: im.Addr{Local: name}, Title: name}, x.users[members[0]], "")
	for _, u := range members[1:] {
		x.admit(g, x.users[u], "")
	}
	return g.ID
}

// makeGroup runs with mu held, as all below.
func (x *Cell) makeGroup(settings im.Group, owner *user, nick string) *group {
	g := &group{Group: settings, members: make(map[im.UserID]*im.Member), sent: make(map[postID]im.Ack)}
	g.ID = im.GroupID(im.MakeUserID(0, uint64(1000+len(x.rooms))))
	g.Addr = im.Addr{Local: cmp.Or(g.Addr.Local, "g"+g.ID.String()), Domain: "conference." + x.Domain}
	g.Title, g.Created, g.Creator = cmp.Or(g.Title, g.Addr.Local), time.Now().UTC(), owner.id
	x.rooms[g.ID] = g
	m := &im.Member{User: owner.id, Addr: owner.addr, Role: im.RoleOwner, Nick: cmp.Or(nick, owner.addr.Local)}
	g.members[owner.id] = m
	x.change(g, owner, im.GroupCreated, m, "")
	return g
}

// change logs an event about a member in the timeline, and at his home.
func (x *Cell) change(g *group, by *user, what im.GroupVerb, m *im.Member, reason string) {
	shown := *m
	ev := im.GroupEvent{What: what, ID: g.ID, Member: &shown, Reason: reason}
	if m := g.members[by.id]; m != nil {
		ev.ByNick = m.Nick
	}
	seq := x.post(g, im.Entry{Kind: im.KindGroup, From: by.id, Group: &ev})
	u, at := x.users[m.User], x.users[m.User].booked[g.ID]
	at.User, at.Group, at.Addr, at.Title, at.Role, at.Nick, at.Version = u.id, g.ID, g.Addr, g.Title, m.Role, m.Nick, seq
	u.booked[g.ID] = at
	home, settings := ev, g.Group
	home.Membership, home.Group = &at, &settings
	x.log(u, im.Entry{Kind: im.KindGroup, From: by.id, Peer: u.id, Group: &home}, nil)
}

// admit makes a user a member.
func (x *Cell) admit(g *group, u *user, nick string) *im.Member {
	m := &im.Member{User: u.id, Addr: u.addr, Role: im.RoleMember, Nick: cmp.Or(nick, u.addr.Local)}
	if !g.History {
		m.From = uint64(len(g.timeline))
	}
	m.ReadTo = uint64(len(g.timeline))
	g.members[u.id] = m
	x.change(g, u, im.GroupJoined, m, "")
	return m
}

// remove takes a member out.
func (x *Cell) remove(g *group, by *user, what im.GroupVerb, m *im.Member, role im.Role, reason string) {
	m.Role = role
	x.change(g, by, what, m, reason)
	if role == im.RoleNone {
		delete(g.members, m.User)
	}
}

// post appends to a timeline and pushes to whoever follows and may see it.
func (x *Cell) post(g *group, e im.Entry) uint64 {
	if e.MsgID == 0 {
		e.MsgID = x.clock.Next()
	}
	e.Seq = uint64(len(g.timeline) + 1)
	g.timeline = append(g.timeline, e)
	for c := range x.conns {
		gone := e.Group != nil && e.Group.Member != nil && c.user != nil && e.Group.Member.User == c.user.id
		if c.follow && c.user != nil && (g.in(c.user.id) || gone) && (x.OnPost == nil || x.OnPost(c, g.ID, e) == Pass) {
			c.pushPost(g.ID, e)
		}
	}
	return e.Seq
}

// at finds the message at a seq.
func (g *group) at(seq uint64) (*im.Entry, *im.Error) {
	if seq == 0 || seq > uint64(len(g.timeline)) || g.timeline[seq-1].Kind != im.KindMessage {
		return nil, im.Errorf(im.CodeNotFound, "there is no message %d in the group", seq)
	}
	return &g.timeline[seq-1], nil
}

func (g *group) in(u im.UserID) bool { return g.members[u] != nil && g.members[u].Role.In() }

func (c *Conn) pushPost(g im.GroupID, e im.Entry) { c.raw(proto.AppendPost(nil, g, &e)) }

// commitPost commits a message to a group.
func (x *Cell) commitPost(from *user, m im.Outgoing, _ *Conn) (im.Ack, *im.Error) {
	g := x.rooms[m.Group]
	if g == nil || !g.in(from.id) {
		return im.Ack{}, im.Errorf(im.CodeNotMember, "you are not in the group")
	}
	key := postID{from.id, m.ClientID}
	if ack, ok := g.sent[key]; ok && !m.ClientID.IsZero() {
		ack.Duplicate = true
		return ack, nil
	}
	me := g.members[from.id]
	if e := im.MaySpeak(&g.Group, me, time.Now()); e != nil {
		return im.Ack{}, e
	}
	e := im.Entry{
		MsgID: x.clock.Next(), Kind: im.KindMessage, From: from.id, ClientID: m.ClientID, Text: m.Text, Ext: m.Ext,
		Post: &im.Post{Nick: me.Nick, Mentions: m.Mentions, All: m.All},
	}
	ack := im.Ack{MsgID: e.MsgID, Seq: x.post(g, e)}
	g.sent[key] = ack
	return ack, nil
}

// SayGroup commits a message as if from had sent it from elsewhere, and pushes it.
func (x *Cell) SayGroup(from im.UserID, g im.GroupID, text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, _ = x.commitPost(x.users[from], im.Outgoing{Group: g, Text: text}, nil)
}

// Kick removes somebody from a group, as its owner would.
func (x *Cell) Kick(g im.GroupID, u im.UserID) {
	x.Do(func() {
		r := x.rooms[g]
		x.remove(r, x.users[r.Creator], im.GroupKicked, r.members[u], im.RoleNone, "")
	})
}

// Join makes somebody a member from elsewhere.
func (x *Cell) Join(g im.GroupID, u im.UserID) { x.Do(func() { x.admit(x.rooms[g], x.users[u], "") }) }

// PushPost pushes entries of a timeline to all sessions of u, in the given order,
// whatever they have seen.
func (x *Cell) PushPost(u im.UserID, g im.GroupID, seqs ...uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.sessions(u) {
		for _, seq := range seqs {
			c.pushPost(g, x.rooms[g].timeline[seq-1])
		}
	}
}

// Moved tells all sessions of u how far a timeline has come.
func (x *Cell) Moved(u im.UserID, g im.GroupID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.sessions(u) {
		c.write(cxxpb.FrameType_FRAME_MOVED, &cxxpb.Moved{Group: uint64(g), Head: uint64(len(x.rooms[g].timeline))})
	}
}

// Timeline returns a copy of a group's timeline.
func (x *Cell) Timeline(g im.GroupID) (all []im.Entry) {
	x.Do(func() { all = slices.Clone(x.rooms[g].timeline) })
	return all
}

// TruncateGroup cuts a timeline, as a restore from a backup does.
func (x *Cell) TruncateGroup(g im.GroupID, head int) {
	x.Do(func() { x.rooms[g].timeline = x.rooms[g].timeline[:head] })
}

// Members returns the members of a group by user.
func (x *Cell) Members(g im.GroupID) (list []im.Member) {
	x.Do(func() {
		for _, u := range slices.Sorted(maps.Keys(x.rooms[g].members)) {
			list = append(list, *x.rooms[g].members[u])
		}
	})
	return list
}

func (c *Conn) signalGroup(m *cxxpb.Signal) {
	g := c.x.rooms[im.GroupID(m.Group)]
	if g == nil || !g.in(c.user.id) {
		return
	}
	c.signalPost(g, &cxxpb.Signal{Kind: m.Kind})
}

func (c *Conn) signalPost(g *group, m *cxxpb.Signal) {
	m.User, m.Group, m.Nick = uint64(c.user.id), uint64(g.ID), g.members[c.user.id].Nick
	for o := range c.x.conns {
		if o != c && o.follow && o.user != nil && g.in(o.user.id) {
			o.write(cxxpb.FrameType_FRAME_SIGNAL, m)
		}
	}
}
