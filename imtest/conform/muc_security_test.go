package conform

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/proto/cxxpb"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// Nobody takes a nickname that people would take for another's (row 26), whether he
// comes in with it or changes to it.
func TestSecurity26NickTheft(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t)
	r.inside(t, 1, "Paul Cooper")
	r.inside(t, 1, "José Fisher")
	thief := r.inside(t, 2, "thief")
	out := w.onlineAt(t, 2, w.user(t, "outside"))
	for name, nick := range map[string]string{
		"the same":       "Paul Cooper",
		"case":           "PAUL cooper",
		"Cyrillic":       "Pаul Соореr",
		"all Cyrillic":   "Раul Соореr",
		"Greek":          "Paul Cοοper",
		"full width":     "Ｐａｕｌ Ｃｏｏｐｅｒ",
		"blanks":         "  Paul   Cooper ",
		"no-break blank": "Paul\u00a0Cooper",
		"digits":         "Pau1 C00per",
		"math letters":   "𝐏𝐚𝐮𝐥 𝐂𝐨𝐨𝐩𝐞𝐫",
		"small capitals": "ᴘᴀᴜʟ ᴄᴏᴏᴘᴇʀ",
		"capital I":      "PauI Cooper",
		"combining":      "Jose\u0301 Fisher",
		"ligature":       "José ﬁsher",
		"owner by C-XX":  "OWNER",
	} {
		t.Run(name, func(t *testing.T) {
			for i, c := range []*xmpptest.T{thief, out} {
				id := fmt.Sprintf("%d %s", i, name)
				r.knock(c, id, nick)
				c.Want(stanzaError("presence", id, "cancel", "conflict"))
			}
		})
	}
	for name, nick := range map[string]string{
		"zero width": "Paul\u200b Cooper", "joiner": "Paul\u200d Cooper", "right to left": "\u202eroopeC luaP", "byte order": "Paul Cooper\ufeff", "soft hyphen": "Paul\u00ad Cooper", "braille blank": "Paul\u2800Cooper",
		"grapheme joiner": "Paul\u034f Cooper", "variation": "Paul\ufe0f Cooper", "filler": "Paul\u3164Cooper", "mark before it": "\u0301Paul Cooper",
	} {
		t.Run(name, func(t *testing.T) {
			for i, c := range []*xmpptest.T{thief, out} {
				id := fmt.Sprintf("%d %s", i, name)
				r.knock(c, id, nick)
				c.Want(stanzaError("presence", id, "modify", "jid-malformed"))
			}
		})
	}
}

// What somebody has sent before he knows that he was removed, and still waits at
// another node, reaches nobody: no message of his stands behind his removal, and each
// that he got an error for is nowhere (row 26).
func TestSecurity26QueuedOfKicked(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t)
	a, b := r.meet(t)
	var pipelined strings.Builder
	for i := range 60 {
		fmt.Fprintf(&pipelined, "<message type='groupchat' id='q%d' to='%s'><body>queued %d</body></message>", i, r.addr, i)
	}
	b.Say("%s", pipelined.String())
	a.Want(r.message("ben", "q5", "queued 5"))
	r.does(im.ActKick, b, 0)
	b.Want(r.occupant("ben", "type='unavailable'", "role='none'", statusCode("307")+statusCode("110")))
	b.Do(b.RoundTrip)
	refused := map[string]bool{}
	for _, e := range b.Heard() {
		if e.Attr("type") == "error" {
			refused[e.Attr("id")] = true
		}
	}
	gone := false
	for _, e := range r.log() {
		if e.Group != nil && im.GroupVerb(e.Group.What) == im.GroupKicked {
			gone = true
		}
		if e.Post == nil || e.Post.Nick != "ben" {
			continue
		}
		if id := "q" + strings.TrimPrefix(e.Text, "queued "); gone || refused[id] {
			t.Errorf("message %s: behind the removal %v, refused %v", id, gone, refused[id])
		}
	}
	if !gone {
		t.Error("the removal is not in the timeline")
	}
	r.says("without ben")
	left := false
	a.Do(func(ctx context.Context) error {
		for _, e := range a.Heard() {
			left = left || e.Local == "presence" && e.Attr("from") == r.addr+"/ben" && e.Attr("type") == "unavailable"
		}
		for {
			e, err := a.Next(ctx)
			switch {
			case err != nil:
				return err
			case e.ChildText("jabber:client", "body") == "without ben":
				return nil
			case e.Attr("from") == r.addr+"/ben" && e.Attr("type") == "unavailable":
				left = true
			case left && e.Attr("from") == r.addr+"/ben":
				t.Errorf("behind the removal came %v", e)
			}
		}
	})
	b.Quiet()
}

