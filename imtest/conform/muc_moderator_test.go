package conform

import (
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/proto/cxxpb"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const (
	nsAdmin   = "http://jabber.org/protocol/muc#admin"
	nsOwner   = "http://jabber.org/protocol/muc#owner"
	formVoice = "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"
)

// XEP-0045 sections 7.13 and 8.6: a visitor asks for voice, a moderator at another node
// gives it by the form that he got.
func TestXEP0045Voice(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t, func(g *cxxpb.Group) { g.Speak = uint32(im.WhoMembers) })
	mod := r.inside(t, 1, "mod")
	r.does(im.ActRole, mod, im.RoleAdmin)
	mod.Want(r.occupant("mod", "type='!'", "affiliation='admin' role='moderator'", statusCode("110")))
	guest := r.inside(t, 2, "guest")
	mod.Want(r.occupant("guest", "type='!'", "role='visitor'", ""))
	r.say(guest, "v1", "may I?")
	guest.Want(stanzaError("message", "v1", "auth", "forbidden"))
	guest.Say("<message to='%s'><x xmlns='jabber:x:data' type='submit'>%s<field var='muc#role'><value>participant</value></field></x></message>", r.addr, formVoice)
	asked := mod.Want("<message from='" + r.addr + "' type='!'><x xmlns='jabber:x:data' type='form'>" + formVoice +
		"<field var='muc#jid'><value>" + guest.JID + "</value></field><field var='muc#roomnick'><value>guest</value></field><field var='muc#request_allow'><value>$_</value></field></x></message>")
	form := asked.Child("jabber:x:data", "x").SetAttr("type", "submit").String()
	yes := strings.Replace(strings.Replace(form, "<value>0</value>", "<value>1</value>", 1), "<value>false</value>", "<value>true</value>", 1)
	guest.Say("<message id='own' to='%s'>%s</message>", r.addr, yes)
	guest.Want(stanzaError("message", "own", "auth", "forbidden"))
	mod.Say("<message to='%s'>%s</message>", r.addr, yes)
	guest.Want(r.occupant("guest", "type='!'", "role='participant'", statusCode("110")))
	r.say(guest, "v2", "thank you")
	mod.Want(r.message("guest", "v2", "thank you"))
}

// XEP-0045 sections 8 to 10 with an owner who uses XMPP, and what others learn.
func TestXEP0045Moderator(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	change := func(items string) string { return "<query xmlns='" + nsAdmin + "'>" + items + "</query>" }
	owned := func(t *testing.T, shape ...func(*cxxpb.Group)) (r *room, owner, other *xmpptest.T) {
		t.Helper()
		r = w.room(t, shape...)
		owner, other = w.online(t, w.user(t, "boss")), w.onlineAt(t, 2, w.user(t, "guest"))
		r.does(im.ActRole, owner, im.RoleOwner)
		r.does(im.ActRole, other, im.RoleMember)
		r.enter(owner, "boss")
		r.enter(other, "ben")
		owner.Want(r.occupant("ben", "type='!'", "affiliation='member' role='participant'", ""))
		return r, owner, other
	}
	t.Run("5.1.2 roles that change with the settings", func(t *testing.T) {
		r, owner, other := owned(t)
		r.set(12, &cxxpb.Group{Speak: uint32(im.WhoAdmins)})
		owner.Want(r.occupant("ben", "type='!'", "affiliation='member' role='visitor'", ""))
		other.Want(r.occupant("ben", "type='!'", "affiliation='member' role='visitor'", statusCode("110")))
	})
	t.Run("8.2 kick", func(t *testing.T) {
		r, owner, other := owned(t, membersOnly)
		owner.Ask("set", r.addr, change("<item nick='ben' role='none'><reason>because</reason></item>"))
		other.Want(r.occupant("ben", "type='unavailable'", "affiliation='member' role='none'", statusCode("307")+statusCode("110")))
		owner.Want(r.occupant("ben", "type='unavailable'", "affiliation='member' role='none'", statusCode("307")))
		r.enter(other, "ben")
		other.AskFails("forbidden", "set", r.addr, change("<item nick='boss' role='none'/>"))
		r.does(im.ActModerate, other, 0)
		other.Want(r.occupant("ben", "type='!'", "role='moderator'", statusCode("110")))
		other.AskFails("not-allowed", "set", r.addr, change("<item nick='boss' role='none'/>"))
		owner.AskFails("conflict", "set", r.addr, change("<item nick='boss' role='none'/>"))
	})
	t.Run("9.4 membership", func(t *testing.T) {
		r, owner, other := owned(t, membersOnly)
		owner.Ask("set", r.addr, change("<item jid='"+other.Options.User+"@"+domain+"' affiliation='none'/>"))
		for _, c := range []*xmpptest.T{other, owner} {
			got := codes(c.Want(r.occupant("ben", "type='unavailable'", "affiliation='none' role='none'", "")))
			if !slices.Contains(got, "321") {
				t.Errorf("%s is told %v", c.JID, got)
			}
		}
	})
	t.Run("9.5 who is put on the list is invited", func(t *testing.T) {
		r, owner, _ := owned(t, membersOnly)
		fresh := w.onlineAt(t, 2, w.user(t, "fresh"))
		owner.Ask("set", r.addr, change("<item jid='"+fresh.Options.User+"@"+domain+"' affiliation='member'/>"))
		fresh.Want("<message from='" + r.addr + "'><x xmlns='" + nsUser + "'><invite from='" + owner.Options.User + "@" + domain + "'/></x></message>")
		r.enter(fresh, "fresh")
	})
	t.Run("7.8.2 invitations", func(t *testing.T) {
		r, owner, other := owned(t)
		invite := func(id, jid string) {
			owner.Say("<message id='%s' to='%s'><x xmlns='%s'><invite to='%s'><reason>come</reason></invite></x></message>", id, r.addr, nsUser, jid)
		}
		invited := "<message from='" + r.addr + "'><x xmlns='" + nsUser + "'><invite from='" + owner.Options.User + "@" + domain + "'><reason>come</reason></invite></x></message>"
		fresh := w.onlineAt(t, 2, w.user(t, "fresh"))
		invite("i1", fresh.Options.User+"@"+domain)
		fresh.Want(invited)
		other.Say("<presence type='unavailable' to='%s/ben'/>", r.addr)
		invite("i2", other.Options.User+"@"+domain)
		other.Want(invited)
		invite("i3", "nobody-there@"+domain)
		owner.Want(stanzaError("message", "i3", "cancel", "item-not-found"))
		invite("i4", domain)
		owner.Want(stanzaError("message", "i4", "modify", "jid-malformed"))
	})
	t.Run("9.1 nobody bans himself, nor an owner", func(t *testing.T) {
		r, owner, other := owned(t)
		owner.AskFails("conflict", "set", r.addr, change("<item jid='"+owner.Options.User+"@"+domain+"' affiliation='outcast'/>"))
		r.does(im.ActRole, other, im.RoleAdmin)
		other.Want(r.occupant("ben", "type='!'", "affiliation='admin' role='moderator'", ""))
		other.AskFails("not-allowed", "set", r.addr, change("<item jid='"+owner.Options.User+"@"+domain+"' affiliation='outcast'/>"))
	})
	t.Run("10.2 settings are for owners", func(t *testing.T) {
		r, _, other := owned(t)
		other.AskFails("forbidden", "get", r.addr, "<query xmlns='"+nsOwner+"'/>")
		other.AskFails("forbidden", "set", r.addr, "<query xmlns='"+nsOwner+"'><destroy/></query>")
	})
	t.Run("10.9 the end", func(t *testing.T) {
		r, owner, other := owned(t)
		owner.Ask("set", r.addr, "<query xmlns='"+nsOwner+"'><destroy jid='new@"+domain+"'><reason>moved</reason></destroy></query>")
		e := other.Want("<presence type='unavailable' from='" + r.addr + "/ben'><x xmlns='" + nsUser + "'><item affiliation='none' role='none'/><destroy jid='new@" + domain + "'><reason>moved</reason></destroy></x></presence>")
		if from := e.Attr("from"); from != r.addr+"/ben" {
			t.Errorf("the end came from %s", from)
		}
	})
}

