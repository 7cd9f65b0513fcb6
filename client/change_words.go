package client

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
)

var changeWords = map[im.GroupVerb]string{
	im.GroupCreated: "created", im.GroupChanged: "changed", im.GroupSubject: "subject", im.GroupJoined: "joined", im.GroupLeft: "left",
	im.GroupInvited: "invited", im.GroupDeclined: "declined", im.GroupAsked: "asked", im.GroupRefused: "refused", im.GroupKicked: "kicked",
	im.GroupBanned: "banned", im.GroupUnbanned: "unbanned", im.GroupRole: "role", im.GroupVoice: "voice", im.GroupNick: "nick",
	im.GroupRetracted: "retracted", im.GroupDissolved: "dissolved", im.GroupExpelled: "expelled", im.GroupBooked: "booked",
}

// ChangeWord returns one word for what has happened in a group.
func ChangeWord(v im.GroupVerb) string { return cmp.Or(changeWords[v], fmt.Sprint(uint8(v))) }

// ChangeText says in one sentence what has happened in a group, by nicknames. It is
// empty for what an ordinary member is not told.
func ChangeText(ev *im.GroupEvent) string {
	s := changeSentence(ev)
	if s != "" && ev.Reason != "" {
		s += ": " + ev.Reason
	}
	return s
}

func changeSentence(ev *im.GroupEvent) string {
	by, who := cmp.Or(ev.ByNick, "somebody"), ""
	if m := ev.Member; m != nil {
		who = cmp.Or(m.Nick, m.Addr.Local)
	}
	switch ev.What {
	case im.GroupCreated:
		return by + " has made the group"
	case im.GroupChanged:
		return by + " has changed the settings"
	case im.GroupSubject:
		if ev.Group == nil || ev.Group.Subject == "" {
			return by + " has taken the subject away"
		}
		return by + " has set the subject to “" + ev.Group.Subject + "”"
	case im.GroupRetracted:
		return by + " has taken a message back"
	case im.GroupDissolved:
		s := by + " has dissolved the group"
		if ev.Alternate != "" {
			s += "; go to " + ev.Alternate
		}
		return s
	case im.GroupBooked:
		return bookSentence(ev.Membership)
	}
	if who == "" {
		return ""
	}
	return memberSentence(ev, by, who)
}

// memberSentence is about one member.
func memberSentence(ev *im.GroupEvent, by, who string) string {
	switch ev.What {
	case im.GroupJoined:
		if ev.ByNick != "" && ev.ByNick != who {
			s := by + " has let " + who + " in"
			if ev.Member.Role > im.RoleMember {
				s += " as " + ev.Member.Role.String()
			}
			return s
		}
		return who + " has joined"
	case im.GroupLeft:
		return who + " has left"
	case im.GroupInvited:
		return by + " has invited " + who
	case im.GroupDeclined:
		return who + " has declined the invitation"
	case im.GroupAsked:
		return who + " asks to join"
	case im.GroupRefused:
		return who + " was not let in by " + by
	case im.GroupKicked:
		if ev.Member.Role.In() { // his place in the group stays
			return by + " has sent " + who + " out of the room"
		}
		return by + " has removed " + who
	case im.GroupBanned:
		return by + " has banned " + who
	case im.GroupUnbanned:
		return by + " has lifted the ban of " + who
	case im.GroupRole:
		return who + " is " + ev.Member.Role.String() + " now, by " + by
	case im.GroupVoice:
		return voiceSentence(ev.Member, by, who)
	case im.GroupNick:
		return cmp.Or(ev.WasNick, "somebody") + " is called " + who + " now"
	case im.GroupExpelled:
		return who + " had to go, because the group takes members only"
	}
	return ""
}

func voiceSentence(m *im.Member, by, who string) string {
	switch {
	case m.Muted(time.Now()):
		s := by + " has muted " + who
		if !m.MutedUntil.Equal(im.Forever) {
			s += " " + muteWord(m.MutedUntil)
		}
		return s
	case m.Voice == im.VoiceModerator:
		return by + " has made " + who + " a moderator"
	}
	return who + " may write again, by " + by
}

func bookSentence(m *im.Membership) string {
	var words []string
	if m != nil && m.Pinned {
		words = append(words, "pinned")
	}
	if m != nil && m.Silent {
		words = append(words, "silent")
	}
	if len(words) == 0 {
		return "not pinned, not silent"
	}
	return strings.Join(words, ", ")
}

// ResolveIn returns the id of a user who is named by his address, or with an @ before
// it by his nickname in a group.
func (c *Client) ResolveIn(ctx context.Context, g im.GroupID, who string) (im.UserID, error) {
	nick, isNick := strings.CutPrefix(who, "@")
	if !isNick {
		return c.Resolve(ctx, who)
	}
	key := im.NickKey(nick)
	for q := (im.MemberQuery{}); ; {
		list, more, err := c.GroupMembers(ctx, g, q)
		if err != nil {
			return 0, err
		}
		for _, m := range list {
			if im.NickKey(m.Nick) == key && m.User != 0 {
				return m.User, nil
			}
		}
		if !more || len(list) == 0 {
			return 0, im.Errorf(im.CodeNotFound, "nobody in the group is called %s", nick)
		}
		q = q.Behind(&list[len(list)-1])
	}
}
