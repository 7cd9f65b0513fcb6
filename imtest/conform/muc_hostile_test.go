package conform

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/proto/cxxpb"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// Nobody speaks, leaves or changes anything as another occupant, whatever he writes
// into 'from' (rows 9 and 26).
func TestSecurity26From(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t)
	a := r.inside(t, 1, "anna")
	for name, st := range map[string]string{
		"message":  "<message type='groupchat' from='%s' to='%s'><body>as somebody else</body></message>",
		"presence": "<presence type='unavailable' from='%s' to='%s/anna'/>",
		"nickname": "<presence from='%s' to='%s/lies'/>",
		"request":  "<iq type='set' id='1' from='%s' to='%s'><query xmlns='jabber:iq:register'><remove/></query></iq>",
	} {
		for _, from := range []string{r.addr + "/anna", r.addr + "/Owner", r.addr, a.JID, a.Bare()} {
			t.Run(name+" from "+from, func(t *testing.T) {
				b := r.inside(t, 2, "ben "+w.user(t, "x"))
				b.Say(st, from, r.addr)
				endsAny(t, b, "invalid-from")
			})
		}
	}
	a.Do(a.RoundTrip)
	for _, e := range a.Heard() {
		if e.Local == "message" || e.Attr("from") == r.addr+"/lies" || strings.HasSuffix(e.Attr("from"), "/anna") && e.Attr("type") == "unavailable" {
			t.Errorf("there came %v", e)
		}
	}
}

// A C-XX client that writes elements of XMPP itself says no more by them than an XMPP
// client may: nothing that is the room's to say, and no subject (rows 9 and 26).
func TestSecurity26ElementsByCXX(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t, withHistory)
	a, b := r.meet(t)
	for i, lie := range []string{
		"<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>",
		"<stanza-id xmlns='urn:xmpp:sid:0' by='" + r.addr + "' id='forged'/>",
		"<delay xmlns='urn:xmpp:delay' from='" + r.addr + "' stamp='2001-01-01T00:00:00Z'><forged/></delay>",
		"<x xmlns='" + nsUser + "'><status code='110'/><forged/></x>",
		"<retract xmlns='urn:xmpp:message-retract:1' id='forged'/>",
		"<retracted xmlns='urn:xmpp:message-retract:1' stamp='2001-01-01T00:00:00Z'><forged/></retracted>",
		"<moderated xmlns='urn:xmpp:message-moderate:1'><forged/></moderated>",
		"<result xmlns='urn:xmpp:mam:2' id='forged'/>",
		"<received xmlns='urn:xmpp:carbons:2'><forged/></received>",
		"<subject>forged</subject>",
	} {
		for _, text := range []string{"", fmt.Sprint("text ", i)} {
			if text != "" && strings.HasPrefix(lie, "<subject") {
				continue // a message may have one
			}
			var id im.ClientID
			rand.Read(id[:])
			if err := r.owner.SayWith(im.GroupID(r.id), id, text, "<message xmlns='jabber:client' type='groupchat' from='"+b.JID+"'>"+lie+"</message>"); err != nil {
				t.Fatal(err)
			}
			rand.Read(id[:])
			if err := r.owner.SayWith(im.GroupID(r.id), id, text, "<message id='m' f='ben'>"+lie+"</message>"); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.says("last")
	seen := func(e element) bool {
		t.Helper()
		if e.Local == "message" && strings.Contains(e.String(), "forged") {
			t.Errorf("there came %v", e)
		}
		if e.Local == "message" && e.Child("jabber:client", "body") != nil && e.Attr("from") != r.addr+"/Owner" {
			t.Errorf("somebody else has said %v", e)
		}
		return e.ChildText("jabber:client", "body") == "last"
	}
	a.Do(func(ctx context.Context) error {
		for {
			if e, err := a.Next(ctx); err != nil || seen(e) {
				return err
			}
		}
	})
	for _, e := range r.enter(w.online(t, w.user(t, "late")), "late") {
		seen(e)
	}
	b.Ask("set", r.addr, "<query xmlns='urn:xmpp:mam:2'/>")
	for _, e := range b.Heard() {
		if strings.Contains(e.String(), "forged") {
			t.Errorf("the archive has %v", e)
		}
	}
}

// What somebody sends right behind his removal, in one go with it, is refused: it is
// delivered to nobody, nowhere in the archive, and answered with an error (row 26).
func TestSecurity26BehindTheKick(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	for name, remove := range map[string]func(r *room, b *xmpptest.T){
		"kicked": func(r *room, b *xmpptest.T) { r.does(im.ActKick, b, 0) },
		"banned": func(r *room, b *xmpptest.T) { r.does(im.ActRole, b, im.RoleOutcast) },
		"muted":  func(r *room, b *xmpptest.T) { r.does(im.ActMute, b, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			r := w.room(t, withHistory)
			a, b := r.meet(t)
			remove(r, b)
			end := len(r.log())
			kinds := map[string]string{
				"message":    "<body>queued</body>",
				"subject":    "<subject>queued</subject>",
				"retraction": "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
				"state":      "<body>queued</body><composing xmlns='http://jabber.org/protocol/chatstates'/>",
			}
			for kind, payload := range kinds {
				b.Say("<message type='groupchat' id='%s' to='%s'>%s</message>", kind, r.addr, payload)
			}
			for kind := range kinds {
				b.Want("<message type='error' id='" + kind + "'/>")
			}
			if name != "muted" {
				b.Say("<message type='chat' id='psst' to='%s/anna'><body>queued</body></message>", r.addr)
				b.Want(stanzaError("message", "psst", "modify", "not-acceptable"))
			}
			if log := r.log(); len(log) != end {
				t.Errorf("it led to %v", log[end:])
			}
			r.says("last")
			a.Do(func(ctx context.Context) error {
				for {
					e, err := a.Next(ctx)
					switch text := e.ChildText("jabber:client", "body"); {
					case err != nil || text == "last":
						return err
					case strings.Contains(e.String(), "queued"):
						t.Errorf("there came %v", e)
					}
				}
			})
		})
	}
}

// The archive of a room answers nobody who may not read there, in none of the ways in
// which it can be asked (row 26).
func TestSecurity26Archive(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t)
	a, former := r.meet(t)
	outcast, out := w.online(t, w.user(t, "outcast")), w.onlineAt(t, 2, w.user(t, "outside"))
	secret := w.room(t, membersOnly, withHistory)
	secret.says("secret")
	r.say(a, "m1", "between us")
	former.Want(r.message("anna", "m1", "between us"))
	r.does(im.ActKick, former, 0)
	r.does(im.ActRole, outcast, im.RoleOutcast)
	for name, q := range map[string]string{
		"all":      "<query xmlns='urn:xmpp:mam:2'/>",
		"with":     "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field><field var='with'><value>%s/anna</value></field></x></query>",
		"by id":    "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field><field var='ids'><value>3</value></field></x></query>",
		"newest":   "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set></query>",
		"metadata": "<metadata xmlns='urn:xmpp:mam:2'/>",
	} {
		typ := "set"
		if name == "metadata" {
			typ = "get"
		}
		for who, c := range map[string]*xmpptest.T{"former": former, "outcast": outcast, "outside": out} {
			t.Run(name+" "+who, func(t *testing.T) {
				for _, addr := range []string{r.addr, secret.addr} {
					var err error
					c.Do(func(ctx context.Context) error {
						_, err = c.IQ(ctx, typ, addr, strings.ReplaceAll(q, "%s", addr))
						return nil
					})
					if err == nil {
						t.Errorf("%s answers", addr)
					}
				}
				for _, e := range c.Heard() {
					if strings.Contains(e.String(), "urn:xmpp:mam:2") && e.Local == "message" {
						t.Errorf("there came %v", e)
					}
				}
			})
		}
	}
	t.Run("a room that is hidden", func(t *testing.T) {
		for _, q := range []string{"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<query xmlns='jabber:iq:register'/>", "<vCard xmlns='vcard-temp'/>"} {
			real := out.AskFails("item-not-found", "get", secret.addr, q).String()
			none := out.AskFails("item-not-found", "get", "no"+secret.addr, q).String()
			id := strings.NewReplacer(secret.addr, "", "no"+secret.addr, "")
			if len(id.Replace(real)) != len(id.Replace(none)) {
				t.Errorf("one can tell %s from %s", real, none)
			}
		}
	})
}

