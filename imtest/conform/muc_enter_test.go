package conform

import (
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/proto/cxxpb"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// XEP-0045 section 7.2: what comes when somebody enters, and in which order: those who
// are there, himself, what was said, the subject, what is said from then on.
func TestXEP0045Enter(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t, withHistory)
	a := r.inside(t, 1, "first")
	r.say(a, "h1", "old")
	a.Want(r.message("first", "h1", "old"))
	b := w.onlineAt(t, 2, w.user(t, "second"))
	got := r.enter(b, "second")
	var order []string
	for _, e := range got {
		order = append(order, e.Local+" "+strings.TrimPrefix(e.Attr("from"), r.addr))
	}
	there := order[:min(2, len(order))]
	slices.Sort(there)
	if want := []string{"presence /Owner", "presence /first", "presence /second", "message /first", "message "}; !slices.Equal(order, want) {
		t.Fatalf("it came %q; want %q", order, want)
	}
	t.Run("7.2.2 self-presence", func(t *testing.T) {
		if c := codes(got[2]); !slices.Contains(c, "110") || slices.Contains(c, "201") {
			t.Errorf("his own presence has %v", c)
		}
		for _, e := range got[:2] {
			if slices.Contains(codes(e), "110") {
				t.Errorf("the presence of somebody else is the client's own: %v", e)
			}
		}
	})
	t.Run("7.2.3 those who are there learn it", func(t *testing.T) {
		a.Want(r.occupant("second", "to='"+a.JID+"'", "affiliation='none' role='participant' jid='"+b.JID+"'", "<t:no>"+statusCode("110")+"</t:no>"))
	})
	t.Run("7.2.4 not anonymous", func(t *testing.T) {
		if c := codes(got[2]); !slices.Contains(c, "100") {
			t.Errorf("nobody says that users are shown: %v", c)
		}
	})
	t.Run("7.2.12 logging", func(t *testing.T) {
		if c := codes(got[2]); !slices.Contains(c, "170") {
			t.Errorf("nobody says that the room is logged: %v", c)
		}
	})
	t.Run("7.2.13 history", func(t *testing.T) {
		p, err := xmpptest.ParsePattern("<message type='groupchat' id='h1' to='" + b.JID + "'><body>old</body><delay xmlns='urn:xmpp:delay' from='" + r.addr + "' stamp='$_'/></message>")
		if err != nil || !p.Match(got[3], nil) {
			t.Errorf("history came as %v (%v)", got[3], err)
		}
	})
}

// XEP-0045 section 7.2.13: how much of what was said a client wants.
func TestXEP0045History(t *testing.T) {
	w := open(t)
	r := w.room(t, withHistory)
	a := r.inside(t, 1, "first")
	for _, id := range []string{"h1", "h2", "h3"} {
		r.say(a, id, "text")
		a.Want(r.message("first", id, "text"))
	}
	for _, k := range []struct{ attrs, want string }{
		{"maxstanzas='0'", ""},
		{"maxstanzas='2'", "h2 h3"},
		{"maxstanzas='20'", "h1 h2 h3"},
		{"maxchars='0'", ""},
		{"seconds='3600'", "h1 h2 h3"},
		{"since='2001-01-01T00:00:00Z'", "h1 h2 h3"},
		{"since='2101-01-01T00:00:00Z'", ""},
		{"maxstanzas='-1'", "h1 h2 h3"},
		{"since='yesterday'", "h1 h2 h3"},
	} {
		t.Run(k.attrs, func(t *testing.T) {
			b := w.online(t, w.user(t, "late"))
			var said []string
			for _, e := range r.enterWith(b, b.Options.User, "<x xmlns='http://jabber.org/protocol/muc'><history "+k.attrs+"/></x>") {
				if e.Local == "message" && e.Attr("id") != "" && e.Child("jabber:client", "body") != nil {
					said = append(said, e.Attr("id"))
				}
			}
			if got := strings.Join(said, " "); got != k.want {
				t.Errorf("came %q; want %q", got, k.want)
			}
		})
	}
	t.Run("none before one joined", func(t *testing.T) {
		closed := w.room(t)
		closed.says("nobody else reads this")
		b := w.online(t, w.user(t, "late"))
		for _, e := range closed.enter(b, "late") {
			if e.Child("jabber:client", "body") != nil {
				t.Errorf("came %v", e)
			}
		}
	})
}

