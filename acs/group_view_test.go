package acs_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// In a hidden group a member reads the whole list page by page, and learns nobody's user.
func TestGroupMembersHidden(t *testing.T) {
	p := newPeople(t)
	ctx := t.Context()
	ann, _ := p.open("ann", im.ProtocolCXX)
	g := p.found(ann, im.Group{Hidden: true})
	want := []string{"ann"}
	var member im.Session
	for i := range 6 {
		s, _ := p.open(fmt.Sprint("user", i), im.ProtocolCXX)
		nick := fmt.Sprint("Nick ", 7-i)
		if _, err := s.GroupJoin(ctx, g, im.Joining{Nick: nick}); err != nil {
			t.Fatal(err)
		}
		want = append(want, nick)
		if i == 3 {
			member = s
		}
	}
	slices.SortFunc(want, func(a, b string) int {
		return slices.Compare([]byte(im.NickKey(a)), []byte(im.NickKey(b)))
	})
	for name, s := range map[string]im.Session{"member": member, "owner": ann} {
		var got []string
		q := im.MemberQuery{Limit: 2}
		for {
			page, err := s.GroupMembers(ctx, g, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page {
				got = append(got, m.Nick)
				if name == "member" && m.User != 0 && m.User != member.User() {
					t.Errorf("a member learns that %s is user %s", m.Nick, m.User)
				}
			}
			if len(page) < q.Limit {
				break
			}
			q = q.Behind(&page[len(page)-1])
		}
		if name == "owner" { // by user
			slices.SortFunc(got, func(a, b string) int {
				return slices.Compare([]byte(im.NickKey(a)), []byte(im.NickKey(b)))
			})
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s reads %q; want %q", name, got, want)
		}
	}
}
