package c2s

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
)

// Who may speak may send private messages where participants may, member or not
// (XEP-0045 section 15.5.3, allowpm).
func TestRoomWhisper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 1, nil)
		d.me.Member.Role, d.group.Private = im.RoleVisitor, im.WhoMembers
		s.say(t, enter)
		conn.take()
		const psst = "<message type='chat' to='den@conference.example.org/p0'><body>psst</body></message>"
		s.say(t, psst)
		if said := conn.take(); strings.Contains(said, "forbidden") {
			t.Errorf("who may speak was told %s", said)
		}
		quiet := d.group
		quiet.Speak = im.WhoMembers
		d.log = append(d.log, im.Entry{Seq: 1, Kind: im.KindGroup, Group: &im.GroupEvent{What: im.GroupChanged, Group: &quiet}})
		sink{s}.PushPost(&im.GroupPush{Group: &quiet, Entry: &d.log[0]})
		s.say(t, psst)
		if said := conn.take(); !strings.Contains(said, "forbidden") {
			t.Errorf("a visitor was told %q", said)
		}
	})
}

// What one has said privately the other clients of the same user learn that have asked for
// copies (XEP-0280), unless the client says that they shall not.
func TestRoomWhisperIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 1, nil)
		juliet, phone := d.cell.Session("juliet/pda").Core(), d.cell.Session("romeo/phone").Core()
		d.people[0].User, d.people[0].Session = juliet.User(), juliet.ID()
		s.say(t, enter)
		conn.take()
		d.cell.Signals()
		s.say(t, "<message type='chat' id='w' to='den@conference.example.org/p0'><body>psst</body></message>")
		var copied []byte
		for _, sig := range d.cell.Signals() {
			if sig.To == s.core.User() && sig.Session == phone.ID() {
				copied = sig.Data
			}
		}
		for _, want := range []string{"to='romeo@example.org/phone'", "<sent xmlns='urn:xmpp:carbons:2'>", "from='romeo@example.org/orchard'", "to='den@conference.example.org/p0'", "<body>psst</body>", "muc#user"} {
			if !strings.Contains(string(copied), want) {
				t.Errorf("the copy has no %s: %s", want, copied)
			}
		}
		s.say(t, "<message type='chat' to='den@conference.example.org/p0'><body>psst</body><private xmlns='urn:xmpp:carbons:2'/></message>")
		if n := len(d.cell.Signals()); n != 1 {
			t.Errorf("a message that is not to be copied went %d ways", n)
		}
		for _, on := range []bool{false, true} {
			if on {
				s.Turn(iq.Carbons, true)
			}
			sink{s}.PushSignal(im.Signal{From: s.core.User(), Kind: im.SignalStanza, Data: copied})
			synctest.Wait()
			if said := conn.take(); (said != "") != on {
				t.Errorf("with copies %v the client gets %q", on, said)
			}
		}
	})
}

// A form gives voice to whom its jid names, whoever has his nickname by then, and only
// where a moderator sends it: nobody else learns who is there (XEP-0045 section 8.6).
func TestRoomVoiceIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 2, nil)
		d.people[0].Member.Role, d.people[1].Member.Role, d.group.Speak = im.RoleVisitor, im.RoleVisitor, im.WhoMembers
		form := func(jid string) string {
			return "<message to='den@conference.example.org'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>" +
				"<field var='muc#jid'><value>" + jid + "</value></field><field var='muc#roomnick'><value>p0</value></field><field var='muc#request_allow'><value>1</value></field></x></message>"
		}
		s.say(t, enter)
		conn.take()
		for _, jid := range []string{"p1@example.org/pda", "elsewhere@example.org"} {
			s.say(t, form(jid))
			if said := conn.take(); !strings.Contains(said, "forbidden") {
				t.Errorf("who is no moderator was told %q of %s", said, jid)
			}
		}
		now := d.me
		now.Member.Role = im.RoleAdmin
		sink{s}.PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: now})
		s.say(t, form("p1@example.org/pda"))
		s.say(t, form("elsewhere@example.org"))
		if said := conn.take(); !strings.Contains(said, "item-not-found") {
			t.Errorf("of who is not there he was told %q", said)
		}
		if want := fmt.Sprint("act ", im.ActVoice, " on ", d.people[1].User); !slices.Equal(d.did, []string{want}) {
			t.Errorf("it led to %q; want %q", d.did, want)
		}
	})
}

