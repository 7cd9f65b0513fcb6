package c2s

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Who is there, oneself, what was said, the subject, and then what happens (XEP-0045
// section 7.1): nothing twice, however little the client acknowledges at a time.
func TestRoomWaitsForAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 150, func(c *Config) { c.MaxUnacked = 100 })
		d.write(s, "old")
		s.say(t, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
		s.say(t, enter)
		said := conn.take()
		if n := len(presences.FindAllString(said, -1)); n < 10 || n > 100 {
			t.Fatalf("%d presences came before an acknowledgement", n)
		}
		d.write(s, "new")
		c := &im.OccupantChange{Group: &d.group, Occupant: d.people[0], Left: true}
		c.Occupant.Presence = im.Presence{}
		sink{s}.PushOccupant(c)
		d.write(s, "newer")
		for h := 1; h < 100 && !strings.Contains(said, "unavailable"); h++ {
			s.say(t, fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", s.sm.count()))
			said += conn.take()
		}
		var want []string
		for i := range 150 {
			want = append(want, fmt.Sprint("p", i))
		}
		want = append(want, "110", "old", "subject", "new", "newer", "p0")
		if got := seen(said); !slices.Equal(got, want) {
			t.Errorf("the client was shown %v", got)
		}
		if s.over {
			t.Error("the session has ended")
		}
		d.write(s, "last")
		synctest.Wait()
		if got := seen(conn.take()); !slices.Equal(got, []string{"last"}) {
			t.Errorf("then %v", got)
		}
	})
}

// A push that finds no room in the queue is made up for out of the timeline, also when
// the zone does not answer at once.
func TestRoomBehindReadsTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 0, func(c *Config) { c.SoftOutbound = 16 << 10 })
		s.say(t, enter)
		conn.take()
		stop := make(chan struct{})
		s.queue.post(event{kind: evCall, call: func(context.Context) { <-stop }})
		d.fail = im.Errorf(im.CodeZoneUnavailable, "down")
		var want []string
		for i := range 10 {
			text := fmt.Sprint(strings.Repeat("x", 3<<10), i)
			want = append(want, text)
			if !d.write(s, text) {
				break // the core pushes no more of this group
			}
		}
		if len(want) == 10 {
			t.Fatal("every push was taken")
		}
		late := im.Entry{Seq: uint64(len(d.log)) + 1, Kind: im.KindMessage, Text: "not pushed", Post: &im.Post{Nick: "ann"}}
		d.log = append(d.log, late)
		close(stop)
		s.queue.post(event{kind: evCall, call: func(context.Context) { d.fail = nil }})
		synctest.Wait()
		<-time.After(2 * retryFeed)
		synctest.Wait()
		if got := seen(conn.take()); !slices.Equal(got, append(want, "not pushed")) {
			t.Errorf("the client was shown %d of %d", len(got), len(want)+1)
		}
	})
}

// Who is sent away is out: what is pushed behind that is not for him.
func TestRoomExpelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 1, nil)
		s.say(t, enter)
		conn.take()
		out := d.me
		out.Member.Role, out.Presence = im.RoleNone, im.Presence{}
		sink{s}.PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: out, Left: true, Why: im.GroupKicked, ByNick: "ann"})
		d.write(s, "without him")
		synctest.Wait()
		said := conn.take()
		if !strings.Contains(said, "type='unavailable'") || !strings.Contains(said, "code='307'") || !strings.Contains(said, "code='110'") {
			t.Errorf("told %s", said)
		}
		if strings.Contains(said, "without him") {
			t.Error("he got what was said afterwards")
		}
		s.say(t, "<message id='a' type='groupchat' to='den@conference.example.org'><body>x</body></message>")
		if said := conn.take(); !strings.Contains(said, "not-acceptable") {
			t.Errorf("he still speaks: %s", said)
		}
	})
}

