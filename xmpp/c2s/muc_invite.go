package c2s

import (
	"errors"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// roomRequest is a message to a room that is not for those in it: an invitation, its
// refusal, or a form (XEP-0045 sections 7.8.2, 7.10, 7.13, 8.6).
func (s *session) roomRequest(st *xmlstream.Element, to im.Addr) error {
	invites, err := muc.ReadInvites(st)
	if err != nil {
		return err
	}
	reason, declined := muc.ReadDecline(st)
	answer, form := muc.ReadAnswer(st)
	if len(invites) == 0 && !declined && !form {
		return stanza.Errorf(stanza.BadRequest, "a message to a room is of type groupchat")
	}
	g, err := s.groupID(to)
	switch {
	case err != nil:
		return err
	case len(invites) > 0:
		return s.invite(g, invites)
	case declined:
		return s.core.GroupDecline(s.ctx, g, reason)
	case answer.Wish:
		return s.askForVoice(to)
	}
	return s.answerWish(g, answer)
}

// groupID finds the group that has an address.
func (s *session) groupID(a im.Addr) (im.GroupID, error) {
	if r := s.roomAt(a); r != nil {
		return r.group.ID, nil
	}
	st, err := s.core.GroupFind(s.ctx, a.Bare())
	return st.Group.ID, err
}

// invite lets users come into a room; all or none of them.
func (s *session) invite(g im.GroupID, invites []muc.Invite) error {
	acts := make([]im.Act, 0, len(invites))
	for _, i := range invites {
		if !s.local(i.To) {
			return stanza.Errorf(stanza.RemoteServerNotFound, "")
		}
		u, err := s.core.Resolve(s.ctx, i.To)
		if err != nil {
			return err
		}
		acts = append(acts, im.Act{Do: im.ActInvite, User: u, Reason: i.Reason})
	}
	members := s.membersAmong(g, acts)
	if err := s.core.GroupAct(s.ctx, g, acts...); err != nil {
		return err
	}
	return s.remind(g, members)
}

// membersAmong returns the invitations to who is a member already. Who may not read the
// list of members learns nothing by it either.
func (s *session) membersAmong(g im.GroupID, invites []im.Act) (out []im.Act) {
	for _, a := range invites {
		list, err := s.core.GroupMembers(s.ctx, g, im.MemberQuery{Min: im.RoleVisitor, Max: im.RoleOwner, Users: []im.UserID{a.User}})
		if err == nil && len(list) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// remind passes invitations on to members: the core has nothing to do for them, but they
// may not be in the room.
func (s *session) remind(g im.GroupID, members []im.Act) error {
	if len(members) == 0 {
		return nil
	}
	st, err := s.core.GroupGet(s.ctx, g)
	if err != nil {
		return err
	}
	for _, a := range members {
		to, err := s.core.Address(s.ctx, a.User)
		if err != nil {
			return err
		}
		data := stanza.Bytes(muc.Invitation(&st.Group, s.addr, a.Reason).SetAttr("to", to.String()))
		s.core.Signal(im.Signal{To: a.User, Kind: im.SignalStanza, Data: data})
	}
	return nil
}

// inviteDirectly lets the recipient of a message come into the room that the message
// invites to (XEP-0249), when its sender may. The message itself is as any other.
func (s *session) inviteDirectly(st *xmlstream.Element, to im.UserID) {
	room, reason, ok := muc.ReadDirect(st)
	if !ok || !s.srv.groups(room.Domain) || st.Attr("type") == "error" {
		return
	}
	g, err := s.groupID(room)
	if err == nil {
		err = s.core.GroupAct(s.ctx, g, im.Act{Do: im.ActInvite, User: to, Reason: reason, Direct: true})
	}
	if err != nil {
		s.srv.note(s, err)
	}
}

// groupNews shows what the inbox says of a group; late: it has come while nobody was
// there.
func (s *session) groupNews(e *im.Entry, late bool) error {
	if !s.takes() || e.Group != nil && e.Group.What == im.GroupJoined && s.rooms[e.Group.ID] != nil {
		return nil
	}
	by, err := s.core.Address(s.ctx, e.From)
	var x *im.Error
	if err != nil && !(errors.As(err, &x) && x.Code == im.CodeNotFound) {
		return err
	}
	st := muc.News(e.Group, s.core.User(), by)
	if st == nil {
		return nil
	}
	st.SetAttr("to", s.full)
	if late {
		message.AddDelay(st, s.addr.Domain, e.MsgID.Time())
	}
	s.release()
	s.write(stanza.Bytes(st), e.Seq)
	return nil
}
