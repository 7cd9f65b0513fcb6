package muc

import (
	"context"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/disco"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// The nodes of a room (sections 7.12 and 17.1.1).
const (
	nodeNick    = "x-roomuser-item"
	nodeTraffic = "http://jabber.org/protocol/muc#traffic"
)

const (
	formInfo = "http://jabber.org/protocol/muc#roominfo"
	nsStable = "http://jabber.org/protocol/muc#stable_id"
	nsSelf   = "http://jabber.org/protocol/muc#self-ping-optimization" // XEP-0410
)

// always are the features of every room.
var always = []string{
	stanza.NSInfo, stanza.NSItems, stanza.NSMUC, nsStable, nsSelf, stanza.NSMAM, stanza.NSMAM + "#extended", stanza.NSSID,
	NSOccupant, NSModerate, NSRetract, NSRetract + "#tombstone", nsVCard, nsPing, NSRequest, formConfig, formInfo,
}

// info describes a room (section 6.4), or tells the asker's reserved nickname.
func (s *Service) info(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	out := disco.Info{}
	node := r.Payload.Attr("node")
	switch node {
	case "":
		out = portray(ctx, r)
	case nodeNick:
		if m := &r.Room.Me; m.Role >= im.RoleMember {
			out.Identities = []iq.Identity{{Category: "conference", Type: "text", Name: m.Nick}}
		}
	case nodeTraffic: // all of it
		return nil, stanza.Errorf(stanza.ServiceUnavailable, "")
	default:
		return nil, errNode
	}
	return out.Element(node), nil
}

var errNode = stanza.Errorf(stanza.ItemNotFound, "there is no such node")

func portray(ctx context.Context, r *iq.Request) disco.Info {
	g := &r.Room.Group
	out := disco.Info{
		Identities: []iq.Identity{{Category: "conference", Type: "text", Name: g.Title}},
		Features:   append(append([]string(nil), always...), kinds(&r.Room)...),
		Forms:      []*form.Form{about(ctx, r)},
	}
	if g.Join != im.JoinInvite {
		out.Features = append(out.Features, nsRegistration, nsRegister)
	}
	return out
}

// kinds are the features that say of which kind a room is (section 4.2).
func kinds(st *im.GroupState) []string {
	either := func(is bool, yes, no string) string {
		if is {
			return "muc_" + yes
		}
		return "muc_" + no
	}
	g := &st.Group
	return []string{
		either(g.Public, "public", "hidden"),
		either(g.Join == im.JoinOpen, "open", "membersonly"),
		either(g.Speak == im.WhoAnyone, "unmoderated", "moderated"),
		either(g.Hidden, "semianonymous", "nonanonymous"),
		either(st.Protected, "passwordprotected", "unsecured"),
		either(g.Temporary, "temporary", "persistent"),
	}
}

// about is the form of section 6.4. What only those in the room know is empty for
// others already.
func about(ctx context.Context, r *iq.Request) *form.Form {
	g := &r.Room.Group
	f := form.New(form.TypeResult, formInfo)
	f.Text("muc#roominfo_description", "Description", g.About)
	f.Text("muc#roomconfig_roomname", "Name", g.Title)
	if g.Lang != "" {
		f.Text("muc#roominfo_lang", "Language", g.Lang)
	}
	if r.Room.Me.Role.In() {
		f.Text("muc#roominfo_subject", "Subject", g.Subject)
		f.Bool("muc#roominfo_subjectmod", "Occupants may change the subject", g.Topic < im.WhoAdmins)
	}
	f.Text("muc#roominfo_occupants", "Number of occupants", strconv.Itoa(howMany(ctx, r)))
	if g.AvatarHash != "" { // XEP-0486 section 3.3
		f.Add(form.Field{Var: "muc#roominfo_avatarhash", Type: form.TextMulti, Label: "Hash of the picture", Values: []string{g.AvatarHash}})
	}
	return f
}

// howMany is how many are in a room. Who is not there himself learns how many belong
// to it.
func howMany(ctx context.Context, r *iq.Request) int {
	list, err := r.Session.Core().RoomOccupants(ctx, r.Room.Group.ID)
	if err != nil {
		return r.Room.Members
	}
	return len(nicknames(list))
}

// nicknames are those of occupants, each once.
func nicknames(list []im.Occupant) (out []string) {
	seen := make(map[string]bool, len(list))
	for i := range list {
		if nick := list[i].Member.Nick; !seen[nick] {
			seen[nick] = true
			out = append(out, nick)
		}
	}
	return out
}

// occupants lists who is in a room, to who is there himself (section 6.5).
func (s *Service) occupants(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	if r.Payload.Attr("node") != "" {
		return nil, errNode
	}
	out := xmlstream.New(stanza.NSItems, "query")
	list, err := r.Session.Core().RoomOccupants(ctx, r.Room.Group.ID)
	if im.CodeOf(err) == im.CodeNotMember {
		return out, nil
	}
	for _, nick := range nicknames(list) {
		out.AddNew(stanza.NSItems, "item").SetAttr("jid", NickAddr(&r.Room.Group, nick))
	}
	return out, err
}
