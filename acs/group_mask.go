package acs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
)

var occupantEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// occupantID is the id of a user in a group (XEP-0421): always the same, and
// without a meaning elsewhere.
func occupantID(g *im.Group, u im.UserID) string {
	mac := hmac.New(sha256.New, g.Salt)
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(u))
	mac.Write(b[:])
	return strings.ToLower(occupantEncoding.EncodeToString(mac.Sum(nil)[:16]))
}

// signed is a copy of an entry that says by which id the group knows who has made it.
func signed(g *im.Group, e im.Entry) im.Entry {
	id := ""
	if e.From != 0 { // else it was the group itself
		id = occupantID(g, e.From)
	}
	if e.Post != nil {
		post := *e.Post
		post.Occupant = id
		e.Post = &post
	}
	if e.Group != nil {
		ev := *e.Group
		ev.Occupant = id
		e.Group = &ev
	}
	return e
}

// hides reports whether g hides something of an entry from a user who keeps no order: who
// has made it, or that it was made. His own he may see, so that his devices know it for
// his.
func hides(g *im.Group, e *im.Entry, u im.UserID) bool {
	return g.Hidden && e.From != u || e.Group != nil && private(e.Group)
}

// maskEntry is what an ordinary member of a hidden group sees of an entry that
// somebody else has made: nicknames, and no users but reader, who is himself. Of what
// concerns those who keep order only, he learns that it was there.
func maskEntry(g *im.Group, e *im.Entry, reader im.UserID) im.Entry {
	out := signed(g, *e) // its Post and Group are copies
	out.From, out.Peer = 0, 0
	if out.Post != nil {
		out.Post.Mentions = nil
		if reader != 0 && slices.Contains(e.Post.Mentions, reader) {
			out.Post.Mentions = []im.UserID{reader}
		}
	}
	if e.Group != nil && private(e.Group) {
		out.Group = &im.GroupEvent{What: e.Group.What, ID: e.Group.ID}
	} else if ev := out.Group; ev != nil {
		if ev.Member != nil {
			m := *ev.Member
			m.User, m.Addr, m.By = 0, im.Addr{}, 0
			ev.Member = &m
		}
		if ev.Group != nil {
			shown := *ev.Group
			shown.Creator = 0
			ev.Group = &shown
		}
		ev.Membership = nil
	}
	return out
}
