package shard_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// kept is what the tests of leaves use.
type kept struct {
	t *testing.T
	s *shard.Store
	u im.UserID
}

func (k kept) try(name string, e im.LeafEdit) error {
	return k.s.EditLeaf(context.Background(), k.u, name, func(im.Leaf, bool, []string) (im.LeafEdit, error) { return e, nil })
}

func (k kept) edit(name string, e im.LeafEdit) {
	k.t.Helper()
	if err := k.try(name, e); err != nil {
		k.t.Fatal(err)
	}
}

func (k kept) items(name string, q im.ItemQuery) []im.Item {
	k.t.Helper()
	l, items, err := k.s.LeafItems(context.Background(), k.u, name, q)
	if err != nil || l.Name != name {
		k.t.Fatal(l, err)
	}
	return items
}

// want checks the ids of what is kept, oldest first, as everyone sees them.
func (k kept) want(name string, ids string) {
	k.t.Helper()
	if got := idsOf(k.items(name, im.ItemQuery{})); strings.Join(got, " ") != ids {
		k.t.Errorf("%s has %v, want %s", name, got, ids)
	}
	err := k.s.EditLeaf(context.Background(), k.u, name, func(l im.Leaf, exists bool, got []string) (im.LeafEdit, error) {
		if !exists || l.Name != name || strings.Join(got, " ") != ids {
			k.t.Errorf("a change of %s met %v, want %s", name, got, ids)
		}
		return im.LeafEdit{}, nil
	})
	if err != nil {
		k.t.Error(err)
	}
}

func idsOf(items []im.Item) []string {
	var out []string
	for _, it := range items {
		out = append(out, it.ID)
	}
	return out
}

func put(ids ...string) (out []im.Item) {
	for _, id := range ids {
		out = append(out, im.Item{ID: id, Payload: []byte("<" + id + "/>"), At: ms(5), Publisher: im.Addr{Local: "a", Domain: "b", Resource: "c"}})
	}
	return out
}

func testLeaves(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	k := kept{t, s, createIn(t, s, 1)}
	other := kept{t, s, createIn(t, s, 2)}
	const name = "urn:xmpp:bookmarks:1"
	_, _, err := s.LeafItems(ctx, k.u, name, im.ItemQuery{})
	wantCode(t, err, im.CodeNotFound)
	wantCode(t, k.try(name, im.LeafEdit{Put: put("a")}), im.CodeNotFound) // nothing makes the leaf
	k.edit(name, im.LeafEdit{Remove: []string{"a"}, Purge: true})
	k.edit(name, im.LeafEdit{Delete: true})
	k.edit(name, im.LeafEdit{Config: []byte{}, Put: put("a", "b", "c")})
	other.edit(name, im.LeafEdit{Config: []byte("theirs"), Put: put("z")})
	k.want(name, "a b c")
	other.want(name, "z")
	if got := k.items(name, im.ItemQuery{IDs: []string{"b"}}); !reflect.DeepEqual(got, put("b")) {
		t.Errorf("read %+v, want %+v", got, put("b"))
	}
	for ids, q := range map[string]im.ItemQuery{
		"b c": {Limit: 2}, "a b c": {Limit: 9}, "a c": {IDs: []string{"c", "a", "c", "none"}}, "c": {IDs: []string{"a", "c"}, Limit: 1}, "": {IDs: []string{"none"}},
	} {
		if got := strings.Join(idsOf(k.items(name, q)), " "); got != ids {
			t.Errorf("%+v gave %s, want %s", q, got, ids)
		}
	}
	k.edit(name, im.LeafEdit{Put: put("a")}) // again: the newest
	k.want(name, "b c a")
	k.edit(name, im.LeafEdit{Put: put("d", "e", "d"), Remove: []string{"c", "d"}})
	k.want(name, "b a e d")
	k.edit(name, im.LeafEdit{Put: put("f"), MaxItems: 3})
	k.want(name, "e d f")
	k.edit(name, im.LeafEdit{MaxItems: 2})
	k.want(name, "d f")
	k.edit(name, im.LeafEdit{Put: put("1", "2", "3", "d"), MaxItems: 2})
	k.want(name, "3 d")
	k.edit(name, im.LeafEdit{Purge: true, Put: put("3", "n"), Config: []byte{0, 255}})
	k.want(name, "3 n")
	bare := im.Item{ID: "bare", Publisher: im.Addr{Domain: "b"}}
	k.edit(name, im.LeafEdit{Purge: true, Put: []im.Item{bare}})
	if got := k.items(name, im.ItemQuery{}); len(got) != 1 || len(got[0].Payload) != 0 || !got[0].At.IsZero() || got[0].Publisher != bare.Publisher {
		t.Errorf("%+v", got)
	}
	k.edit("Ä/'", im.LeafEdit{Config: []byte("x")})
	k.edit("ä/'", im.LeafEdit{Config: []byte("y")})
	all, err := s.Leaves(ctx, k.u)
	want := []im.Leaf{{Name: name, Config: []byte{0, 255}}, {Name: "Ä/'", Config: []byte("x")}, {Name: "ä/'", Config: []byte("y")}}
	if err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("%+v %v", all, err)
	}
	mine := errors.New("a rule says no")
	err = s.EditLeaf(ctx, k.u, name, func(l im.Leaf, exists bool, ids []string) (im.LeafEdit, error) {
		if !exists || string(l.Config) != "\x00\xff" || !slices.Equal(ids, []string{"bare"}) {
			t.Errorf("%+v %v", l, ids)
		}
		return im.LeafEdit{Delete: true}, mine
	})
	if !errors.Is(err, mine) {
		t.Error(err)
	}
	k.edit(name, im.LeafEdit{Delete: true})
	k.edit(name, im.LeafEdit{Config: []byte("new")})
	k.want(name, "") // what was there does not come back
	k.want("ä/'", "")
	other.want(name, "z")
	wantCode(t, kept{t, s, 4711}.try(name, im.LeafEdit{Config: []byte{}}), im.CodeNotFound)
}

