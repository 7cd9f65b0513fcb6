package pep

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// groups are those that a user has; of others nobody knows.
type groups struct {
	im.Groups
	states []im.GroupState
	marked []string
}

func (g *groups) find(is func(*im.Group) bool) (im.GroupState, error) {
	for _, st := range g.states {
		if is(&st.Group) {
			return st, nil
		}
	}
	return im.GroupState{}, im.Errorf(im.CodeNotFound, "there is no such group")
}

func (g *groups) GroupFind(_ context.Context, a im.Addr) (im.GroupState, error) {
	return g.find(func(x *im.Group) bool { return x.Addr == a.Bare() })
}

func (g *groups) GroupGet(_ context.Context, id im.GroupID) (im.GroupState, error) {
	return g.find(func(x *im.Group) bool { return x.ID == id })
}

func (g *groups) GroupList(context.Context) ([]im.GroupState, error) { return g.states, nil }

func (g *groups) GroupMarkRead(_ context.Context, id im.GroupID, seq uint64) error {
	g.marked = append(g.marked, fmt.Sprint(id, " ", seq))
	return nil
}

const play = "play@conference.example.org"

// inPlay gives juliet a room that she is in, and one that she may only look at.
func inPlay(t *testing.T) (*world, *groups) {
	w := newWorld(t)
	addr := im.Addr{Local: "play", Domain: "conference.example.org"}
	g := &groups{states: []im.GroupState{
		{Group: im.Group{ID: 9, Addr: addr}, Me: im.Member{Role: im.RoleMember}},
		{Group: im.Group{ID: 11, Addr: im.Addr{Local: "hall", Domain: addr.Domain}}},
	}}
	w.sessions["juliet/balcony"].Core().(*xmpptest.Core).Groups = g
	return w, g
}

// XEP-0490 section 4.1: a mark of a room by the room's own id moves the core's.
func TestDisplayedInRoomMovesMark(t *testing.T) {
	for _, c := range []struct{ rule, room, by, want string }{
		{"a room of hers", play, play, "9 4"},
		{"of a room of others", "hall@conference.example.org", "hall@conference.example.org", ""},
		{"by another one", play, "hall@conference.example.org", ""},
		{"of an occupant", play + "/romeo", play + "/romeo", ""},
		{"elsewhere", "room@muc.example.com", "room@muc.example.com", ""},
	} {
		w, g := inPlay(t)
		w.must(juliet+"set", publish(nsMDS, c.room, displayed(c.by, 4)))
		if got := strings.Join(g.marked, ", "); got != c.want {
			t.Errorf("%s: marked %q; want %q", c.rule, got, c.want)
		}
	}
}

// What was read in a room with another protocol is told to XMPP clients once, and to
// those that come later.
func TestRoomIsReadElsewhere(t *testing.T) {
	w, g := inPlay(t)
	s := w.session("juliet/balcony", nsMDS)
	event := func(seq int) string {
		return "juliet/balcony juliet:<items node='" + nsMDS + "'><item id='" + play + "'>" + displayed(play, seq) + "</item></items>"
	}
	tell := func(what string, e im.Entry, want ...string) {
		t.Helper()
		if err := w.v.ReadMark(t.Context(), s, &e); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		w.same(what, w.events(), want...)
	}
	me := w.cell.User("juliet")
	read := im.Entry{Kind: im.KindGroupRead, From: me, Peer: im.GroupID(9).Log(), UpTo: 4}
	tell("read", read, event(4))
	tell("again", read)
	read.UpTo = 3
	tell("never back", read)
	read.Peer = im.GroupID(77).Log()
	tell("a group that is gone", read)
	g.states[0].Me.ReadTo, g.states[1].Me.ReadTo = 6, 6
	if got := w.must(juliet+"get", items(nsMDS)); !strings.Contains(got, displayed(play, 6)) || strings.Contains(got, "hall@") {
		t.Errorf("who asks gets %s", got)
	}
}