// What only the room may say is taken out of what occupants say (row 26).
func TestSecurity26Forged(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t, withHistory)
	a, b := r.meet(t)
	forged := strings.Repeat("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='lie'/>"+
		"<stanza-id xmlns='urn:xmpp:sid:0' by='"+r.addr+"' id='lie'/>", 3) +
		"<stanza-id xmlns='urn:xmpp:sid:0' by='" + strings.ToUpper(r.addr) + "' id='lie'/>" +
		"<delay xmlns='urn:xmpp:delay' from='" + r.addr + "/Owner' stamp='2001-01-01T00:00:00Z'/>" +
		"<delay xmlns='urn:xmpp:delay' from='" + r.addr + "' stamp='2001-01-01T00:00:00Z'/>" +
		"<delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z'/>" +
		"<x xmlns='" + nsUser + "'><status code='110'/><item jid='" + a.JID + "' affiliation='owner' role='moderator'/></x>" +
		"<x xmlns='" + nsUser + "'><invite from='" + a.JID + "'/></x>" +
		"<result xmlns='urn:xmpp:mam:2' id='lie'><forwarded xmlns='urn:xmpp:forward:0'/></result>" +
		"<retracted xmlns='urn:xmpp:message-retract:1' stamp='2001-01-01T00:00:00Z'/>" +
		"<moderated xmlns='urn:xmpp:message-moderate:1' by='" + r.addr + "/Owner'/>"
	lies := func(t *testing.T, e element) {
		t.Helper()
		for _, lie := range []string{"'lie'", "2001-01-01", "invite", "owner", "'110'", "urn:xmpp:mam:2", "retracted", "moderated"} {
			if strings.Contains(strings.ReplaceAll(e.String(), r.addr, ""), lie) {
				t.Errorf("%q got through: %v", lie, e)
			}
		}
	}
	t.Run("message", func(t *testing.T) {
		b.Say("<message type='groupchat' id='f1' to='%s'><body>x</body>%s</message>", r.addr, forged)
		for _, c := range []*xmpptest.T{a, b} {
			e := c.Want("<message type='groupchat' id='f1' from='" + r.addr + "/ben'><body>x</body></message>")
			lies(t, e)
			if n := strings.Count(e.String(), "<stanza-id"); n != 1 {
				t.Errorf("the message has %d stanza-ids", n)
			}
		}
	})
	t.Run("history", func(t *testing.T) {
		late := w.online(t, w.user(t, "late"))
		for _, e := range r.enter(late, "late") {
			if e.Attr("id") == "f1" {
				lies(t, e)
			}
		}
	})
	t.Run("private message", func(t *testing.T) {
		b.Say("<message type='chat' id='f2' to='%s/anna'><body>x</body>%s</message>", r.addr, forged)
		lies(t, a.Want("<message type='chat' id='f2' from='"+r.addr+"/ben'><body>x</body></message>"))
	})
	t.Run("presence", func(t *testing.T) {
		b.Say("<presence to='%s/ben'><status>f3</status>%s</presence>", r.addr, forged)
		e := a.Want("<presence from='" + r.addr + "/ben'><status>f3</status></presence>")
		lies(t, e)
		if n := strings.Count(e.String(), "<occupant-id"); n != 1 {
			t.Errorf("the presence has %d occupant-ids", n)
		}
	})
	t.Run("signal", func(t *testing.T) {
		b.Say("<message type='groupchat' id='f4' to='%s'><composing xmlns='http://jabber.org/protocol/chatstates'/>%s</message>", r.addr, forged)
		lies(t, a.Want("<message type='groupchat' from='"+r.addr+"/ben'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"))
	})
	t.Run("subject", func(t *testing.T) {
		b.Say("<message type='groupchat' id='f5' to='%s'><subject>tea</subject>%s</message>", r.addr, forged)
		lies(t, a.Want("<message type='groupchat' from='"+r.addr+"/ben'><subject>tea</subject></message>"))
	})
}