// A request to somebody in a room has one answer: his, when it comes from him, or that he
// is not there any more.
func TestRoomRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 2, nil)
		juliet := d.cell.Session("juliet/pda").Core()
		d.people[0].User, d.people[0].Session = juliet.User(), juliet.ID()
		s.say(t, enter)
		conn.take()
		ask := func(id string) {
			t.Helper()
			s.say(t, "<iq type='get' id='"+id+"' to='den@conference.example.org/p0'><query xmlns='jabber:iq:version'/></iq>")
			if said := conn.take(); said != "" {
				t.Fatalf("%s was answered by us: %s", id, said)
			}
		}
		answer := func(id, nick string) string {
			sink{s}.PushSignal(im.Signal{Kind: im.SignalStanza, Data: []byte("<iq type='result' id='" + id + "' from='den@conference.example.org/" + nick + "'/>")})
			synctest.Wait()
			return conn.take()
		}
		ask("a")
		for what, id := range map[string]string{"p1": "a", "p0": "b"} {
			if said := answer(id, what); said != "" {
				t.Errorf("an answer of %s to %s, which nobody has asked him, gets through: %s", what, id, said)
			}
		}
		if said := answer("a", "p0"); !strings.Contains(said, "id='a'") {
			t.Errorf("the answer came as %q", said)
		}
		if said := answer("a", "p0"); said != "" {
			t.Errorf("there was another one: %s", said)
		}
		gone := func(what string, do func()) {
			t.Helper()
			ask(what)
			do()
			synctest.Wait()
			if said := conn.take(); !strings.Contains(said, "id='"+what+"'") || !strings.Contains(said, "from='den@conference.example.org/p0'") || !strings.Contains(said, "recipient-unavailable") {
				t.Errorf("%s: told %q", what, said)
			}
		}
		gone("renamed", func() {
			now := d.people[0]
			now.Member.Nick = "other"
			sink{s}.PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: now, WasNick: "p0"})
		})
		gone("left", func() { sink{s}.PushOccupant(&im.OccupantChange{Group: &d.group, Occupant: d.people[0], Left: true}) })
		gone("oneself", func() { s.say(t, "<presence type='unavailable' to='den@conference.example.org/romeo'/>") })
		s.say(t, enter)
		conn.take()
		for i := range mostAsked {
			ask(fmt.Sprint(i))
		}
		s.say(t, "<iq type='get' id='more' to='den@conference.example.org/p0'><query xmlns='jabber:iq:version'/></iq>")
		if said := conn.take(); !strings.Contains(said, "id='0'") || !strings.Contains(said, "recipient-unavailable") {
			t.Errorf("with too many open, %s", said)
		}
	})
}

// Whom the user has blocked by his address in the room is not heard privately (XEP-0191
// section 3.7).
func TestRoomBlockedOccupant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conn, d := inDen(t, 1, nil)
		s.say(t, enter)
		s.say(t, "<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='den@conference.example.org/p0'/></block></iq>")
		conn.take()
		for nick, want := range map[string]bool{"p0": false, "p1": true} {
			sink{s}.PushSignal(im.Signal{From: 77, Kind: im.SignalStanza, Data: []byte("<message type='chat' from='" + d.group.Addr.String() + "/" + nick + "'><body>psst</body></message>")})
			synctest.Wait()
			if said := conn.take(); (said != "") != want {
				t.Errorf("of %s the client hears %q", nick, said)
			}
		}
	})
}
