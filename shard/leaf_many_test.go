package shard_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

func testLeavesOf(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	a, b, none := kept{t, s, createIn(t, s, 1)}, kept{t, s, createIn(t, s, 2)}, createIn(t, s, 1)
	a.edit("n", im.LeafEdit{Config: []byte("c"), Put: put("1", "2", "3")})
	a.edit("n", im.LeafEdit{Put: put("2")})
	a.edit("m", im.LeafEdit{Config: []byte{0, 255}})
	a.edit("N", im.LeafEdit{Config: []byte("x"), Put: put("x")})
	bare := im.Item{ID: "bare", Publisher: im.Addr{Domain: "b"}}
	b.edit("'n", im.LeafEdit{Config: []byte("q"), Put: []im.Item{bare}})
	b.edit("n", im.LeafEdit{Config: []byte("gone"), Put: put("old")})
	b.edit("n", im.LeafEdit{Delete: true})
	b.edit("n", im.LeafEdit{Config: []byte("new")})
	leaf := func(name, config string, newest ...im.Item) im.LeafItem {
		l := im.LeafItem{Leaf: im.Leaf{Name: name, Config: []byte(config)}}
		if len(newest) > 0 {
			l.Newest = &newest[0]
		}
		return l
	}
	foreign := im.ForeignID(im.Addr{Local: "a", Domain: "b"})
	for _, c := range []struct {
		owners []im.UserID
		names  []string
		want   map[im.UserID][]im.LeafItem
	}{
		{[]im.UserID{a.u, b.u, a.u, none, 4711}, []string{"n", "m", "'n", "n"}, map[im.UserID][]im.LeafItem{
			a.u:  {leaf("m", "\x00\xff"), leaf("n", "c", put("2")...)},
			b.u:  {leaf("'n", "q", bare), leaf("n", "new")},
			none: nil, 4711: nil,
		}},
		{[]im.UserID{b.u, foreign}, []string{"m"}, map[im.UserID][]im.LeafItem{b.u: nil, foreign: nil}},
		{[]im.UserID{a.u}, nil, map[im.UserID][]im.LeafItem{a.u: nil}},
		{nil, []string{"n"}, map[im.UserID][]im.LeafItem{}},
	} {
		got, err := s.LeavesOf(ctx, c.owners, c.names)
		for _, list := range got {
			for _, l := range list {
				if l.Newest != nil && len(l.Newest.Payload) == 0 {
					l.Newest.Payload = nil
				}
			}
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q of %v:\n got %+v, %v\nwant %+v", c.names, c.owners, got, err, c.want)
		}
	}
	testManyLeaves(t, s)
}

// Whoever asks again for those that an answer has left out gets everything, each
// owner whole.
func testManyLeaves(t *testing.T, s *shard.Store) {
	big := make([]byte, shard.MaxLeafBytes)
	var owners []im.UserID
	want := make(map[im.UserID]string)
	for i := range 60 {
		k := kept{t, s, createIn(t, s, im.ZoneID(i%2+1))}
		owners = append(owners, k.u)
		for j := range i % 9 {
			name, it := fmt.Sprint(j), put(fmt.Sprint(i))
			if i%20 == 8 {
				it[0].Payload = big
			}
			k.edit(name, im.LeafEdit{Config: []byte("c"), Put: it})
			want[k.u] += name
		}
	}
	for _, names := range [][]string{{"0", "1", "2", "3", "4", "5", "6", "7"}, strings.Split(strings.Repeat("0 1 2 3 4 5 6 7 ", 1000)+"8", " "), nearly(5000)} {
		left, rounds := slices.Clone(owners), 0
		for ; len(left) > 0; rounds++ {
			got, err := s.LeavesOf(context.Background(), left, names)
			if err != nil || len(got) == 0 {
				t.Fatalf("%d of %d owners are left: %v", len(left), len(owners), err)
			}
			size := 0
			for u, list := range got {
				var have string
				for _, l := range list {
					have += l.Name
					size += len(l.Newest.Payload)
				}
				if have != want[u] {
					t.Errorf("%d has %q; want %q", u, have, want[u])
				}
			}
			if size > 2*9*shard.MaxLeafBytes {
				t.Errorf("%d bytes at once", size)
			}
			left = slices.DeleteFunc(left, func(u im.UserID) bool { _, ok := got[u]; return ok })
		}
		if len(names) == 8 && (rounds < 2 || rounds > 9) {
			t.Errorf("%d rounds", rounds)
		}
	}
}

// nearly is many names, the few among them.
func nearly(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func testContactsOf(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	a, b, none := createIn(t, s, 1), createIn(t, s, 2), createIn(t, s, 2)
	want := make(map[im.UserID]im.Contact)
	for _, u := range []im.UserID{a, b} {
		for peer := im.UserID(2); peer < 4; peer++ {
			k := im.Contact{User: peer, Addr: im.Addr{Local: "p", Domain: "example.net"}, Sub: im.SubFrom, Listed: true, Groups: []string{fmt.Sprint(u, peer)}}
			_, err := s.UpdateContact(ctx, u, peer, func(c *im.Contact, _ im.ContactCount) ([]im.Entry, error) { *c = k; return nil, nil })
			if err != nil {
				t.Fatal(err)
			}
			if peer == 2 {
				want[u] = k
			}
		}
	}
	if got, err := s.ContactsOf(ctx, []im.UserID{a, b, none, 4711, a}, 2); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got, err := s.ContactsOf(ctx, nil, 2); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
