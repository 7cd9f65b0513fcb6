package c2s

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/muc"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// askForVoice passes a visitor's wish to speak on to the moderators who are there. Who
// may speak already has it.
func (s *session) askForVoice(to im.Addr) error {
	r := s.roomAt(to)
	if r == nil {
		return errOutside
	}
	if muc.Role(r.group, &r.me, time.Now()) != "visitor" {
		return nil
	}
	there, err := s.core.RoomOccupants(s.ctx, r.group.ID)
	if err != nil {
		return err
	}
	st := muc.VoiceRequest(r.group, &r.self)
	for i := range there {
		if there[i].Member.Admin() {
			s.toOccupant(st, &there[i])
		}
	}
	return nil
}

// answerWish carries out what a moderator or admin says to somebody's wish.
func (s *session) answerWish(g im.GroupID, a muc.Answer) error {
	acts, err := s.granted(g, a)
	if err != nil || len(acts) == 0 {
		return err
	}
	return s.core.GroupAct(s.ctx, g, acts...)
}

// granted is what an answer means for the core. No to who wants to speak changes
// nothing.
func (s *session) granted(g im.GroupID, a muc.Answer) ([]im.Act, error) {
	r := s.rooms[g]
	switch {
	case a.Join:
		return s.letIn(a)
	case r == nil:
		return nil, errOutside
	case !r.me.Admin(): // nor may he learn who is there
		return nil, stanza.Errorf(stanza.Forbidden, "only moderators give voice")
	case !a.Allow:
		return nil, nil
	}
	there, err := muc.Find(s.ctx, s.core, g, a.User, a.Nick)
	if err != nil {
		return nil, err
	}
	return muc.RoleActs(r.group, &r.me, there, "participant", time.Now())
}

// letIn is what an answer means to who wants to join.
func (s *session) letIn(a muc.Answer) ([]im.Act, error) {
	if a.User.Local == "" {
		return nil, stanza.Errorf(stanza.ItemNotFound, "the form does not say whom it is about")
	}
	u, err := s.core.Resolve(s.ctx, a.User)
	act := im.Act{Do: im.ActRefuse, User: u}
	if a.Allow {
		act.Do = im.ActAccept
	}
	return []im.Act{act}, unknownAccount(err)
}
