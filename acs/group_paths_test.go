package acs_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// standings are the ways in which a user can stand to a group, in the order of the
// columns of paths. muted is a member who was silenced.
var standings = []struct {
	name string
	m    im.Member
}{
	{"outsider", im.Member{}},
	{"outcast", im.Member{Role: im.RoleOutcast}},
	{"invited", im.Member{Role: im.RoleInvited}},
	{"asking", im.Member{Role: im.RoleAsking}},
	{"visitor", im.Member{Role: im.RoleVisitor}},
	{"voiced", im.Member{Role: im.RoleVisitor, Voice: im.VoiceGranted}},
	{"muted", im.Member{Role: im.RoleMember, MutedUntil: im.Forever}},
	{"member", im.Member{Role: im.RoleMember}},
	{"moderator", im.Member{Role: im.RoleMember, Voice: im.VoiceModerator}},
	{"admin", im.Member{Role: im.RoleAdmin}},
	{"owner", im.Member{Role: im.RoleOwner}},
}

// letters are the answers in the columns of paths.
var letters = map[im.ErrorCode]byte{
	0: '+', im.CodeForbidden: 'f', im.CodeNotMember: 'n', im.CodeBanned: 'b', im.CodeNotFound: '0', im.CodeMuted: 'm',
	im.CodeMembersOnly: 'o', im.CodeLastOwner: 'l', im.CodeNickTaken: 't',
}

// troupe is a group with somebody of each standing, and others, to do things to.
type troupe struct {
	*people
	g      im.GroupID
	others map[string]im.UserID
}

func (tr *troupe) act(do im.ActVerb, on string, role ...im.Role) func(context.Context, im.Session) error {
	a := im.Act{Do: do, User: tr.others[on]}
	if len(role) > 0 {
		a.Role = role[0]
	}
	return func(ctx context.Context, s im.Session) error { return s.GroupAct(ctx, tr.g, a) }
}

func (tr *troupe) edit(change func(*im.Group)) func(context.Context, im.Session) error {
	return func(ctx context.Context, s im.Session) error {
		return s.GroupEdit(ctx, tr.g, func(g *im.Group) error { change(g); return nil })
	}
}

// path is one way to reach a group, with what it answers to who stands how to it.
type path struct {
	name, want string
	do         func(tr *troupe) func(ctx context.Context, s im.Session) error
}

// read makes a path of a question whose answer is not looked at.
func read[T any](ask func(s im.Session, ctx context.Context, g im.GroupID) (T, error)) func(*troupe) func(context.Context, im.Session) error {
	return func(tr *troupe) func(context.Context, im.Session) error {
		return func(ctx context.Context, s im.Session) error {
			_, err := ask(s, ctx, tr.g)
			return err
		}
	}
}

func write(do func(s im.Session, ctx context.Context, g im.GroupID) error) func(*troupe) func(context.Context, im.Session) error {
	return read(func(s im.Session, ctx context.Context, g im.GroupID) (struct{}, error) {
		return struct{}{}, do(s, ctx, g)
	})
}

func acts(do im.ActVerb, on string, role ...im.Role) func(*troupe) func(context.Context, im.Session) error {
	return func(tr *troupe) func(context.Context, im.Session) error { return tr.act(do, on, role...) }
}

func edits(change func(*im.Group)) func(*troupe) func(context.Context, im.Session) error {
	return func(tr *troupe) func(context.Context, im.Session) error { return tr.edit(change) }
}

