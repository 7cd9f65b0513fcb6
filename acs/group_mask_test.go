package acs

import (
	"testing"

	"github.com/cxx-im/cxx/im"
)

// Whoever sees what somebody has said or done sees the same id of him (XEP-0421), and
// what is stored stays as it is.
func TestSigned(t *testing.T) {
	g := &im.Group{ID: 9, Salt: []byte("salt"), Hidden: true}
	post := im.Entry{Seq: 1, Kind: im.KindMessage, From: 7, Post: &im.Post{Nick: "ann", Mentions: []im.UserID{8}}}
	event := im.Entry{Seq: 2, Kind: im.KindGroup, From: 7, Group: &im.GroupEvent{What: im.GroupSubject, Member: &im.Member{User: 7, Nick: "ann"}}}
	want := occupantID(g, 7)
	for name, f := range map[string]func(im.Entry) im.Entry{
		"seen":   func(e im.Entry) im.Entry { return signed(g, e) },
		"masked": func(e im.Entry) im.Entry { return maskEntry(g, &e, 0) },
	} {
		p, ev := f(post), f(event)
		if p.Post.Occupant != want || ev.Group.Occupant != want {
			t.Errorf("%s: he is %q in a message and %q in an event; want %q", name, p.Post.Occupant, ev.Group.Occupant, want)
		}
		if name == "masked" && (p.From != 0 || p.Post.Mentions != nil || ev.From != 0 || ev.Group.Member.User != 0) {
			t.Errorf("masked entries show users: %+v %+v", p, ev)
		}
	}
	if post.Post.Occupant != "" || event.Group.Occupant != "" || len(post.Post.Mentions) != 1 || event.Group.Member.User != 7 {
		t.Error("what is stored was changed")
	}
	if e := signed(g, im.Entry{Kind: im.KindGroup, Group: &im.GroupEvent{What: im.GroupDissolved}}); e.Group.Occupant != "" {
		t.Errorf("the group itself is %q", e.Group.Occupant)
	}
}
