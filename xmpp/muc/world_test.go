package muc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/mam"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// world is the room coven as the core shows it to crone, and notes what it is asked to
// do.
type world struct {
	im.Groups
	im.Rooms

	t       testing.TB
	cell    *xmpptest.Cell
	mux     *iq.Mux
	session *xmpptest.Session

	state   im.GroupState
	members []im.Member
	there   []im.Occupant
	public  []im.Group
	entries []im.Entry
	avatar  im.Avatar
	did     []string
	fail    error // of what changes something
}

func newWorld(t testing.TB, role im.Role) *world {
	w := &world{t: t, cell: xmpptest.New(), mux: iq.NewMux()}
	Register(w.mux, mam.New(mam.Default(), func() time.Time { return now }), func() time.Time { return now })
	w.session = w.cell.Session("crone/desktop")
	core := w.session.Core().(*xmpptest.Core)
	core.Groups, core.Rooms = w, w
	w.state.Group = im.Group{ID: 9, Addr: im.Addr{Local: "coven", Domain: "conference.example.org"}, Title: "A Dark Cave", About: "All good witches", Subject: "Spells"}
	w.state.Members = 7
	w.state.Me = w.member("crone", role)
	w.members = []im.Member{w.state.Me}
	w.enter("desktop", w.state.Me)
	return w
}

func (w *world) member(name string, role im.Role) im.Member {
	return im.Member{User: w.cell.User(name), Addr: xmpptest.Addr(name), Role: role, Nick: name, Passing: role == im.RoleVisitor}
}

func (w *world) enter(resource string, m im.Member) {
	w.there = append(w.there, im.Occupant{Group: 9, User: m.User, Session: im.SessionID(len(w.there) + 1), Resource: resource, Member: m})
}

// ask sends a request to the room, or to what else, and returns the answer: the payload
// or the condition.
func (w *world) ask(typ, payload string, to ...string) string {
	w.t.Helper()
	st := xmpptest.Parse(w.t, "<iq type='"+typ+"' id='1'>"+payload+"</iq>")
	r := &iq.Request{
		Session: w.session, Target: iq.Room, Set: typ == "set", From: w.session.Addr(), To: w.state.Group.Addr, ID: "1",
		Payload: st.First(), Stanza: st, Room: w.state,
	}
	if len(to) > 0 {
		r.Target, r.Room, r.To = iq.Rooms, im.GroupState{}, im.Addr{Domain: to[0]}
	}
	out, err := w.mux.Serve(context.Background(), r)
	if err != nil {
		return string(stanza.Of(err).Condition)
	}
	return strings.Join(xmpptest.Texts(r.First), "") + xmpptest.Text(out)
}

// done returns what the core was asked to do since the last call.
func (w *world) done() string {
	out := strings.Join(w.did, ", ")
	w.did = nil
	return out
}

func (w *world) note(format string, args ...any) error {
	w.did = append(w.did, strings.TrimSpace(fmt.Sprintf(format, args...)))
	return w.fail
}

var acts = map[im.ActVerb]string{
	im.ActInvite: "invite", im.ActAccept: "accept", im.ActRefuse: "refuse", im.ActKick: "kick", im.ActMute: "mute", im.ActUnmute: "unmute",
	im.ActVoice: "voice", im.ActUnvoice: "unvoice", im.ActModerate: "moderate", im.ActEject: "eject",
}

func (w *world) GroupAct(_ context.Context, _ im.GroupID, list ...im.Act) error {
	for _, a := range list {
		who, _ := w.session.Core().Address(context.Background(), a.User)
		what := acts[a.Do]
		if a.Do == im.ActRole {
			what = a.Role.String()
		}
		w.did = append(w.did, strings.TrimSpace(what+" "+who.Local+" "+a.Reason))
	}
	return w.fail
}