// Who cannot be told who comes and goes is out of the room, and learns that.
func TestRoomTooMuchOfPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 0, func(c *Config) { c.SoftOutbound = 16 << 10 })
		s.say(t, enter)
		conn.take()
		stop := make(chan struct{})
		s.queue.post(event{kind: evCall, call: func(context.Context) { <-stop }})
		o := person(5, "p5")
		for (sink{s}).PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: o}) {
		}
		close(stop)
		synctest.Wait()
		if said := conn.take(); !strings.Contains(said, "code='333'") || d.left != 1 {
			t.Errorf("left %d times, told %s", d.left, said[max(0, len(said)-300):])
		}
	})
}

// Presence to a room, by what it says (XEP-0045 sections 7.2, 7.6, 7.14).
func TestRoomPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 0, nil)
		for _, c := range []struct{ say, want string }{
			{"<presence to='den@conference.example.org'><x xmlns='http://jabber.org/protocol/muc'/></presence>", "jid-malformed"},
			{"<presence type='unavailable' to='den@conference.example.org/romeo'/>", ""},
			{"<presence type='subscribe' to='den@conference.example.org'/>", "bad-request"},
			{"<presence to='den@conference.example.org/romeo'/>", "<status code='110'/><status code='307'/><status code='333'/>"}, // he thinks that he is there
			{enter, "<subject/>"},
			{"<presence to='den@conference.example.org/romeo'><show>away</show></presence>", ""},
			{"<presence to='den@conference.example.org/monty'/>", ""},
			{enter, "code='110'"}, // all again
			{"<message type='groupchat' to='den@conference.example.org/romeo'><body>x</body></message>", "bad-request"},
			{"<message to='den@conference.example.org'><body>x</body></message>", "bad-request"},
			{"<message type='groupchat' to='den@conference.example.org'><subject>tea</subject></message>", ""},
			{"<message type='groupchat' to='den@conference.example.org'><displayed xmlns='urn:xmpp:chat-markers:0' id='3'/></message>", ""},
			{"<message type='groupchat' to='den@conference.example.org'><retract xmlns='urn:xmpp:message-retract:1' id='2'/></message>", ""},
			{"<message type='chat' to='den@conference.example.org/nobody'><body>x</body></message>", "item-not-found"},
			{"<iq type='get' id='1' to='den@conference.example.org/romeo'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result'"},
			{"<iq type='get' id='2' to='den@conference.example.org/nobody'><ping xmlns='urn:xmpp:ping'/></iq>", "item-not-found"},
			{"<presence type='unavailable' to='den@conference.example.org/romeo'/>", "code='110'"},
			{"<iq type='get' id='3' to='den@conference.example.org/romeo'><ping xmlns='urn:xmpp:ping'/></iq>", "not-acceptable"},
			{"<message type='chat' to='den@conference.example.org/romeo'><body>x</body></message>", "not-acceptable"},
			{"<message type='groupchat' to='den@conference.example.org'><body>x</body></message>", "not-acceptable"},
			{"<message type='groupchat' to='nowhere@conference.example.org'><body>x</body></message>", "not-acceptable"},
			{"<iq type='result' id='4' to='den@conference.example.org/romeo'/>", ""},
			{"<iq type='error' id='4' to='den@conference.example.org/romeo'/>", ""},
			{"<iq type='get' id='4' to='den@conference.example.org/romeo'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", "bad-request"},
		} {
			s.say(t, c.say)
			if said := conn.take(); (said != "") != (c.want != "") || !strings.Contains(said, c.want) {
				t.Errorf("%s was answered with %q; want %s", c.say, said, c.want)
			}
		}
		want := []string{"presence romeo", "presence monty", "subject tea", "read 3", "retract 2"}
		if !slices.Equal(d.did, want) || d.left != 1 {
			t.Errorf("it led to %q, left %d times; want %q", d.did, d.left, want)
		}
	})
}

