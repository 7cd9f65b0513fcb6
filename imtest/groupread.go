package imtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// timeline team 0: the entries come as if they were pushed
func timeline(p *player, c *Client, args []string) error {
	g := uint64(p.user(args[0]))
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: g, Cursor: uint64(p.number(args[1]))}}})
	if err != nil {
		return err
	}
	c.hearPosts(g, r.GetSync().GetEntries())
	return nil
}

func (c *Client) hearPosts(g uint64, list []*cxxpb.Entry) {
	for _, e := range list {
		c.hear(c.renderPost(g, e))
	}
}

// said team: asks for the archive; the messages come as if they were pushed
func groupArchive(p *player, c *Client, args []string) error {
	g := uint64(p.user(args[0]))
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupHistory{GroupHistory: &cxxpb.GroupHistoryCall{Group: g}}})
	if err != nil {
		return err
	}
	c.hearPosts(g, r.GetHistory().GetEntries())
	return nil
}

// members team: they come as events
func members(p *player, c *Client, args []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupMembers{GroupMembers: &cxxpb.GroupMembersCall{Group: uint64(p.user(args[0]))}}})
	if err != nil {
		return err
	}
	for _, m := range r.GetMembers().GetMembers() {
		who := "hidden"
		if m.User != 0 {
			who = c.names.of(im.UserID(m.User))
		}
		c.hear(fmt.Sprintf("member %s %s %q", who, im.Role(m.Role), m.Nick))
	}
	return nil
}

// retract team $1
func retract(p *player, c *Client, args []string) error {
	g := p.user(args[0])
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupRetract{GroupRetract: &cxxpb.GroupRetractCall{Group: uint64(g), Seq: p.seq(g, args[1])}}})
	return err
}

// seq is where a message stands in its timeline.
func (p *player) seq(g im.UserID, word string) uint64 {
	p.t.Helper()
	seq := p.names.seqOf(g, p.id(word))
	if seq == 0 {
		p.fail("nobody has received the message %s yet", word)
	}
	return seq
}

// seen team $1: moves the read mark
func groupRead(p *player, c *Client, args []string) error {
	g := p.user(args[0])
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupRead{GroupRead: &cxxpb.GroupReadCall{Group: uint64(g), UpTo: p.seq(g, args[1])}}})
	return err
}

// readers team $1: one event says how many and who
func readers(p *player, c *Client, args []string) error {
	g := p.user(args[0])
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupReaders{GroupReaders: &cxxpb.GroupReadersCall{Group: uint64(g), Seq: p.seq(g, args[1]), Limit: 100}}})
	if err != nil {
		return err
	}
	var who []string
	for _, m := range r.GetReaders().GetMembers() {
		who = append(who, c.names.of(im.UserID(m.User)))
	}
	slices.Sort(who)
	c.hear(strings.TrimSpace(fmt.Sprintf("read by %d of %d %s", r.GetReaders().GetRead(), r.GetReaders().GetOf(), strings.Join(who, " "))))
	return nil
}

// book team [pinned] [silent]
func book(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupBook{GroupBook: &cxxpb.GroupBookCall{
		Group: uint64(p.user(args[0])), Pinned: slices.Contains(args, "pinned"), Silent: slices.Contains(args, "silent"),
	}}})
	return err
}

// find team: by its address; scripts know it by its name from then on
func findGroup(_ *player, c *Client, args []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupGet{GroupGet: &cxxpb.GroupGetCall{Addr: args[0] + "@conference." + Domain}}})
	if err == nil {
		c.names.put(args[0], im.UserID(r.GetGroup().GetGroup().GetId()))
	}
	return err
}