// paths is the table of docs/decisions/0010 for a group that is entered by invitation,
// in which members write, invite, set the subject and read the list of members. The
// columns are: outsider, outcast, invited, asking; visitor, the same with voice; a muted
// member, a member, one who moderates; admin, owner.
var paths = []path{
	{"look at it", "00++ ++ +++ ++", read(func(s im.Session, ctx context.Context, g im.GroupID) (im.GroupState, error) {
		return s.GroupGet(ctx, g)
	})},
	{"read the timeline", "nbnn ++ +++ ++", read(func(s im.Session, ctx context.Context, g im.GroupID) (im.SyncPage, error) {
		return s.GroupSync(ctx, g, 0, 0)
	})},
	{"search", "nbnn ++ +++ ++", read(func(s im.Session, ctx context.Context, g im.GroupID) (im.ArchivePage, error) {
		return s.GroupArchive(ctx, g, im.ArchiveQuery{Limit: 10})
	})},
	{"list members", "nnnn f+ +++ ++", read(func(s im.Session, ctx context.Context, g im.GroupID) ([]im.Member, error) {
		return s.GroupMembers(ctx, g, im.MemberQuery{})
	})},
	{"list readers", "nnnn ++ +++ ++", read(func(s im.Session, ctx context.Context, g im.GroupID) (im.Readers, error) {
		return s.GroupReaders(ctx, g, 1, 10)
	})},
	// What is above changes nothing; there are asks of them.
	{"mark as read", "nnnn ++ +++ ++", write(func(s im.Session, ctx context.Context, g im.GroupID) error { return s.GroupMarkRead(ctx, g, 1) })},
	{"write", "nbnn m+ m++ ++", func(tr *troupe) func(context.Context, im.Session) error {
		return func(_ context.Context, s im.Session) error { return tr.say(s, tr.g, "hello") }
	}},
	{"subject", "nbnn m+ m++ ++", write(func(s im.Session, ctx context.Context, g im.GroupID) error { return s.GroupSubject(ctx, g, "tea") })},
	{"take back another's", "nnnn ff ff+ ++", write(func(s im.Session, ctx context.Context, g im.GroupID) error { return s.GroupRetract(ctx, g, 1, "") })},
	{"title", "ffff ff fff ++", edits(func(g *im.Group) { g.Title = "Mine" })},
	{"mute all", "ffff ff fff ++", edits(func(g *im.Group) { g.MutedUntil = im.Forever })},
	{"who joins", "ffff ff fff f+", edits(func(g *im.Group) { g.Join = im.JoinOpen })},
	{"history", "ffff ff fff f+", edits(func(g *im.Group) { g.History = true })},
	{"password", "ffff ff fff f+", edits(func(g *im.Group) { g.Password = "mine" })},
	{"avatar", "nnnn ff fff ++", write(func(s im.Session, ctx context.Context, g im.GroupID) error {
		return s.GroupSetAvatar(ctx, g, im.Avatar{Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n")})
	})},
	{"dissolve", "ffff ff fff f+", write(func(s im.Session, ctx context.Context, g im.GroupID) error { return s.GroupDissolve(ctx, g, "", "") })},
	{"join", "ob+o oo +++ ++", write(func(s im.Session, ctx context.Context, g im.GroupID) error {
		_, err := s.GroupJoin(ctx, g, im.Joining{})
		return err
	})},
	{"decline", "00+0 00 000 00", write(func(s im.Session, ctx context.Context, g im.GroupID) error { return s.GroupDecline(ctx, g, "") })},
	{"leave", "nnnn ++ +++ ++", write(func(s im.Session, ctx context.Context, g im.GroupID) error { return s.GroupLeave(ctx, g, "") })},
	{"nickname", "nnnn ++ +++ ++", write(func(s im.Session, ctx context.Context, g im.GroupID) error {
		return s.GroupNick(ctx, g, "Somebody new")
	})},
	{"another's nickname", "nnnn tt ttt tt", write(func(s im.Session, ctx context.Context, g im.GroupID) error { return s.GroupNick(ctx, g, "a Member") })},

	{"invite", "nnnn ff +++ ++", acts(im.ActInvite, "a stranger")},
	{"let in", "nnnn ff fff ++", acts(im.ActAccept, "an asker")},
	{"refuse", "nnnn ff fff ++", acts(im.ActRefuse, "an asker")},
	{"kick a member", "nnnn ff fff ++", acts(im.ActKick, "a member")},
	{"kick an admin", "nnnn ff fff f+", acts(im.ActKick, "an admin")},
	{"kick an owner", "nnnn ff fff f+", acts(im.ActKick, "an owner")},
	{"eject a member", "nnnn ff ff+ ++", acts(im.ActEject, "a member")},
	{"eject an admin", "nnnn ff fff f+", acts(im.ActEject, "an admin")},
	{"ban a member", "nnnn ff fff ++", acts(im.ActRole, "a member", im.RoleOutcast)},
	{"ban a stranger", "nnnn ff fff ++", acts(im.ActRole, "a stranger", im.RoleOutcast)},
	{"ban an admin", "nnnn ff fff f+", acts(im.ActRole, "an admin", im.RoleOutcast)},
	{"unban", "nnnn ff fff ++", acts(im.ActRole, "an outcast", im.RoleNone)},
	{"make a member", "nnnn ff fff ++", acts(im.ActRole, "a stranger", im.RoleMember)},
	{"make an admin", "nnnn ff fff f+", acts(im.ActRole, "a member", im.RoleAdmin)},
	{"make an owner", "nnnn ff fff f+", acts(im.ActRole, "a member", im.RoleOwner)},
	{"unmake an admin", "nnnn ff fff f+", acts(im.ActRole, "an admin", im.RoleMember)},
	{"unmake an owner", "nnnn ff fff f+", acts(im.ActRole, "an owner", im.RoleMember)},
	{"make himself owner", "nnnn ff fff f+", func(tr *troupe) func(context.Context, im.Session) error {
		return func(ctx context.Context, s im.Session) error {
			return s.GroupAct(ctx, tr.g, im.Act{Do: im.ActRole, User: s.User(), Role: im.RoleOwner})
		}
	}},
	{"hand over", "nnnn ff fff f+", acts(im.ActTransfer, "a member")},
	{"mute a member", "nnnn ff ff+ ++", acts(im.ActMute, "a member")},
	{"mute a moderator", "nnnn ff fff ++", acts(im.ActMute, "a moderator")},
	{"mute an admin", "nnnn ff fff f+", acts(im.ActMute, "an admin")},
	{"give voice", "nnnn ff ff+ ++", acts(im.ActVoice, "a visitor")},
	{"take voice", "nnnn ff ff+ ++", acts(im.ActUnvoice, "a visitor")},
	{"take moderation", "nnnn ff fff ++", acts(im.ActUnvoice, "a moderator")},
	{"make a moderator", "nnnn ff fff ++", acts(im.ActModerate, "a member")},
}

const asks = 5

// Every path to a group answers to everybody what the table says.
func TestGroupPaths(t *testing.T) {
	p := newPeople(t)
	var cast []im.Session
	for _, st := range standings {
		s, _ := p.open(st.name, im.ProtocolCXX)
		cast = append(cast, s)
	}
	others := make(map[string]im.UserID)
	for name := range extras {
		s, _ := p.open(fmt.Sprint("extra", len(others)), im.ProtocolCXX)
		others[name] = s.User()
	}
	shared := p.stage(cast, others)
	for row, x := range paths {
		t.Run(x.name, func(t *testing.T) {
			got := ""
			for i, s := range cast {
				if i == 4 || i == 6 || i == 9 {
					got += " "
				}
				tr := shared
				if x.want[len(got)] == '+' && row >= asks { // what is allowed changes it
					tr = p.stage(cast, others)
				}
				code := im.CodeOf(x.do(tr)(t.Context(), s))
				letter, known := letters[code]
				if !known {
					t.Errorf("%s: %v", standings[i].name, code)
					letter = '?'
				}
				got += string(letter)
			}
			if got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
		})
	}
}

// extras are those to whom things are done.
var extras = map[string]im.Member{
	"a stranger":  {},
	"an asker":    {Role: im.RoleAsking},
	"an outcast":  {Role: im.RoleOutcast},
	"a visitor":   {Role: im.RoleVisitor},
	"a member":    {Role: im.RoleMember},
	"a moderator": {Role: im.RoleMember, Voice: im.VoiceModerator},
	"an admin":    {Role: im.RoleAdmin},
	"an owner":    {Role: im.RoleOwner},
}

var stages int

// stage makes a group with somebody of each standing.
func (p *people) stage(cast []im.Session, others map[string]im.UserID) *troupe {
	p.t.Helper()
	var all []im.Member
	add := func(name string, u im.UserID, m im.Member) {
		if m.Role == im.RoleNone {
			return
		}
		m.User, m.Addr = u, im.Addr{Local: fmt.Sprint("u", u), Domain: "example.org"}
		if m.Role.In() {
			m.Nick = name
		}
		all = append(all, m)
	}
	for i, s := range cast {
		add(standings[i].name, s.User(), standings[i].m)
	}
	for name, u := range others {
		add(name, u, extras[name])
	}
	stages++
	g := im.Group{
		Addr: im.Addr{Local: fmt.Sprint("stage", stages), Domain: "conference.example.org"}, Title: "Stage", Join: im.JoinInvite,
		Speak: im.WhoMembers, Topic: im.WhoMembers, ListMembers: im.WhoMembers, Salt: make([]byte, 32),
	}
	log := []im.Entry{{MsgID: 1, Kind: im.KindMessage, From: others["a member"], Text: "first", Post: &im.Post{Nick: "a member"}}}
	made, _, err := p.store.CreateGroup(p.t.Context(), g, all, log, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return &troupe{p, made.ID, others}
}
