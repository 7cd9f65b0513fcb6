package conform

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/proto/cxxpb"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

const nsUser = stanza.NSMUCUser

// room is a room whose owner is a C-XX client: what one protocol does, the other
// must see.
type room struct {
	t     *testing.T
	w     world
	id    uint64
	addr  string
	owner *imtest.Client
}

// room makes one, by the settings that shape makes of an open one.
func (w world) room(t *testing.T, shape ...func(*cxxpb.Group)) *room {
	t.Helper()
	r := &room{t: t, w: w}
	name := w.user(t, "owner")
	r.owner = w.CXX(w.Node(1), name)
	g := &cxxpb.Group{Addr: "room-of-" + name, Title: "A room"}
	for _, f := range shape {
		f(g)
	}
	made, err := r.owner.Call(&cxxpb.Call{Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{Group: g, Nick: "Owner"}}})
	if err != nil {
		t.Fatal(err)
	}
	r.id, r.addr = made.GetGroup().Group.Id, made.GetGroup().Group.Addr
	return r
}

func hidden(g *cxxpb.Group)      { g.Hidden = true }
func withHistory(g *cxxpb.Group) { g.History = true }
func membersOnly(g *cxxpb.Group) { g.Join = uint32(im.JoinInvite) }

// does carries out something that the owner does to the user of a client.
func (r *room) does(do im.ActVerb, c *xmpptest.T, role im.Role) {
	r.t.Helper()
	r.call(&cxxpb.Call{Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: r.id, Acts: []*cxxpb.Act{
		{Verb: uint32(do), User: uint64(r.w.Account(c.Options.User)), Role: uint32(role), Reason: "because"},
	}}}})
}

// set changes a setting, by the number of its field.
func (r *room) set(field uint32, g *cxxpb.Group) {
	r.t.Helper()
	g.Id = r.id
	r.call(&cxxpb.Call{Op: &cxxpb.Call_GroupEdit{GroupEdit: &cxxpb.GroupEditCall{Group: g, Fields: []uint32{field}}}})
}

func (r *room) call(c *cxxpb.Call) *cxxpb.Reply {
	r.t.Helper()
	out, err := r.owner.Call(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// says sends a message of the owner.
func (r *room) says(text string) {
	r.t.Helper()
	var id im.ClientID
	rand.Read(id[:])
	if err := r.owner.Say(im.GroupID(r.id), id, text); err != nil {
		r.t.Fatal(err)
	}
}

// log returns what the timeline has, as the owner reads it.
func (r *room) log() (out []*cxxpb.Entry) {
	r.t.Helper()
	for cursor := uint64(0); ; cursor = out[len(out)-1].Seq {
		page := r.call(&cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: r.id, Cursor: cursor}}}).GetSync()
		if len(page.Entries) == 0 {
			return out
		}
		out = append(out, page.Entries...)
	}
}

// knock says that a client wants to come in.
func (r *room) knock(c *xmpptest.T, id, nick string) {
	r.t.Helper()
	c.Say("<presence id='%s' to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", id, r.addr, nick)
}

// enter takes a client in and returns what it got up to the subject, in order.
func (r *room) enter(c *xmpptest.T, nick string) []element {
	r.t.Helper()
	return r.enterWith(c, nick, "<x xmlns='http://jabber.org/protocol/muc'/>")
}

func (r *room) enterWith(c *xmpptest.T, nick, payload string) (got []element) {
	r.t.Helper()
	c.Heard()
	c.Say("<presence to='%s/%s'>%s</presence>", r.addr, nick, payload)
	c.Do(func(ctx context.Context) error {
		for {
			e, err := c.Next(ctx)
			if err != nil {
				return err
			}
			if from := e.Attr("from"); from != r.addr && !strings.HasPrefix(from, r.addr+"/") {
				continue
			}
			if got = append(got, e); e.Child(stanza.NSClient, "subject") != nil && e.Child(stanza.NSClient, "body") == nil {
				return nil
			}
		}
	})
	return got
}

// meet returns clients of two new users who see each other in the room, at two nodes.
func (r *room) meet(t *testing.T) (anna, ben *xmpptest.T) {
	t.Helper()
	anna, ben = r.inside(t, 1, "anna"), r.inside(t, 2, "ben")
	anna.Want(r.occupant("ben", "type='!'", "role='participant'", ""))
	return anna, ben
}

// inside is a new user's client that is in the room.
func (r *room) inside(t *testing.T, node int, nick string) *xmpptest.T {
	t.Helper()
	c := r.w.onlineAt(t, node, r.w.user(t, "guest"))
	r.enter(c, nick)
	return c
}

// occupant is the pattern of somebody's presence in the room: its attributes, those of
// his item, and what else stands in x.
func (r *room) occupant(nick, attrs, item, more string) string {
	return "<presence from='" + r.addr + "/" + nick + "' " + attrs + "><x xmlns='" + nsUser + "'><item " + item + "/>" + more + "</x></presence>"
}

func statusCode(code string) string { return "<status code='" + code + "'/>" }

// codes returns the status codes of a stanza of the room.
func codes(e element) (out []string) {
	x := e.Child(nsUser, "x")
	if x == nil {
		return nil
	}
	for c := range x.Children() {
		if c.Local == "status" {
			out = append(out, c.Attr("code"))
		}
	}
	slices.Sort(out)
	return out
}

// message is the pattern of something said in the room.
func (r *room) message(nick, id, body string) string {
	return "<message type='groupchat' from='" + r.addr + "/" + nick + "' id='" + id + "'><body>" + body + "</body></message>"
}

// say is a client's message to the room.
func (r *room) say(c *xmpptest.T, id, body string) {
	r.t.Helper()
	c.Say("<message type='groupchat' id='%s' to='%s'><body>%s</body></message>", id, r.addr, body)
}
