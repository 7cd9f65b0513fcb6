package imtest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func renderAck(a *cxxpb.SendAck) string {
	s := fmt.Sprintf("ack %d", a.MsgId)
	if a.Duplicate {
		s += " duplicate"
	}
	return s
}

// renderEntry is the line for an inbox entry: what a device learns from it.
func (c *Client) renderEntry(p *cxxpb.Entry) string {
	e := proto.EntryFromPB(p, c.user)
	from, peer := c.names.of(e.From), c.names.of(e.Peer)
	own := e.From == c.user
	switch e.Kind {
	case im.KindMessage:
		if own {
			return fmt.Sprintf("sent %d to %s %q", e.MsgID, peer, e.Text)
		}
		return fmt.Sprintf("message %d from %s %q", e.MsgID, from, e.Text)
	case im.KindRead:
		if own {
			return fmt.Sprintf("read own %s %d", peer, e.UpTo)
		}
		return fmt.Sprintf("read %s %d", from, e.UpTo)
	case im.KindContact:
		return "contact " + c.renderContact(p.Contact)
	case im.KindDevice:
		if e.Device.Revoked {
			return "device " + e.Device.Resource + " revoked"
		}
		return "device " + e.Device.Resource + " added"
	case im.KindNote:
		if own {
			return fmt.Sprintf("note %d to %s", e.MsgID, peer)
		}
		return fmt.Sprintf("note %d from %s", e.MsgID, from)
	case im.KindBlock:
		return c.renderBlock(e.Block)
	case im.KindGroup:
		if g := e.Group.Group; g != nil {
			c.names.title(g.Title, g.ID)
		}
		return "told " + c.renderEvent(c.names.of(im.UserID(e.Group.ID)), e.Group)
	case im.KindGroupRead:
		return fmt.Sprintf("read own %s %d", peer, c.names.postAt(e.Peer, uint64(e.UpTo)))
	case im.KindProfile:
		return fmt.Sprintf("profile %q", e.Profile.Name)
	}
	return fmt.Sprintf("entry kind %d", e.Kind)
}

func (c *Client) renderBlock(b *im.Block) string {
	word, list := "blocked", b.Blocked
	if len(list) == 0 {
		word, list = "unblocked", b.Unblocked
	}
	if b.Cleared {
		word = "unblocked all"
	}
	for _, a := range list {
		word += " " + blockWord(a)
	}
	return word
}

// renderContact names the subscription as RFC 6121 does, with what is pending.
func (c *Client) renderContact(k *cxxpb.Contact) string {
	sub := im.Subscription(k.Sub)
	state := "none"
	switch {
	case sub.Has(im.SubBoth):
		state = "both"
	case sub.Has(im.SubTo):
		state = "to"
	case sub.Has(im.SubFrom):
		state = "from"
	case !k.Listed && sub == im.SubNone:
		state = "removed"
	}
	if sub.Has(im.SubPendingOut) {
		state += "+asked"
	}
	if sub.Has(im.SubPendingIn) {
		state += "+asks"
	}
	words := []string{c.names.of(im.UserID(k.User)), state}
	if k.Name != "" {
		words = append(words, fmt.Sprintf("name=%q", k.Name))
	}
	if len(k.Groups) > 0 {
		words = append(words, fmt.Sprintf("groups=%q", strings.Join(k.Groups, ",")))
	}
	if k.Note != "" {
		words = append(words, fmt.Sprintf("%q", k.Note))
	}
	return strings.Join(words, " ")
}

func (c *Client) renderPresence(p *cxxpb.UserPresence) string {
	s := fmt.Sprintf("presence %s %s", c.names.of(im.UserID(p.User)), im.Show(p.Show))
	if p.Status != "" {
		s += fmt.Sprintf(" %q", p.Status)
	}
	if p.LastSeenMs != 0 {
		s += " seen" // when is not for a script to say
	}
	return s
}

// renderSignal says in which group it was, if in one.
func (c *Client) renderSignal(g *cxxpb.Signal) string {
	who := c.names.of(im.UserID(g.User))
	if g.User == 0 { // the group is hidden
		who = strconv.Quote(g.Nick)
	}
	group := im.UserID(g.Group)
	line := "typing " + who
	switch im.SignalKind(g.Kind) {
	case im.SignalStopped:
		line = "stopped " + who
	case im.SignalRead:
		return fmt.Sprintf("seen %s by %s %d", c.names.of(group), who, c.names.postAt(group, g.UpTo))
	}
	if group != 0 {
		line += " in " + c.names.of(group)
	}
	return line
}