// XEP-0045 sections 6.6, 7.2.18 and 10.1: what those get who are not, or not yet, inside.
func TestXEP0045Outside(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	t.Run("7.2.18 presence of who is not there", func(t *testing.T) {
		r, c := w.room(t), w.online(t, w.user(t, "guest"))
		c.Say("<presence to='%s/guest'><show>away</show></presence>", r.addr)
		c.Want(r.occupant("guest", "type='unavailable'", "affiliation='none' role='none'", statusCode("110")+statusCode("307")+statusCode("333")))
		r.says("nobody is there")
		c.Quiet()
	})
	t.Run("6.6 disco of an occupant", func(t *testing.T) {
		r, c := w.room(t), w.online(t, w.user(t, "guest"))
		r.inside(t, 1, "anna")
		c.AskFails("bad-request", "get", r.addr+"/anna", "<query xmlns='"+stanza.NSInfo+"'/>")
		c.AskFails("bad-request", "get", r.addr+"/nobody", "<query xmlns='"+stanza.NSItems+"'/>")
	})
	fresh := func(t *testing.T, name string) (*room, *xmpptest.T) {
		r, c := &room{t: t, w: w, addr: name + "@conference." + domain}, w.online(t, w.user(t, "maker"))
		if got := codes(r.enter(c, "maker")[0]); !slices.Contains(got, "201") {
			t.Errorf("who makes a room is told %v", got)
		}
		return r, c
	}
	submit := func(typ string) string {
		return "<query xmlns='" + nsOwner + "'><x xmlns='jabber:x:data' type='" + typ + "'/></query>"
	}
	t.Run("10.1.2 instant room", func(t *testing.T) {
		r, c := fresh(t, "instant")
		c.Ask("set", r.addr, submit("submit"))
		r.inside(t, 2, "guest")
		c.Want(r.occupant("guest", "type='!'", "affiliation='none' role='participant'", ""))
	})
	t.Run("10.1.3 cancelled", func(t *testing.T) {
		r, c := fresh(t, "cancelled")
		c.Ask("set", r.addr, submit("cancel"))
		c.Want("<presence type='unavailable' from='" + r.addr + "/maker'><x xmlns='" + nsUser + "'><destroy/></x></presence>")
		fresh(t, "cancelled")
	})
	t.Run("10.1.3 left before it is configured", func(t *testing.T) {
		r, c := fresh(t, "left")
		c.Say("<presence type='unavailable' to='%s/maker'/>", r.addr)
		c.Want(r.occupant("maker", "type='unavailable'", "role='none'", statusCode("110")))
		other := w.onlineAt(t, 2, w.user(t, "maker"))
		other.Do(func(ctx ctx) error { // until the room is gone
			for {
				r.knock(other, "k", "maker")
				e, err := other.Next(ctx)
				if err != nil || e.Attr("type") != "error" {
					return err
				}
			}
		})
	})
}
