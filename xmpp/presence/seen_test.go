package presence

import (
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func texts(all []*xmlstream.Element) []string {
	var out []string
	for _, st := range all {
		out = append(out, text(st))
	}
	return out
}

func res(name string, p im.Presence) im.SessionInfo {
	return im.SessionInfo{Resource: name, Presence: p}
}

func TestSeen(t *testing.T) {
	const (
		a   = `<presence from='romeo@example.org/a' to='juliet@example.org/x'`
		b   = `<presence from='romeo@example.org/b' to='juliet@example.org/x'`
		off = ` type='unavailable'`
	)
	online, away := im.Presence{Show: im.ShowOnline}, im.Presence{Show: im.ShowAway}
	var s Seen
	for _, step := range []struct {
		rule string
		now  im.UserPresence
		want []string
	}{
		{"RFC 6121 4.2.2: nobody there is nothing to tell", im.UserPresence{User: 1}, nil},
		{
			"4.2.2: each resource",
			im.UserPresence{User: 1, Resources: []im.SessionInfo{res("a", online), res("b", away)}},
			[]string{a + `/>`, b + `><show>away</show></presence>`},
		},
		{"the same again", im.UserPresence{User: 1, Resources: []im.SessionInfo{res("b", away), res("a", online)}}, nil},
		{
			"4.4.2: what has changed",
			im.UserPresence{User: 1, Resources: []im.SessionInfo{res("a", away), res("b", away)}},
			[]string{a + `><show>away</show></presence>`},
		},
		{"interests are not for others", im.UserPresence{User: 1, Resources: []im.SessionInfo{res("a", im.Presence{Show: im.ShowAway, Interests: "u\n"}), res("b", away)}}, nil},
		{
			"4.5.2: what is gone, with its last words",
			im.UserPresence{User: 1, Show: im.ShowAway, Resources: []im.SessionInfo{res("a", im.Presence{Status: "bye"}), res("b", away)}},
			[]string{a + off + `><status>bye</status></presence>`},
		},
		{
			"4.5.2: the last with the words of the contact",
			im.UserPresence{User: 1, Status: "night"},
			[]string{b + off + `><status>night</status></presence>`},
		},
		{"once", im.UserPresence{User: 1}, nil},
		{"back", im.UserPresence{User: 1, Resources: []im.SessionInfo{res("a", online)}}, []string{a + `/>`}},
		{
			"invisible is gone without words",
			im.UserPresence{User: 1, Resources: []im.SessionInfo{res("a", im.Presence{Show: im.ShowInvisible, Status: "here"})}},
			[]string{a + off + `/>`},
		},
		{"two sessions of a device: the younger", im.UserPresence{User: 1, Resources: []im.SessionInfo{
			{Resource: "a", DeviceEpoch: 2, Presence: away}, {Resource: "a", DeviceEpoch: 1, Presence: online},
		}}, []string{a + `><show>away</show></presence>`}},
	} {
		got := texts(s.Update(step.now, addr(t, "romeo@example.org"), addr(t, "juliet@example.org/x")))
		if !slices.Equal(got, step.want) {
			t.Errorf("%s:\n got %v\nwant %v", step.rule, got, step.want)
		}
	}
	if !s.Knows(1) || s.Knows(2) {
		t.Error("knows", s)
	}
	s.Update(im.UserPresence{User: 1}, addr(t, "romeo@example.org"), addr(t, "juliet@example.org/x"))
	if len(s.users) != 0 {
		t.Error("memory of who is gone", s.users)
	}
}

func TestSnapshot(t *testing.T) {
	contact, to := addr(t, "romeo@example.org"), addr(t, "juliet@example.org/x")
	p := im.UserPresence{User: 1, Resources: []im.SessionInfo{res("a", im.Presence{Show: im.ShowOnline}), res("b", im.Presence{Show: im.ShowInvisible})}}
	if got := texts(Snapshot(p, contact, to)); !slices.Equal(got, []string{`<presence from='romeo@example.org/a' to='juliet@example.org/x'/>`}) {
		t.Error("RFC 6121 4.3.2, available:", got)
	}
	p = im.UserPresence{User: 1, Status: "night"}
	if got := texts(Snapshot(p, contact, to)); !slices.Equal(got, []string{`<presence from='romeo@example.org' to='juliet@example.org/x' type='unavailable'><status>night</status></presence>`}) {
		t.Error("RFC 6121 4.3.2, unavailable:", got)
	}
}
