package c2s

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/pep"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// managed is a session with stream management and little room.
func managed(t *testing.T, cell *xmpptest.Cell) (*session, *tape) {
	t.Helper()
	s, conn := desk(t, cell, "romeo/orchard", func(c *Config) { c.MaxUnacked = 20 })
	s.queue.start()
	t.Cleanup(s.leaveNow)
	s.say(t, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
	return s, conn
}

// acks lets the client acknowledge all that it has, as long as more comes.
func (s *session) acks(t *testing.T, conn *tape) (all string) {
	t.Helper()
	for range 100 {
		part := conn.take()
		if part == "" {
			break
		}
		all += part
		h := s.sm.count()
		s.say(t, fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", h))
	}
	return all
}

// RFC 6121 section 4.2 within XEP-0198: who has more contacts than may be
// unacknowledged learns of all of them, and how they are by then.
func TestPresenceOfManyContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cell := xmpptest.New()
		const many = 100
		for i := range many {
			name := fmt.Sprintf("c%d", i)
			cell.Befriend("romeo", name)
			cell.Session(name + "/r").Present(im.Presence{Show: im.ShowOnline})
		}
		s, conn := managed(t, cell)
		s.say(t, "<presence/>")
		if s.over || len(s.sm.unacked) > 20 {
			t.Fatalf("over: %v, %d are not acknowledged", s.over, len(s.sm.unacked))
		}
		last := s.parked.order[len(s.parked.order)-1]
		sink{s}.PushPresence(im.UserPresence{User: last}) // gone while it waits
		synctest.Wait()
		got := s.acks(t, conn)
		for i := range many {
			name, want := fmt.Sprintf("c%d", i), 1
			if cell.User(name) == last {
				want = 0
			}
			if n := strings.Count(got, "from='"+name+"@"+xmpptest.Domain+"/r'"); n != want {
				t.Errorf("%s was shown %d times; want %d", name, n, want)
			}
		}
		if s.parked.order != nil || s.parked.newest != nil {
			t.Error("something still waits")
		}
	})
}

// While the log is read a page at a time, what is pushed waits behind it.
func TestPushedBetweenPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cell := xmpptest.New()
		s, conn := managed(t, cell)
		paged := &pagedCore{Session: s.core, s: s, peer: cell.User("juliet")}
		s.core = paged
		s.say(t, "<presence/>")
		conn.take()
		s.queue.post(event{kind: evCall, call: func(ctx context.Context) {
			s.hold() // as if much had not been acknowledged
			s.goOn()
		}})
		synctest.Wait()
		got := s.acks(t, conn)
		at := 0
		for seq := 1; seq <= 6; seq++ {
			i := strings.Index(got, fmt.Sprintf("<body>%d</body>", seq))
			if i < at {
				t.Fatalf("message %d is missing, or stands before the one before it: %s", seq, got)
			}
			at = i
		}
	})
}

// pagedCore has a log of six messages, of which it gives two at a time; another
// one is pushed meanwhile.
type pagedCore struct {
	im.Session
	s    *session
	peer im.UserID
}

func (c *pagedCore) entry(seq uint64) im.Entry {
	return im.Entry{Seq: seq, MsgID: im.MsgID(seq), Kind: im.KindMessage, From: c.peer, Peer: c.peer, Text: fmt.Sprint(seq)}
}

func (c *pagedCore) Sync(_ context.Context, cursor uint64, _ int) (p im.SyncPage, err error) {
	p.Head = min(cursor+4, 6)
	for seq := cursor + 1; seq <= p.Head && seq <= cursor+2; seq++ {
		p.Entries = append(p.Entries, c.entry(seq))
	}
	if e := c.entry(p.Head + 1); e.Seq <= 6 {
		c.s.queue.post(event{kind: evEntry, entry: &e})
	}
	return p, nil
}

// @xmpp/client does not count the answers to its requests. It gets its messages
// all the same, and cannot resume.
func TestClientThatCountsTooLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn := managed(t, xmpptest.New())
		s.say(t, "<presence/>")
		for i := range 200 {
			s.say(t, fmt.Sprintf("<iq type='get' id='%d'><ping xmlns='urn:xmpp:ping'/></iq>", i))
			if strings.Contains(conn.take(), "<r xmlns") {
				s.say(t, "<a xmlns='urn:xmpp:sm:3' h='1'/>")
			}
		}
		if s.over || s.feed.held || s.crowded() {
			t.Fatalf("over: %v, held: %v, %d are not acknowledged", s.over, s.feed.held, len(s.sm.unacked))
		}
		if s.resumable() {
			t.Error("what is gone would be missing after a resumption")
		}
		s.say(t, fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", s.sm.count()))
		if s.over || !s.resumable() {
			t.Error("a count that is right again does not help")
		}
	})
}

// XEP-0163 section 4.3.4 within XEP-0198: so it is with the last items of their
// nodes.
func TestLastItemsOfManyContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cell := xmpptest.New()
		const many = 100
		for i := range many {
			name := fmt.Sprintf("c%d", i)
			cell.Befriend("romeo", name)
			s := cell.Session(name + "/r")
			err := s.Core().EditLeaf(t.Context(), s.Core().User(), pep.LeafName("n"), func(im.Leaf, bool, []string) (im.LeafEdit, error) {
				config := `{"access":"presence","persist":true,"last":"on_sub_and_presence","notify":true,"payloads":true}`
				return im.LeafEdit{Config: []byte(config), Put: []im.Item{{ID: "1", Payload: []byte("<tune xmlns='urn:t'/>")}}}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		s, conn := managed(t, cell)
		s.say(t, "<presence/>")
		s.queue.post(event{kind: evCall, call: func(context.Context) { s.Interests([]string{"n"}) }})
		synctest.Wait()
		if s.over || len(s.sm.unacked) > 20 {
			t.Fatalf("over: %v, %d are not acknowledged", s.over, len(s.sm.unacked))
		}
		got := s.acks(t, conn)
		for i := range many {
			if n := strings.Count(got, fmt.Sprintf("<message type='headline' from='c%d@%s' ", i, xmpptest.Domain)); n != 1 {
				t.Errorf("c%d: %d last items; want one: %.300s", i, n, got)
			}
		}
		if s.over || s.backlog.items != nil {
			t.Errorf("over: %v; or something still waits", s.over)
		}
	})
}
