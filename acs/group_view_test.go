package acs_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/acs"
	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
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

// halfStore cannot reach the zone of one group.
type halfStore struct {
	*shard.Store
	lost im.GroupID
}

func (s *halfStore) GroupStates(ctx context.Context, u im.UserID, ids []im.GroupID) ([]im.GroupState, error) {
	list, err := s.Store.GroupStates(ctx, u, slices.DeleteFunc(slices.Clone(ids), func(g im.GroupID) bool { return g == s.lost }))
	if slices.Contains(ids, s.lost) {
		err = im.Errorf(im.CodeZoneUnavailable, "zone 2 is not available")
	}
	return list, err
}

// PublicGroups has nothing of the other zone.
func (s *halfStore) PublicGroups(ctx context.Context, after im.GroupID, limit int) ([]im.Group, error) {
	list, err := s.Store.PublicGroups(ctx, after, limit)
	if s.lost != 0 && err == nil {
		err = im.Errorf(im.CodeZoneUnavailable, "zone 2 is not available")
	}
	return slices.DeleteFunc(list, func(g im.Group) bool { return g.ID == s.lost }), err
}

// A zone that is down takes none of the other groups away, and its own are still named.
func TestGroupListHalf(t *testing.T) {
	var half *halfStore
	p := newPeopleOver(t, func(s *shard.Store) acs.Store {
		half = &halfStore{Store: s}
		return half
	})
	ann, _ := p.open("ann", im.ProtocolCXX)
	here, lost := p.found(ann, im.Group{Title: "here", Public: true}), p.found(ann, im.Group{Title: "lost", Public: true})
	half.lost = lost
	list, err := ann.GroupList(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("got %+v, %v", list, err)
	}
	for _, st := range list {
		if st.Away != (st.Group.ID == lost) || st.Me.Role != im.RoleOwner || st.Group.Title == "" {
			t.Errorf("got %+v", st)
		}
	}
	if d, err := ann.GroupDirectory(t.Context(), 0, 10); err != nil || len(d.Groups) != 1 || d.Groups[0].ID != here {
		t.Errorf("the directory has %+v, %v", d.Groups, err)
	}
	half.lost = 0
	if list, err = ann.GroupList(t.Context()); err != nil || len(list) != 2 || list[0].Away || list[1].Away {
		t.Errorf("when it is back: %+v, %v", list, err)
	}
}
