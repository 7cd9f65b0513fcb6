package muc

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
)

// setting is a field of the configuration form. set gets a field that was submitted
// and answers false when it cannot be that.
type setting struct {
	name, typ, label string
	options          []form.Option
	get              func(g *im.Group) []string
	set              func(g *im.Group, x *form.Field) bool
}

// circles are the words for circles of people, readers the roles that are in them: what
// is behind a role in readers is in fewer.
var (
	circles = [...]string{im.WhoAnyone: "anyone", im.WhoMembers: "participants", im.WhoAdmins: "moderators", im.WhoNobody: "none"}
	readers = []string{"visitor", "participant", "moderator"}
)

func setCircle(w *im.Who, word string) bool {
	i := slices.Index(circles[:], word)
	if i >= 0 {
		*w = im.Who(i)
	}
	return i >= 0
}

// setReaders takes the widest circle of those named.
func setReaders(g *im.Group, x *form.Field) bool {
	g.ListMembers = im.WhoNobody
	for _, v := range x.Values {
		i := slices.Index(readers, v)
		if i < 0 {
			return false
		}
		g.ListMembers = min(g.ListMembers, im.Who(i))
	}
	return true
}

func text(name, label string, of func(*im.Group) *string) setting {
	return setting{
		name: standard + name, typ: form.TextSingle, label: label,
		get: func(g *im.Group) []string { return []string{*of(g)} },
		set: func(g *im.Group, x *form.Field) bool { *of(g) = strings.TrimSpace(x.Value()); return true },
	}
}

func flag(name, label string, of func(*im.Group) *bool) setting {
	return setting{
		name: name, typ: form.Boolean, label: label,
		get: func(g *im.Group) []string { return []string{form.FormatBool(*of(g))} },
		set: func(g *im.Group, x *form.Field) (ok bool) { *of(g), ok = x.Bool(); return ok },
	}
}

// choice is a boolean that stands for more than two values: what says so already stays
// as it is.
func choice(name, label string, is func(*im.Group) bool, set func(*im.Group, bool)) setting {
	return setting{
		name: standard + name, typ: form.Boolean, label: label,
		get: func(g *im.Group) []string { return []string{form.FormatBool(is(g))} },
		set: func(g *im.Group, x *form.Field) bool {
			on, ok := x.Bool()
			if ok && on != is(g) {
				set(g, on)
			}
			return ok
		},
	}
}

// narrow leaves something to a circle, or to everybody.
func narrow(of func(*im.Group) *im.Who, to im.Who) func(*im.Group, bool) {
	return func(g *im.Group, on bool) {
		*of(g) = im.WhoAnyone
		if on {
			*of(g) = to
		}
	}
}

// widen lets a circle do something, or admins alone.
func widen(of func(*im.Group) *im.Who, to im.Who) func(*im.Group, bool) {
	return func(g *im.Group, on bool) {
		*of(g) = im.WhoAdmins
		if on {
			*of(g) = to
		}
	}
}

func setMembersOnly(g *im.Group, on bool) {
	g.Join = im.JoinOpen
	if on {
		g.Join = im.JoinInvite
	}
}

// setApproval counts in rooms for members only, and so comes behind membersonly.
func setApproval(g *im.Group, x *form.Field) bool {
	on, ok := x.Bool()
	switch {
	case g.Join == im.JoinOpen:
	case on:
		g.Join = im.JoinApproval
	default:
		g.Join = im.JoinInvite
	}
	return ok
}

// sizes are the options of a number, of which none is one.
func sizes(values ...string) (out []form.Option) {
	for _, v := range append(values, "none") {
		out = append(out, form.Option{Label: v, Value: v})
	}
	return out
}

func number(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

func setNumber(n *int, s string) bool {
	s = strings.TrimSpace(s)
	if s == "" || s == "none" {
		*n = 0
		return true
	}
	v, err := strconv.ParseUint(s, 10, 31)
	*n = int(v)
	return err == nil
}
