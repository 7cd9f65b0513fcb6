package muc

import (
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

const (
	formConfig = "http://jabber.org/protocol/muc#roomconfig"
	standard   = "muc#roomconfig_"
	// extra begins the names of fields that XEP-0045 does not have (XEP-0068 section 3.2).
	extra = "{https://github.com/cxx-im/cxx#rooms}"
)

// The fields of which one says what another means, and those of several users.
const (
	fieldProtected = standard + "passwordprotectedroom"
	fieldSecret    = standard + "roomsecret"
	fieldAdmins    = standard + "roomadmins"
	fieldOwners    = standard + "roomowners"
)

// settings are the fields in the order of the form (section 16.5.3).
var settings = []setting{
	text("roomname", "Name", func(g *im.Group) *string { return &g.Title }),
	text("roomdesc", "Description", func(g *im.Group) *string { return &g.About }),
	text("lang", "Language", func(g *im.Group) *string { return &g.Lang }),
	flag(standard+"publicroom", "Show it in the list of rooms", func(g *im.Group) *bool { return &g.Public }),
	choice("persistentroom", "Keep it when nobody is there",
		func(g *im.Group) bool { return !g.Temporary }, func(g *im.Group, on bool) { g.Temporary = !on }),
	choice("membersonly", "Only members may enter", func(g *im.Group) bool { return g.Join != im.JoinOpen }, setMembersOnly),
	{
		name: extra + "approval", typ: form.Boolean, label: "One can ask to become a member",
		get: func(g *im.Group) []string { return []string{form.FormatBool(g.Join == im.JoinApproval)} }, set: setApproval,
	},
	choice("moderatedroom", "Visitors may not speak", func(g *im.Group) bool { return g.Speak != im.WhoAnyone }, narrow(func(g *im.Group) *im.Who { return &g.Speak }, im.WhoMembers)),
	choice("changesubject", "Occupants may change the subject", func(g *im.Group) bool { return g.Topic < im.WhoAdmins }, widen(func(g *im.Group) *im.Who { return &g.Topic }, im.WhoAnyone)),
	choice("allowinvites", "Members may invite others", func(g *im.Group) bool { return g.Invite < im.WhoAdmins }, widen(func(g *im.Group) *im.Who { return &g.Invite }, im.WhoMembers)),
	{
		name: standard + "allowpm", typ: form.ListSingle, label: "Who may send private messages",
		options: []form.Option{{Label: "Anyone", Value: "anyone"}, {Label: "Who may speak", Value: "participants"}, {Label: "Moderators", Value: "moderators"}, {Label: "Nobody", Value: "none"}},
		get:     func(g *im.Group) []string { return []string{circles[g.Private]} },
		set:     func(g *im.Group, x *form.Field) bool { return setCircle(&g.Private, x.Value()) },
	},
	{
		name: standard + "getmemberlist", typ: form.ListMulti, label: "Who may read the list of members",
		options: []form.Option{{Label: "Moderators", Value: "moderator"}, {Label: "Participants", Value: "participant"}, {Label: "Visitors", Value: "visitor"}},
		get: func(g *im.Group) []string {
			return append([]string{}, readers[min(int(g.ListMembers), int(im.WhoNobody)):]...)
		},
		set: setReaders,
	},
	{
		name: standard + "whois", typ: form.ListSingle, label: "Who learns who is behind a nickname",
		options: []form.Option{{Label: "Moderators", Value: "moderators"}, {Label: "Anyone", Value: "anyone"}},
		get: func(g *im.Group) []string {
			return []string{map[bool]string{true: "moderators", false: "anyone"}[g.Hidden]}
		},
		set: func(g *im.Group, x *form.Field) bool {
			g.Hidden = x.Value() == "moderators"
			return g.Hidden || x.Value() == "anyone"
		},
	},
	{
		name: standard + "maxusers", typ: form.ListSingle, label: "Most members and occupants",
		options: sizes("10", "20", "50", "100", "500", "1000", "10000"),
		get:     func(g *im.Group) []string { return []string{number(g.MaxMembers)} },
		set:     func(g *im.Group, x *form.Field) bool { return setNumber(&g.MaxMembers, x.Value()) },
	},
	{
		name: standard + "enablelogging", typ: form.Boolean, label: "Keep what is said",
		get: func(*im.Group) []string { return []string{form.FormatBool(true)} },
		set: func(_ *im.Group, x *form.Field) bool { on, ok := x.Bool(); return on && ok }, // it always is
	},
	flag(extra+"history", "Newcomers may read what was said before", func(g *im.Group) *bool { return &g.History }),
	{
		name: extra + "keep_days", typ: form.TextSingle, label: "Days for which messages are kept; none: for ever",
		get: func(g *im.Group) []string { return []string{number(g.KeepDays)} },
		set: func(g *im.Group, x *form.Field) bool { return setNumber(&g.KeepDays, x.Value()) },
	},
	{
		name: extra + "mention_all", typ: form.ListSingle, label: "Who may mention everybody",
		options: []form.Option{{Label: "Anyone", Value: "anyone"}, {Label: "Members", Value: "participants"}, {Label: "Moderators", Value: "moderators"}, {Label: "Nobody", Value: "none"}},
		get:     func(g *im.Group) []string { return []string{circles[g.MentionAll]} },
		set:     func(g *im.Group, x *form.Field) bool { return setCircle(&g.MentionAll, x.Value()) },
	},
}

// configuration is the form of a room as it is (section 10.2). admins and owners are
// addresses.
func configuration(g *im.Group, admins, owners []string) *form.Form {
	f := form.New(form.TypeForm, formConfig)
	f.Title = "Settings of " + g.Addr.Local
	for i := range settings {
		x := &settings[i]
		f.Add(form.Field{Var: x.name, Type: x.typ, Label: x.label, Options: x.options, Values: x.get(g)})
	}
	f.Bool(fieldProtected, "A password is needed to enter", g.Password != "")
	f.Add(
		form.Field{Var: fieldSecret, Type: form.TextPrivate, Label: "Password", Values: []string{g.Password}},
		form.Field{Var: fieldAdmins, Type: form.JIDMulti, Label: "Admins", Values: admins},
		form.Field{Var: fieldOwners, Type: form.JIDMulti, Label: "Owners", Values: owners},
	)
	return f
}

// apply changes g as a submitted form says; fields that it does not have, and those
// that are not known, change nothing.
func apply(g *im.Group, f *form.Form) error {
	for i := range settings {
		x := f.Field(settings[i].name)
		if x != nil && !settings[i].set(g, x) {
			return wrong(settings[i].name, "it cannot have this value")
		}
	}
	return applyPassword(g, f)
}

func applyPassword(g *im.Group, f *form.Form) error {
	secret, protected := g.Password, g.Password != ""
	if f.Has(fieldSecret) {
		secret = f.Get(fieldSecret)
		protected = secret != ""
	}
	if x := f.Field(fieldProtected); x != nil {
		on, ok := x.Bool()
		if !ok {
			return wrong(fieldProtected, "it is true or false")
		}
		protected = on
	}
	switch {
	case !protected:
		g.Password = ""
	case secret == "":
		return wrong(fieldSecret, "a password is missing")
	default:
		g.Password = secret
	}
	return nil
}

// wrong names the field that is.
func wrong(field, why string) error {
	return stanza.Errorf(stanza.NotAcceptable, "the field "+field+": "+why)
}
