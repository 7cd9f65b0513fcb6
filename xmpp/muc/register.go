package muc

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// fieldReserve is the nickname that somebody wants to have in a room.
const fieldReserve = "muc#register_roomnick"

// registration answers what it takes to become a member (section 7.10).
func (s *Service) registration(_ context.Context, r *iq.Request) (*xmlstream.Element, error) {
	out := xmlstream.New(nsRegistration, "query")
	me := &r.Room.Me
	if me.Role >= im.RoleMember {
		return out.Add(xmlstream.New(nsRegistration, "registered"), xmlstream.NewText(nsRegistration, "username", me.Nick)), nil
	}
	if err := mayRegister(&r.Room); err != nil {
		return nil, err
	}
	f := form.New(form.TypeForm, nsRegister)
	f.Title = "Become a member of the room"
	text := "Choose a nickname that nobody else will have here."
	if me.Role == im.RoleAsking {
		text = "You have asked to join; an admin will answer."
	} else if r.Room.Group.Join == im.JoinApproval && me.Role != im.RoleInvited {
		text += " An admin will answer your request."
	}
	f.Instructions = []string{text}
	f.Add(form.Field{Var: fieldReserve, Type: form.TextSingle, Label: "Nickname", Required: true})
	return out.Add(xmlstream.NewText(nsRegistration, "instructions", text), f.Element()), nil
}

// mayRegister refuses registration where one comes in by invitation.
func mayRegister(st *im.GroupState) error {
	if st.Group.Join == im.JoinInvite && st.Me.Role < im.RoleInvited {
		return stanza.Errorf(stanza.NotAllowed, "one becomes a member here by an invitation")
	}
	return nil
}

// register makes the asker a member, asks for that, gives a member another nickname, or
// takes the membership back.
func (s *Service) register(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	core, g, me := r.Session.Core(), r.Room.Group.ID, &r.Room.Me
	if r.Payload.Child(nsRegistration, "remove") != nil {
		if me.Role < im.RoleMember {
			return nil, stanza.Errorf(stanza.RegistrationRequired, "you are no member of this room")
		}
		return nil, core.GroupLeave(ctx, g, "")
	}
	f, err := form.Submitted(form.Child(r.Payload), nsRegister)
	if err != nil {
		return nil, err
	}
	nick, err := im.PrepareNick(f.Get(fieldReserve))
	if err != nil {
		return nil, stanza.Errorf(stanza.NotAcceptable, "the field "+fieldReserve+" holds no nickname")
	}
	if me.Role >= im.RoleMember {
		return nil, core.GroupNick(ctx, g, nick)
	}
	if err := mayRegister(&r.Room); err != nil {
		return nil, err
	}
	joined, err := core.GroupJoin(ctx, g, im.Joining{Nick: nick})
	if im.CodeOf(err) == im.CodeMembersOnly {
		return nil, stanza.Errorf(stanza.NotAllowed, stanza.Of(err).Text)
	}
	if err == nil && joined.Role.In() && joined.Nick != nick { // who was there already kept his
		err = core.GroupNick(ctx, g, nick)
	}
	return nil, err
}