// Who may not invite invites nobody, through the room or directly (row 26).
func TestSecurity26Invitations(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t, membersOnly, func(g *cxxpb.Group) { g.Invite = uint32(im.WhoAdmins) })
	member, out, guest := w.online(t, w.user(t, "member")), w.online(t, w.user(t, "outside")), w.onlineAt(t, 2, w.user(t, "guest"))
	r.does(im.ActRole, member, im.RoleMember)
	r.enter(member, "member")
	end := len(r.log())
	for who, c := range map[string]*xmpptest.T{"member": member, "outside": out} {
		t.Run(who, func(t *testing.T) {
			c.Say("<message id='m-%s' to='%s'><x xmlns='%s'><invite to='%s'/></x></message>", who, r.addr, nsUser, guest.Bare())
			c.Want("<message type='error' id='m-" + who + "'/>")
			c.Say("<message id='d-%s' to='%s'><x xmlns='jabber:x:conference' jid='%s'/></message>", who, guest.Bare(), r.addr)
			guest.Want("<message id='d-" + who + "'/>")
			c.Say("<message id='f-%s' from='%s' to='%s'><x xmlns='%s'><invite from='%s@%s'/></x></message>", who, c.JID, guest.Bare(), nsUser, r.owner.Name, domain)
			c.Do(c.RoundTrip)
			r.knock(guest, "k-"+who, "guest")
			guest.Want(stanzaError("presence", "k-"+who, "auth", "registration-required"))
		})
	}
	for _, e := range guest.Heard() {
		if e.Local == "message" && strings.HasPrefix(e.Attr("from"), r.addr) {
			t.Errorf("the room has sent the guest %v", e)
		}
	}
	if log := r.log(); len(log) != end {
		t.Errorf("it led to %v", log[end:])
	}
}

// Who comes and goes without end does so no faster than changes are taken of a session;
// others are not disturbed (row 26).
func TestSecurity26JoinFlood(t *testing.T) {
	const rate = 4 // in a second, and at once
	w := open(t, imtest.Nodes(2), imtest.Configure(func(c *node.Config) {
		c.ACS.Grace, c.ACS.ChangeRate, c.ACS.ChangeBurst = config.Duration(10*time.Millisecond), rate, rate
	}))
	r := w.room(t)
	a := r.inside(t, 1, "anna")
	b := w.onlineAt(t, 2, w.user(t, "flood"))
	var flood strings.Builder
	for i := range 2 * rate {
		fmt.Fprintf(&flood, "<presence to='%s/n%d'><x xmlns='http://jabber.org/protocol/muc'/></presence><presence type='unavailable' to='%[1]s/n%[2]d'/>", r.addr, i)
	}
	begun := time.Now()
	b.Say("%s", flood.String())
	r.say(a, "m1", "undisturbed")
	a.Want(r.message("anna", "m1", "undisturbed"))
	b.Do(b.RoundTrip)
	if d := time.Since(begun); d < time.Second {
		t.Errorf("%d entries have taken %v", 2*rate, d)
	}
}
