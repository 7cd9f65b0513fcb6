package muc

import (
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// RoleActs is what it takes that somebody who is there, with all these sessions, has a
// role; none: he has it.
func RoleActs(g *im.Group, me *im.Member, there []im.Occupant, role string, now time.Time) ([]im.Act, error) {
	m := &there[0].Member
	u := there[0].User
	do := func(verbs ...im.ActVerb) (out []im.Act) {
		for _, v := range verbs {
			out = append(out, im.Act{Do: v, User: u})
		}
		return out
	}
	keeps := m.Role >= im.RoleAdmin // his role goes with his affiliation (sections 8.4, 9.7)
	switch {
	case role == "none" && u == me.User:
		return nil, stanza.Errorf(stanza.Conflict, "you cannot send yourself away; leave")
	case role == "none":
		return do(sentAway(there)), nil
	case Role(g, m, now) == role:
		return nil, nil
	case keeps && (role == "participant" || role == "visitor"):
		return nil, stanza.Errorf(stanza.NotAllowed, "owners and admins are moderators; change the affiliation")
	}
	switch role {
	case "moderator":
		return do(im.ActUnmute, im.ActModerate), nil
	case "participant":
		return voiced(g, m, now, do)
	case "visitor":
		return silenced(g, m, now, do), nil
	}
	return nil, stanza.Errorf(stanza.BadRequest, "the roles are moderator, participant, visitor and none")
}

// sentAway is how somebody is sent away: who is there with C-XX alone is there as long
// as he is a member.
func sentAway(there []im.Occupant) im.ActVerb {
	for i := range there {
		if there[i].Session != 0 {
			return im.ActEject
		}
	}
	return im.ActKick
}

// voiced lets somebody speak, and no more.
func voiced(g *im.Group, m *im.Member, now time.Time, do func(...im.ActVerb) []im.Act) ([]im.Act, error) {
	plain := *m
	plain.Voice, plain.MutedUntil = im.VoiceByRole, time.Time{}
	if im.MaySpeak(g, &plain, now) == nil {
		return do(im.ActUnvoice, im.ActUnmute), nil
	}
	plain.Voice = im.VoiceGranted
	if im.MaySpeak(g, &plain, now) != nil {
		return nil, stanza.Errorf(stanza.NotAllowed, "only those who keep order write here now")
	}
	return do(im.ActVoice), nil
}

// silenced lets somebody read only.
func silenced(g *im.Group, m *im.Member, now time.Time, do func(...im.ActVerb) []im.Act) []im.Act {
	plain := *m
	plain.Voice = im.VoiceByRole
	if im.MaySpeak(g, &plain, now) != nil {
		return do(im.ActUnvoice)
	}
	return do(im.ActUnvoice, im.ActMute)
}