// XEP-0045 sections 7.2.1 and 7.2.5 to 7.2.11: who does not come in, and why.
func TestXEP0045EnterRefused(t *testing.T) {
	w := open(t)
	refused := func(t *testing.T, r *room, c *xmpptest.T, nick, typ, condition string) {
		t.Helper()
		id := c.ID()
		r.knock(c, id, nick)
		e := c.Want(stanzaError("presence", id, typ, condition))
		if from := e.Attr("from"); !strings.HasPrefix(from, r.addr) {
			t.Errorf("the refusal is from %s", from)
		}
		c.Do(c.RoundTrip)
		for _, e := range c.Heard() {
			if strings.HasPrefix(e.Attr("from"), r.addr) {
				t.Errorf("who was refused gets %v", e)
			}
		}
	}
	t.Run("7.2.1 no nickname", func(t *testing.T) {
		r, c := w.room(t), w.online(t, w.user(t, "guest"))
		c.Say("<presence id='n1' to='%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", r.addr)
		c.Want(stanzaError("presence", "n1", "modify", "jid-malformed"))
	})
	t.Run("7.2.7 members only", func(t *testing.T) {
		r, c := w.room(t, membersOnly), w.online(t, w.user(t, "guest"))
		refused(t, r, c, "guest", "auth", "registration-required")
		r.does(im.ActRole, c, im.RoleMember)
		r.enter(c, "guest")
	})
	t.Run("7.2.8 banned", func(t *testing.T) {
		r, c := w.room(t), w.online(t, w.user(t, "guest"))
		r.does(im.ActRole, c, im.RoleOutcast)
		refused(t, r, c, "guest", "auth", "forbidden")
		r.does(im.ActRole, c, im.RoleNone)
		r.enter(c, "guest")
	})
	t.Run("7.2.9 nickname conflict", func(t *testing.T) {
		r := w.room(t)
		r.inside(t, 1, "taken")
		c := w.online(t, w.user(t, "guest"))
		refused(t, r, c, "taken", "cancel", "conflict")
		refused(t, r, c, "owner", "cancel", "conflict")
		r.enter(c, "guest")
	})
	t.Run("7.2.9 reserved by a member who is away", func(t *testing.T) {
		r := w.room(t)
		m := w.online(t, w.user(t, "member"))
		r.does(im.ActRole, m, im.RoleMember)
		r.enter(m, "mine")
		m.Do(m.Close)
		w.known(t, m, false)
		refused(t, r, w.online(t, w.user(t, "guest")), "mine", "cancel", "conflict")
	})
	t.Run("7.2.10 full", func(t *testing.T) {
		r := w.room(t)
		r.set(24, &cxxpb.Group{MaxMembers: 2})
		a, b := r.inside(t, 1, "one"), r.inside(t, 1, "two")
		refused(t, r, w.online(t, w.user(t, "guest")), "three", "wait", "service-unavailable")
		a.Say("<presence type='unavailable' to='%s/one'/>", r.addr)
		b.Want(r.occupant("one", "type='unavailable'", "role='none'", ""))
		r.inside(t, 1, "three")
	})
	t.Run("7.2.11 locked", func(t *testing.T) {
		r := &room{t: t, w: w, addr: "locked@conference." + domain}
		maker, c := w.online(t, w.user(t, "maker")), w.online(t, w.user(t, "guest"))
		got := r.enter(maker, "maker")
		if c := codes(got[0]); !slices.Contains(c, "201") || !slices.Contains(c, "110") {
			t.Errorf("who has made a room is told %v", c)
		}
		refused(t, r, c, "guest", "cancel", "item-not-found")
	})
	t.Run("nicknames that PRECIS refuses", func(t *testing.T) {
		r, c := w.room(t), w.online(t, w.user(t, "guest"))
		for _, nick := range []string{"a\u200bb", "\u202eevil", strings.Repeat("n", 400)} {
			refused(t, r, c, nick, "modify", "jid-malformed")
		}
	})
}
