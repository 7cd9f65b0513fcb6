package client

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// GroupSetting is one setting of a group with a value for it; EditGroup takes them.
// Owners may change all, admins those that are marked so; the subject is for whoever
// Group.Topic names.
type GroupSetting struct {
	field uint32 // its number in the protocol's Group
	set   func(*im.Group)
}

func setting(field uint32, set func(*im.Group)) GroupSetting { return GroupSetting{field, set} }

// SetTitle sets the group's name for people. Admins may.
func SetTitle(v string) GroupSetting { return setting(3, func(g *im.Group) { g.Title = v }) }

// SetAbout sets the description. Admins may.
func SetAbout(v string) GroupSetting { return setting(4, func(g *im.Group) { g.About = v }) }

// SetLang sets the language that is spoken.
func SetLang(v string) GroupSetting { return setting(5, func(g *im.Group) { g.Lang = v }) }

// SetSubject sets what is talked about now.
func SetSubject(v string) GroupSetting {
	return setting(subjectField, func(g *im.Group) { g.Subject = v })
}

// SetAnnouncement sets what every member shall know. Admins may.
func SetAnnouncement(v string) GroupSetting {
	return setting(9, func(g *im.Group) { g.Announcement = v })
}

// SetJoin sets how one comes in.
func SetJoin(v im.JoinRule) GroupSetting { return setting(11, func(g *im.Group) { g.Join = v }) }

// SetSpeak sets who may send.
func SetSpeak(v im.Who) GroupSetting { return setting(12, func(g *im.Group) { g.Speak = v }) }

// SetInvite sets who may invite.
func SetInvite(v im.Who) GroupSetting { return setting(13, func(g *im.Group) { g.Invite = v }) }

// SetTopic sets who may set the subject.
func SetTopic(v im.Who) GroupSetting { return setting(14, func(g *im.Group) { g.Topic = v }) }

// SetMentionAll sets who may mention everybody.
func SetMentionAll(v im.Who) GroupSetting {
	return setting(15, func(g *im.Group) { g.MentionAll = v })
}

// SetPrivate sets who may send private messages to occupants of the room.
func SetPrivate(v im.Who) GroupSetting { return setting(16, func(g *im.Group) { g.Private = v }) }

// SetListMembers sets who may read the list of members.
func SetListMembers(v im.Who) GroupSetting {
	return setting(17, func(g *im.Group) { g.ListMembers = v })
}

// SetHidden sets whether only admins learn who is behind a nickname.
func SetHidden(v bool) GroupSetting { return setting(18, func(g *im.Group) { g.Hidden = v }) }

// SetHistory sets whether newcomers may read what was before them.
func SetHistory(v bool) GroupSetting { return setting(19, func(g *im.Group) { g.History = v }) }

// SetPublic sets whether the group is in the directory.
func SetPublic(v bool) GroupSetting { return setting(20, func(g *im.Group) { g.Public = v }) }

// SetTemporary sets whether the group ends when nobody is there any more.
func SetTemporary(v bool) GroupSetting { return setting(21, func(g *im.Group) { g.Temporary = v }) }

// SetMutedUntil silences all but admins until then; the zero time ends that. Admins
// may.
func SetMutedUntil(v time.Time) GroupSetting {
	return setting(23, func(g *im.Group) { g.MutedUntil = v })
}

// SetMaxMembers sets how many members there can be; zero is what the server allows.
func SetMaxMembers(v int) GroupSetting { return setting(24, func(g *im.Group) { g.MaxMembers = v }) }

// SetKeepDays sets how long messages are kept; zero is for ever.
func SetKeepDays(v int) GroupSetting { return setting(25, func(g *im.Group) { g.KeepDays = v }) }

// subjectField is the number of the subject, which the server sets by a request of
// its own.
const subjectField = 6

// EditGroup changes settings of a group, all of them or none; the subject is set
// after them.
func (c *Client) EditGroup(ctx context.Context, g im.GroupID, settings ...GroupSetting) error {
	var subject, others []GroupSetting
	for _, s := range settings {
		if s.field == subjectField {
			subject = append(subject, s)
			continue
		}
		others = append(others, s)
	}
	if err := c.editGroup(ctx, g, others); err != nil {
		return err
	}
	return c.editGroup(ctx, g, subject[max(len(subject)-1, 0):])
}

func (c *Client) editGroup(ctx context.Context, g im.GroupID, settings []GroupSetting) error {
	if len(settings) == 0 {
		return nil
	}
	group := im.Group{ID: g}
	call := &cxxpb.GroupEditCall{}
	for _, s := range settings {
		s.set(&group)
		call.Fields = append(call.Fields, s.field)
	}
	call.Group = proto.GroupToPB(&group)
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_GroupEdit{GroupEdit: call}})
}