func (w *world) GroupEdit(_ context.Context, _ im.GroupID, change func(*im.Group) error) error {
	g := w.state.Group
	if err := change(&g); err != nil {
		return err
	}
	w.state.Group = g
	return w.note("edit")
}

func (w *world) GroupMembers(_ context.Context, _ im.GroupID, q im.MemberQuery) (out []im.Member, err error) {
	slices.SortFunc(w.members, func(a, b im.Member) int { return cmp.Compare(a.User, b.User) })
	for _, m := range w.members {
		if m.Role >= q.Min && m.Role <= q.Max && m.User > q.After && (q.Limit == 0 || len(out) < q.Limit) {
			out = append(out, m)
		}
	}
	return out, nil
}

func (w *world) Inside(im.GroupID) (string, bool) { return w.state.Me.Nick, len(w.there) > 0 }

func (w *world) RoomOccupants(context.Context, im.GroupID) ([]im.Occupant, error) {
	if len(w.there) == 0 {
		return nil, im.Errorf(im.CodeNotMember, "")
	}
	return w.there, nil
}

func (w *world) RoomOccupant(_ im.GroupID, nick string) []im.Occupant {
	return slices.DeleteFunc(slices.Clone(w.there), func(o im.Occupant) bool { return o.Member.Nick != nick })
}

func (w *world) GroupDissolve(_ context.Context, _ im.GroupID, alternate, reason string) error {
	return w.note("dissolve %s %s", alternate, reason)
}

func (w *world) GroupJoin(_ context.Context, _ im.GroupID, how im.Joining) (im.Member, error) {
	m := w.member("crone", im.RoleMember)
	if w.state.Me.Role == im.RoleNone {
		m.Nick = how.Nick
	}
	return m, w.note("join %s", how.Nick)
}

func (w *world) GroupNick(_ context.Context, _ im.GroupID, nick string) error {
	return w.note("nick %s", nick)
}
func (w *world) GroupLeave(context.Context, im.GroupID, string) error { return w.note("leave") }
func (w *world) GroupRetract(_ context.Context, _ im.GroupID, seq uint64, reason string) error {
	return w.note("retract %d %s", seq, reason)
}
func (w *world) GroupAvatar(context.Context, im.GroupID) (im.Avatar, error) { return w.avatar, nil }
func (w *world) GroupSetAvatar(_ context.Context, _ im.GroupID, a im.Avatar) error {
	return w.note("avatar %s", a.Data)
}

func (w *world) GroupDirectory(_ context.Context, after im.GroupID, limit int) (out im.GroupDirectory, err error) {
	for _, g := range w.public {
		if g.ID <= after {
			continue
		}
		if len(out.Groups) == min(limit, 2) { // a server's page is short
			out.Next = out.Groups[len(out.Groups)-1].ID
			break
		}
		out.Groups = append(out.Groups, g)
	}
	return out, nil
}

func (w *world) GroupArchive(_ context.Context, _ im.GroupID, q im.ArchiveQuery) (out im.ArchivePage, err error) {
	if w.fail != nil {
		return out, w.fail
	}
	for _, e := range w.entries {
		if e.Seq > q.After && (q.Before == 0 || e.Seq < q.Before) && slices.Contains(q.Kinds, e.Kind) && (len(q.Seqs) == 0 || slices.Contains(q.Seqs, e.Seq)) {
			out.Entries = append(out.Entries, e)
		}
	}
	return out, nil
}

func (w *world) expect(rule, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s:\n got %s\nwant %s", rule, got, want)
	}
}

func query(space, in string) string { return "<query xmlns='" + space + "'>" + in + "</query>" }

// submit is a form that a client has filled in: "name=value".
func submit(about string, fields ...string) string {
	f := form.New(form.TypeSubmit, about)
	for _, x := range fields {
		name, values, _ := strings.Cut(x, "=")
		f.Add(form.Field{Var: name, Values: strings.Split(values, "|")})
	}
	return xmpptest.Text(f.Element())
}
