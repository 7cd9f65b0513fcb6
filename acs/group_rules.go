package acs

import (
	"time"

	"github.com/cxx-im/cxx/im"
)

// What follows are the rules of who may do what in a group; docs/decisions/0010 has
// the table. They are pure: the storage runs them under the lock of the timeline.

func errNotAllowed(what string) *im.Error {
	return im.Errorf(im.CodeForbidden, "you may not %s in this group", what)
}

// mayInvite reports whether me may let others in.
func mayInvite(g *im.Group, me *im.Member) bool {
	if g.Join == im.JoinOpen && g.Invite == im.WhoAnyone {
		return me.Role.In()
	}
	circle := max(g.Invite, im.WhoMembers)
	return me.Within(circle) && (me.Role >= im.RoleMember || me.Admin())
}

// mayEdit refuses a change of settings that me may not make.
func mayEdit(me *im.Member, before, after *im.Group) error {
	if !me.Role.In() || !me.Admin() || me.Role < im.RoleAdmin {
		return errNotAllowed("change settings")
	}
	if me.Role == im.RoleOwner {
		return nil
	}
	same := *after
	same.Title, same.About, same.Announcement = before.Title, before.About, before.Announcement
	same.AvatarHash, same.MutedUntil = before.AvatarHash, before.MutedUntil
	if !equalGroups(&same, before) {
		return errNotAllowed("change these settings; an owner can")
	}
	return nil
}

// equalGroups compares settings.
func equalGroups(a, b *im.Group) bool {
	x, y := *a, *b
	x.Salt, y.Salt = nil, nil
	if !x.SubjectAt.Equal(y.SubjectAt) || !x.MutedUntil.Equal(y.MutedUntil) || !x.Created.Equal(y.Created) {
		return false
	}
	x.SubjectAt, x.MutedUntil, x.Created = y.SubjectAt, y.MutedUntil, y.Created
	return x.ID == y.ID && x.Addr == y.Addr && x.Title == y.Title && x.About == y.About && x.Lang == y.Lang &&
		x.Subject == y.Subject && x.SubjectNick == y.SubjectNick && x.Announcement == y.Announcement && x.AvatarHash == y.AvatarHash &&
		x.Join == y.Join && x.Speak == y.Speak && x.Invite == y.Invite && x.Topic == y.Topic && x.MentionAll == y.MentionAll &&
		x.Private == y.Private && x.ListMembers == y.ListMembers && x.Hidden == y.Hidden && x.History == y.History &&
		x.Public == y.Public && x.Temporary == y.Temporary && x.Locked == y.Locked && x.MaxMembers == y.MaxMembers &&
		x.KeepDays == y.KeepDays && x.Creator == y.Creator && x.Password == y.Password
}

const (
	maxTitle  = 256
	maxAbout  = 4 << 10
	maxReason = 1 << 10
)

// validGroup refuses settings that make no sense.
func validGroup(g *im.Group) error {
	switch {
	case len(g.Title) > maxTitle:
		return im.Errorf(im.CodeTooLarge, "the title has %d bytes; at most %d are taken", len(g.Title), maxTitle)
	case len(g.About) > maxAbout || len(g.Announcement) > maxAbout || len(g.Subject) > maxAbout:
		return im.Errorf(im.CodeTooLarge, "a description, announcement or subject is too long; at most %d bytes are taken", maxAbout)
	case g.Join > im.JoinInvite:
		return im.Errorf(im.CodeInvalid, "how to join is %d; it is 0 (open), 1 (approval) or 2 (invitation)", g.Join)
	case max(g.Speak, g.Invite, g.Topic, g.MentionAll, g.Private, g.ListMembers) > im.WhoNobody:
		return im.Errorf(im.CodeInvalid, "who may do something is 0 (anyone), 1 (members), 2 (admins) or 3 (nobody)")
	case g.MaxMembers < 0 || g.KeepDays < 0 || g.KeepDays > 36500:
		return im.Errorf(im.CodeInvalid, "max_members and keep_days must not be negative, nor keep_days above 36500")
	case len(g.Password) > maxTitle || len(g.Lang) > 64:
		return im.Errorf(im.CodeTooLarge, "the password or the language is too long")
	}
	return nil
}

// mayAct refuses an act of me on target.
func mayAct(g *im.Group, me, target *im.Member, a *im.Act) error {
	if !me.Role.In() {
		return im.Errorf(im.CodeNotMember, "you are not in the group")
	}
	above := target.Role < im.RoleAdmin || me.Role == im.RoleOwner
	switch a.Do {
	case im.ActInvite:
		if !mayInvite(g, me) {
			return errNotAllowed("invite")
		}
		return nil
	case im.ActAccept, im.ActRefuse, im.ActKick:
		if me.Role < im.RoleAdmin || !above {
			return errNotAllowed("do this to somebody of that role")
		}
	case im.ActRole:
		return mayGive(me, target, a.Role)
	case im.ActTransfer:
		if me.Role != im.RoleOwner {
			return errNotAllowed("hand the group over")
		}
		if target.Role < im.RoleMember {
			return im.Errorf(im.CodeNotFound, "the group can be handed over to a member only")
		}
	case im.ActMute, im.ActUnmute, im.ActVoice, im.ActUnvoice, im.ActEject:
		if !me.Admin() || !above || target.Admin() && me.Role < im.RoleAdmin {
			return errNotAllowed("do this to somebody of that role")
		}
	case im.ActModerate:
		if me.Role < im.RoleAdmin || !above {
			return errNotAllowed("make somebody of that role a moderator")
		}
	default:
		return im.Errorf(im.CodeInvalid, "the act %d is not known", a.Do)
	}
	if a.Do != im.ActAccept && a.Do != im.ActRefuse && !target.Role.In() {
		return im.Errorf(im.CodeNotFound, "he is not in the group")
	}
	return nil
}

// mayGive refuses a role that me may not give target.
func mayGive(me, target *im.Member, r im.Role) error {
	switch {
	case r == im.RoleInvited || r == im.RoleAsking || r > im.RoleOwner:
		return im.Errorf(im.CodeInvalid, "the role %s cannot be given", r)
	case me.Role < im.RoleAdmin:
		return errNotAllowed("give roles")
	case me.User == target.User && r == im.RoleOutcast:
		return im.Errorf(im.CodeConflict, "you cannot ban yourself")
	case me.Role == im.RoleOwner:
		return nil
	case target.Role >= im.RoleAdmin || r >= im.RoleAdmin:
		return errNotAllowed("give or take the roles of admins and owners; an owner can")
	}
	return nil
}

// muteUntil is the time that ActMute means.
func muteUntil(a *im.Act) time.Time {
	if a.Until == 0 {
		return im.Forever
	}
	return time.UnixMilli(a.Until).UTC()
}
