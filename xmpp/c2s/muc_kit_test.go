package c2s

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// den is a room of a core that does what it is told.
type den struct {
	im.Groups
	im.Rooms
	cell   *xmpptest.Cell
	group  im.Group
	people []im.Occupant // but for the client
	me     im.Occupant
	log    []im.Entry
	fail   error // of GroupSync
	left   int
	did    []string
	shown  im.Presence // of the client, last
}

func (d *den) RoomEnter(_ context.Context, e im.RoomEntry) (im.RoomState, error) {
	d.me.Member.Nick, d.shown = e.Nick, e.Presence
	return im.RoomState{Group: d.group, Me: d.me.Member, Occupants: append(slices.Clone(d.people), d.me), Head: uint64(len(d.log))}, nil
}

func (d *den) RoomPresence(_ context.Context, _ im.GroupID, nick string, p im.Presence) error {
	d.shown = p
	d.did = append(d.did, "presence "+nick)
	return nil
}

func (d *den) RoomLeave(context.Context, im.GroupID, im.Presence) { d.left++ }

func (d *den) RoomOccupant(_ im.GroupID, nick string) (out []im.Occupant) {
	for _, o := range append(slices.Clone(d.people), d.me) {
		if o.Member.Nick == nick {
			out = append(out, o)
		}
	}
	return out
}

func (d *den) GroupArchive(context.Context, im.GroupID, im.ArchiveQuery) (im.ArchivePage, error) {
	return im.ArchivePage{Entries: slices.Clone(d.log)}, nil
}

func (d *den) GroupSync(_ context.Context, _ im.GroupID, cursor uint64, _ int) (im.SyncPage, error) {
	if d.fail != nil {
		return im.SyncPage{}, d.fail
	}
	head := uint64(len(d.log))
	return im.SyncPage{Entries: slices.Clone(d.log[cursor:min(cursor+100, head)]), Head: head}, nil
}

func (d *den) GroupFind(_ context.Context, a im.Addr) (im.GroupState, error) {
	if a != d.group.Addr {
		return im.GroupState{}, im.Errorf(im.CodeNotFound, "there is no such group")
	}
	return im.GroupState{Group: d.group}, nil
}

func (d *den) Inside(im.GroupID) (string, bool) { return d.me.Member.Nick, true }

func (d *den) RoomOccupants(context.Context, im.GroupID) ([]im.Occupant, error) {
	return append(slices.Clone(d.people), d.me), nil
}

func (d *den) GroupAct(_ context.Context, _ im.GroupID, acts ...im.Act) error {
	for _, a := range acts {
		d.did = append(d.did, fmt.Sprint("act ", a.Do, " on ", a.User))
	}
	return nil
}

func (d *den) GroupMarkRead(_ context.Context, _ im.GroupID, seq uint64) error {
	d.did = append(d.did, fmt.Sprint("read ", seq))
	return nil
}

func (d *den) GroupSubject(_ context.Context, _ im.GroupID, s string) error {
	d.did = append(d.did, "subject "+s)
	return nil
}

func (d *den) GroupRetract(_ context.Context, _ im.GroupID, seq uint64, _ string) error {
	d.did = append(d.did, fmt.Sprint("retract ", seq))
	return nil
}

// write adds a message of somebody to the timeline and pushes it.
func (d *den) write(s *session, text string) bool {
	e := im.Entry{Seq: uint64(len(d.log)) + 1, MsgID: im.MakeMsgID(xmpptest.Now, len(d.log), 1), Kind: im.KindMessage, From: 9, Text: text, Post: &im.Post{Nick: "ann"}}
	d.log = append(d.log, e)
	ok := sink{s}.PushPost(&im.GroupPush{Group: &d.group, Entry: &e})
	return ok
}

func person(n int, nick string) im.Occupant {
	return im.Occupant{
		Group: 7, User: im.UserID(n), Node: 1, Session: im.SessionID(n), Resource: "pda", Presence: im.Presence{Show: im.ShowOnline},
		Member: im.Member{User: im.UserID(n), Addr: xmpptest.Addr(nick), Role: im.RoleMember, Nick: nick},
	}
}

// inDen is a session of romeo's in a core with a room.
func inDen(t *testing.T, people int, edit func(*Config)) (*session, *tape, *den) {
	t.Helper()
	s, conn, d := stranger(t, people, edit)
	s.queue.start()
	t.Cleanup(s.leaveNow)
	return s, conn, d
}

// stranger is inDen without anybody who runs the session.
func stranger(t *testing.T, people int, edit func(*Config)) (*session, *tape, *den) {
	t.Helper()
	cell := xmpptest.New()
	s, conn := desk(t, cell, "romeo/orchard", edit)
	s.srv.deps.GroupPrefix = "conference"
	d := &den{cell: cell, group: im.Group{ID: 7, Addr: im.Addr{Local: "den", Domain: "conference." + xmpptest.Domain}}}
	for i := range people {
		d.people = append(d.people, person(1000+i, fmt.Sprint("p", i)))
	}
	d.me = person(1, "romeo")
	d.me.User = s.core.User()
	core := s.core.(*xmpptest.Core)
	core.Groups, core.Rooms = d, d
	return s, conn, d
}

const enter = "<presence to='den@conference.example.org/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>"

var (
	bodies    = regexp.MustCompile(`<body>([^<]*)</body>|<subject/>|code='(110)'|from='den@conference.example.org/(p\d+)'`)
	presences = regexp.MustCompile(`<presence`)
)

// seen is what a client was shown, in short.
func seen(said string) (out []string) {
	for _, m := range bodies.FindAllStringSubmatch(said, -1) {
		if what := m[1] + m[2] + m[3]; what != "" {
			out = append(out, what)
		} else {
			out = append(out, "subject")
		}
	}
	return out
}
