package client

import (
	"context"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// groupPrefix is where groups have their addresses unless a cell is configured in
// another way: conference.example.org.
const groupPrefix = "conference."

// GroupLabel is what a group is called.
type GroupLabel struct {
	Addr  im.Addr
	Title string
}

// String returns the address, or the title as long as that is all there is.
func (l GroupLabel) String() string {
	if l.Addr.IsZero() {
		return l.Title
	}
	return l.Addr.String()
}

func (n *names) putGroup(g im.GroupID, l GroupLabel) {
	if g == 0 || l.Addr.IsZero() {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.Title == "" {
		l.Title = n.group[g].Title
	}
	n.group[g] = l
}

// noticeGroup learns from a change of a group.
func (n *names) noticeGroup(ev *im.GroupEvent) {
	if ev.Membership != nil {
		n.putGroup(ev.ID, GroupLabel{ev.Membership.Addr, ev.Membership.Title})
	}
	if ev.Group != nil {
		n.putGroup(ev.ID, GroupLabel{ev.Group.Addr, ev.Group.Title})
	}
	if ev.Member != nil {
		n.put(ev.Member.User, ev.Member.Addr)
	}
}

// KnownGroup returns what a group is called when it is known without asking; the
// user's own groups are.
func (c *Client) KnownGroup(g im.GroupID) (GroupLabel, bool) {
	c.names.mu.RLock()
	defer c.names.mu.RUnlock()
	l, ok := c.names.group[g]
	return l, ok
}

// groupNamed finds a group that is known by its address, or by the part before the @.
func (n *names) groupNamed(who string) (im.GroupID, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for g, l := range n.group {
		if l.Addr.Local == who || l.Addr.String() == who {
			return g, true
		}
	}
	return 0, false
}

// IsGroup reports whether who is written like the name of a group: with a # before
// it, or as an address where groups are.
func (c *Client) IsGroup(who string) bool {
	_, domain, _ := strings.Cut(who, "@")
	return strings.HasPrefix(who, "#") || domain == groupPrefix+c.addr.Domain
}

// FindGroup finds a group by its address, or by its name with or without a # before
// it, which is taken in the domain of the account. It answers CodeNotFound for one
// that the user may not know of.
func (c *Client) FindGroup(ctx context.Context, who string) (im.GroupState, error) {
	name := strings.TrimPrefix(who, "#")
	if name == "" {
		return im.GroupState{}, im.Errorf(im.CodeInvalid, "the name of the group is empty")
	}
	ask := &cxxpb.GroupGetCall{}
	if g, known := c.names.groupNamed(name); known {
		ask.Group = uint64(g)
	} else {
		if !strings.Contains(name, "@") {
			name += "@" + groupPrefix + c.addr.Domain
		}
		addr, err := im.ParseAddr(name)
		if err != nil || addr.Local == "" {
			return im.GroupState{}, im.Errorf(im.CodeInvalid, "%q cannot be the name of a group", who)
		}
		ask.Addr = addr.Bare().String()
	}
	return c.groupGet(ctx, ask)
}