// The end of a client's presence is the end of its being in rooms (RFC 6121 section
// 4.6.3), and so is a block of the room.
func TestRoomsAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 0, nil)
		s.say(t, "<presence/>")
		s.say(t, enter)
		conn.take()
		s.say(t, "<presence type='unavailable'/>")
		if said := conn.take(); d.left != 1 || !strings.Contains(said, "code='110'") {
			t.Errorf("left %d times, told %s", d.left, said)
		}
		s.say(t, enter)
		e := &im.Entry{Seq: 1, Kind: im.KindBlock, Block: &im.Block{Blocked: []im.Addr{d.group.Addr}}}
		sink{s}.Push(e)
		synctest.Wait()
		if d.left != 2 || len(s.rooms) != 0 {
			t.Errorf("left %d times, in %d rooms", d.left, len(s.rooms))
		}
	})
}

// A room that is typed in is heard by who is in it; what comes for a room that the
// client is not in is not for it.
func TestRoomSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, _ := inDen(t, 0, nil)
		sig := im.Signal{Group: 7, Kind: im.SignalTyping, Nick: "ann"}
		sink{s}.PushSignal(sig)
		synctest.Wait()
		if said := conn.take(); said != "" {
			t.Errorf("who is not there hears %s", said)
		}
		s.say(t, enter)
		conn.take()
		for want, sig := range map[string]im.Signal{
			"<composing":       sig,
			"<displayed":       {Group: 7, Kind: im.SignalRead, Nick: "ann", UpTo: 4},
			"<x xmlns='urn:x'": {Group: 7, Kind: im.SignalStanza, Nick: "ann", Data: []byte("<message from='den@conference.example.org/ann'><x xmlns='urn:x'/></message>")},
		} {
			sink{s}.PushSignal(sig)
			synctest.Wait()
			if said := conn.take(); !strings.Contains(said, want) || !strings.Contains(said, " to='romeo@example.org/orchard'") || !strings.Contains(said, "from='den@conference.example.org/ann'") {
				t.Errorf("shown %s; want %s", said, want)
			}
		}
	})
}

// Presence in a room has the hash of the avatar (XEP-0398 section 5), unless the room hides
// who its occupants are.
func TestRoomPhoto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, hidden := range []bool{false, true} {
			s, conn, d := inDen(t, 0, nil)
			s.photo = photo{known: true, hash: "cafe"}
			d.group.Hidden = hidden
			for _, say := range []string{enter, "<presence to='den@conference.example.org/romeo'><show>away</show></presence>"} {
				s.say(t, say)
				conn.take()
				if shows := strings.Contains(d.shown.Ext, "<photo>cafe</photo>"); shows == hidden {
					t.Errorf("hidden %v: after %s others see %q", hidden, say, d.shown.Ext)
				}
			}
		}
	})
}

// And so has presence that is sent to somebody in particular.
func TestDirectedPhoto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, d := inDen(t, 0, nil)
		d.cell.Session("juliet/pda").Present(im.Presence{Show: im.ShowOnline})
		s.photo = photo{known: true, hash: "cafe"}
		for say, want := range map[string]bool{"<presence to='juliet@example.org'/>": true, "<presence type='unavailable' to='juliet@example.org'/>": false} {
			d.cell.Signals()
			s.say(t, say)
			sent := d.cell.Signals()
			if len(sent) != 1 || strings.Contains(string(sent[0].Data), "<photo>cafe</photo>") != want {
				t.Errorf("%s became %v", say, sent)
			}
		}
	})
}

// A client can be in many rooms, and not in any number.
func TestRoomsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, _ := inDen(t, 0, nil)
		s.queue.post(event{kind: evCall, call: func(context.Context) {
			s.rooms = make(map[im.GroupID]*joined)
			for g := range im.GroupID(mostEntered) {
				s.rooms[1000+g] = &joined{group: &im.Group{ID: 1000 + g}}
			}
		}})
		s.say(t, enter)
		if said := conn.take(); !strings.Contains(said, "resource-constraint") {
			t.Errorf("told %q", said)
		}
	})
}