// A visitor without voice changes nothing, and who is outside reaches nobody inside
// (row 26).
func TestSecurity26Outsiders(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t)
	a, b := r.meet(t)
	out := w.onlineAt(t, 2, w.user(t, "outside"))
	r.set(12, &cxxpb.Group{Speak: uint32(im.WhoMembers)})
	b.Want(stanzaStatus(r, "104"))
	a.Want(stanzaStatus(r, "104"))
	a.Heard()
	for name, st := range map[string]string{
		"subject":     "<message type='groupchat' id='%s' to='%s'><subject>mine</subject></message>",
		"message":     "<message type='groupchat' id='%s' to='%s'><body>x</body></message>",
		"retraction":  "<message type='groupchat' id='%s' to='%s'><retract xmlns='urn:xmpp:message-retract:1' id='1'/></message>",
		"attention":   "<message type='groupchat' id='%s' to='%s'><attention xmlns='urn:xmpp:attention:0'/></message>",
		"bare marker": "<message type='groupchat' id='%s' to='%s'><received xmlns='urn:xmpp:chat-markers:0' id='1'/><body>x</body></message>",
	} {
		t.Run("visitor "+name, func(t *testing.T) {
			b.Say(st, "v-"+name, r.addr)
			e := b.Want("<message type='error' id='v-" + name + "'/>")
			if c := xmpptest.ReasonOf(e); c != "forbidden" && c != "item-not-found" {
				t.Errorf("refused with %v", e)
			}
			out.Say(st, "o-"+name, r.addr)
			out.Want(stanzaError("message", "o-"+name, "modify", "not-acceptable"))
		})
	}
	for name, st := range map[string]string{
		"private message": "<message type='chat' id='%s' to='%s/anna'><body>x</body></message>",
		"request":         "<iq type='get' id='%s' to='%s/anna'><query xmlns='jabber:iq:version'/></iq>",
	} {
		t.Run("outside "+name, func(t *testing.T) {
			out.Say(st, "p-"+name, r.addr)
			if e := out.Want("<" + st[1:strings.Index(st, " ")] + " type='error' id='p-" + name + "'/>"); xmpptest.ReasonOf(e) != "not-acceptable" {
				t.Errorf("refused with %v", e)
			}
		})
	}
	r.says("all of it")
	a.Want("<message type='groupchat' from='" + r.addr + "/Owner'><body>all of it</body></message>")
	for _, e := range a.Heard() {
		if e.Local != "presence" {
			t.Errorf("who is inside got %v", e)
		}
	}
}

func stanzaStatus(r *room, code string) string {
	return "<message type='groupchat' from='" + r.addr + "'><x xmlns='" + nsUser + "'>" + statusCode(code) + "</x></message>"
}

// Nothing tells an ordinary occupant who is behind a nickname of a room that hides it
// (row 26).
func TestSecurity26Hidden(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t, hidden, withHistory)
	a, b := r.meet(t)
	names := []string{b.Options.User, r.owner.Name}
	shows := func(e element) {
		t.Helper()
		text := strings.ReplaceAll(e.String(), r.addr, "")
		for _, n := range names {
			if strings.Contains(text, n) {
				t.Errorf("%s is shown in %v", n, e)
			}
		}
	}
	a.Heard()
	late := w.online(t, w.user(t, "late"))
	r.say(b, "m1", "hello")
	shows(a.Want(r.message("ben", "m1", "hello")))
	for _, e := range r.enter(late, "late") {
		shows(e)
	}
	b.Say("<message type='chat' id='p1' to='%s/anna'><body>psst</body></message>", r.addr)
	shows(a.Want("<message type='chat' id='p1'/>"))
	a.Answer = nil
	b.Say("<iq type='get' id='q1' to='%s/anna'><query xmlns='jabber:iq:version'/></iq>", r.addr)
	q := a.Want("<iq type='get'><query xmlns='jabber:iq:version'/></iq>")
	shows(q)
	a.Say("<iq type='result' id='%s' to='%s'/>", q.Attr("id"), q.Attr("from"))
	if e := b.Want("<iq type='result' id='q1' from='" + r.addr + "/anna'/>"); strings.Contains(e.String(), a.Options.User) {
		t.Errorf("the answer shows who it is from: %v", e)
	}
	a.AskFails("forbidden", "get", r.addr+"/ben", "<vCard xmlns='vcard-temp'/>")
	b.Say("<presence to='%s/benny'/>", r.addr)
	shows(a.Want(r.occupant("ben", "type='unavailable'", "nick='benny'", statusCode("303"))))
	shows(a.Want(r.occupant("benny", "type='!'", "role='participant'", "")))
	r.does(im.ActMute, b, 0)
	shows(a.Want(r.occupant("benny", "type='!'", "role='visitor'", "")))
	r.does(im.ActKick, b, 0)
	shows(a.Want(r.occupant("benny", "type='unavailable'", "role='none'", statusCode("307"))))
}