func testLeafLimits(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	k := kept{t, s, create(t, s, "alice")}
	long := strings.Repeat("n", 1024)
	big := make([]byte, shard.MaxLeafBytes+1)
	for _, c := range []struct {
		name string
		edit im.LeafEdit
		want im.ErrorCode
	}{
		{"", im.LeafEdit{Config: []byte{}}, im.CodeInvalid},
		{long, im.LeafEdit{Config: []byte{}}, im.CodeInvalid},
		{"x", im.LeafEdit{Config: big}, im.CodeTooLarge},
		{"x", im.LeafEdit{Config: []byte{}, Put: put("")}, im.CodeInvalid},
		{"x", im.LeafEdit{Config: []byte{}, Put: put(long)}, im.CodeInvalid},
		{"x", im.LeafEdit{Config: []byte{}, Put: []im.Item{{ID: "x", Payload: big}}}, im.CodeTooLarge},
	} {
		wantCode(t, k.try(c.name, c.edit), c.want)
	}
	if all, err := s.Leaves(context.Background(), k.u); err != nil || len(all) != 0 {
		t.Errorf("refused changes left %v, %v", all, err)
	}
	k.edit(long[1:], im.LeafEdit{Config: []byte{}, Put: put(long[1:])})
	k.want(long[1:], long[1:])
	var many []im.Item
	for i := range shard.MaxLeafItems {
		many = append(many, im.Item{ID: fmt.Sprint(i)})
	}
	k.edit("many", im.LeafEdit{Config: []byte{}, Put: many})
	wantCode(t, k.try("many", im.LeafEdit{Put: put("more")}), im.CodeTooMany)
	k.edit("many", im.LeafEdit{Put: put("more"), Remove: []string{"7"}})
	k.edit("many", im.LeafEdit{Put: put("0")})
	var ids []string
	for i := 50; i < 95; i++ {
		ids = append(ids, fmt.Sprint(i))
	}
	if got := idsOf(k.items("many", im.ItemQuery{IDs: ids})); !slices.Equal(got, ids) {
		t.Errorf("of many items these were found: %v", got)
	}
	k.edit("many", im.LeafEdit{Remove: ids})
	if got := k.items("many", im.ItemQuery{}); len(got) != shard.MaxLeafItems-len(ids) || slices.ContainsFunc(got, func(it im.Item) bool { return slices.Contains(ids, it.ID) }) {
		t.Errorf("%d items are left", len(got))
	}
	k.edit("many", im.LeafEdit{Purge: true, Put: many})
	if n := len(k.items("many", im.ItemQuery{})); n != shard.MaxLeafItems {
		t.Errorf("%d items", n)
	}
	k.edit("many", im.LeafEdit{Delete: true})
	// Bytes of the user: what is replaced and removed counts no more.
	n := 0
	for ; ; n++ {
		err := k.try("bytes", im.LeafEdit{Config: []byte{}, Put: []im.Item{{ID: fmt.Sprint(n), Payload: big[1:]}}})
		if err != nil {
			wantCode(t, err, im.CodeTooMany)
			break
		}
	}
	if n != shard.MaxOwnerBytes/shard.MaxLeafBytes-1 {
		t.Errorf("%d of the largest items fit", n)
	}
	k.edit("bytes", im.LeafEdit{Put: []im.Item{{ID: "0", Payload: big[1:]}}})
	wantCode(t, k.try("elsewhere", im.LeafEdit{Config: []byte{}, Put: []im.Item{{ID: "0", Payload: big[1:]}}}), im.CodeTooMany)
	k.edit("bytes", im.LeafEdit{Remove: []string{"0", "1"}})
	k.edit("elsewhere", im.LeafEdit{Config: []byte{}, Put: []im.Item{{ID: "0", Payload: big[1:]}}})
	for i := range shard.MaxLeaves - 3 {
		k.edit(fmt.Sprint("leaf", i), im.LeafEdit{Config: []byte{}})
	}
	wantCode(t, k.try("one more", im.LeafEdit{Config: []byte{}}), im.CodeTooMany)
	k.edit("bytes", im.LeafEdit{Delete: true})
	k.edit("one more", im.LeafEdit{Config: []byte{}})
}

// Changes of one leaf through two nodes: each sees what the others left.
func testLeafRace(t *testing.T, f factory) {
	stores := f(t, 1, 2)
	u := create(t, stores[0], "alice")
	const each = 30
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for range each {
				err := stores[w%len(stores)].EditLeaf(context.Background(), u, "n", func(_ im.Leaf, exists bool, ids []string) (im.LeafEdit, error) {
					e := im.LeafEdit{Put: put(fmt.Sprint(len(ids)))}
					if !exists {
						e.Config = []byte{}
					}
					return e, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	items := kept{t, stores[0], u}.items("n", im.ItemQuery{})
	for i, it := range items {
		if it.ID != fmt.Sprint(i) {
			t.Fatalf("item %d is %s", i, it.ID)
		}
	}
	if len(items) != 4*each {
		t.Errorf("%d items", len(items))
	}
}
