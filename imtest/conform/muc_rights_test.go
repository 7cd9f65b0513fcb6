package conform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest"
	"github.com/cxx-im/cxx/proto/cxxpb"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// crowd are clients by how they stand to a room, those with fewer rights first.
type crowd []struct {
	standing string
	*xmpptest.T
}

// crowd brings somebody of each standing into the room, where he may be.
func (r *room) crowd(t *testing.T) (out crowd) {
	t.Helper()
	for i, standing := range []string{"outsider", "outcast", "visitor", "member", "moderator", "admin"} {
		c := r.w.onlineAt(t, 1+i%2, r.w.user(t, standing))
		switch standing {
		case "outcast":
			r.does(im.ActRole, c, im.RoleOutcast)
		case "member", "moderator":
			r.does(im.ActRole, c, im.RoleMember)
		case "admin":
			r.does(im.ActRole, c, im.RoleAdmin)
		}
		if standing == "moderator" {
			r.does(im.ActModerate, c, 0)
		}
		if i >= 2 {
			r.enter(c, standing)
		}
		out = append(out, struct {
			standing string
			*xmpptest.T
		}{standing, c})
	}
	return out
}

// upTo are those with the rights of somebody, or fewer.
func (c crowd) upTo(standing string) crowd {
	for i := range c {
		if c[i].standing == standing {
			return c[:i+1]
		}
	}
	return nil
}

const (
	adminQuery = "<query xmlns='http://jabber.org/protocol/muc#admin'>%s</query>"
	ownerQuery = "<query xmlns='http://jabber.org/protocol/muc#owner'>%s</query>"
)

// No request makes more of somebody than he is, or shows him what he may not see: each is
// refused to everybody up to those that are named (row 26, and row 15 for lists).
func TestSecurity26Requests(t *testing.T) {
	w := open(t, imtest.Nodes(2))
	r := w.room(t, membersRead, speakers)
	people := r.crowd(t)
	victim := w.online(t, w.user(t, "victim"))
	r.does(im.ActRole, victim, im.RoleMember)
	r.enter(victim, "victim")
	r.says("first")
	victim.Want("<message type='groupchat' from='" + r.addr + "/Owner'><body>first</body></message>")
	owner := r.owner.Name + "@" + domain
	before := len(r.log())
	item := func(attrs string) string { return fmt.Sprintf(adminQuery, "<item "+attrs+"/>") }
	form := func(fields string) string {
		return fmt.Sprintf(ownerQuery, "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>"+fields+"</x>")
	}
	for _, x := range []struct{ name, typ, payload, upTo string }{
		{"settings", "get", fmt.Sprintf(ownerQuery, ""), "admin"},
		{"configuration", "set", form("<field var='muc#roomconfig_roomname'><value>Mine</value></field>"), "admin"},
		{"empty configuration", "set", form(""), "admin"},
		{"owners by the form", "set", form("<field var='muc#roomconfig_roomowners'><value>%self</value></field>"), "admin"},
		{"cancel", "set", fmt.Sprintf(ownerQuery, "<x xmlns='jabber:x:data' type='cancel'/>"), "admin"},
		{"destroy", "set", fmt.Sprintf(ownerQuery, "<destroy/>"), "admin"},
		{"himself owner", "set", item("affiliation='owner' jid='%self'"), "admin"},
		{"himself admin", "set", item("affiliation='admin' jid='%self'"), "moderator"},
		{"himself member", "set", item("affiliation='member' jid='%self'"), "moderator"},
		{"himself moderator", "set", item("role='moderator' nick='%nick'"), "member"},
		{"himself participant", "set", item("role='participant' nick='%nick'"), "member"},
		{"another moderator", "set", item("role='moderator' nick='victim'"), "moderator"},
		{"another admin", "set", item("affiliation='admin' jid='" + victim.Bare() + "'"), "admin"},
		{"the owner's affiliation", "set", item("affiliation='none' jid='" + owner + "'"), "admin"},
		{"the owner banned", "set", item("affiliation='outcast' jid='" + owner + "'"), "admin"},
		{"the owner kicked", "set", item("role='none' nick='Owner'"), "admin"},
		{"the owner silenced", "set", item("role='visitor' nick='Owner'"), "admin"},
		{"the admin kicked", "set", item("role='none' nick='admin'"), "moderator"},
		{"a member banned", "set", item("affiliation='outcast' jid='" + victim.Bare() + "'"), "moderator"},
		{"a member kicked", "set", item("role='none' nick='victim'"), "member"},
		{"a member silenced", "set", item("role='visitor' nick='victim'"), "member"},
		{"one thing he may, one he may not", "set", fmt.Sprintf(adminQuery, "<item role='visitor' nick='victim'/><item affiliation='owner' jid='%self'/>"), "admin"},
		{"list of outcasts", "get", item("affiliation='outcast'"), "moderator"},
		{"list of members", "get", item("affiliation='member'"), "visitor"},
		{"list of moderators", "get", item("role='moderator'"), "moderator"},
		{"list of visitors", "get", item("role='visitor'"), "member"},
		{"moderation", "set", "<moderate xmlns='urn:xmpp:message-moderate:1' id='%first'><retract xmlns='urn:xmpp:message-retract:1'/></moderate>", "member"},
		{"picture", "set", "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>iVBORw0KGgo=</BINVAL></PHOTO></vCard>", "moderator"},
	} {
		t.Run(x.name, func(t *testing.T) {
			for _, c := range people.upTo(x.upTo) {
				payload := strings.NewReplacer("%self", c.Bare(), "%nick", c.standing, "%first", fmt.Sprint(before)).Replace(x.payload)
				got, err := "", error(nil)
				c.Do(func(ctx ctx) error {
					_, err = c.IQ(ctx, x.typ, r.addr, payload)
					return nil
				})
				if refused := new(xmpptest.Refused); errors.As(err, &refused) {
					got = refused.Condition()
				}
				if !slices.Contains([]string{"forbidden", "not-allowed", "item-not-found", "not-acceptable", "registration-required"}, got) {
					t.Errorf("%s is answered with %v", c.standing, err)
				}
			}
		})
	}
	if after := r.log(); len(after) != before {
		t.Errorf("it led to %v", after[before:])
	}
}

// membersRead makes the list of members one for members, speakers lets members speak.
func membersRead(g *cxxpb.Group) { g.List = uint32(im.WhoMembers) }
func speakers(g *cxxpb.Group)    { g.Speak = uint32(im.WhoMembers) }
