package shard_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

func testBlocks(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	u, other := createIn(t, s, 1), createIn(t, s, 2)
	list := func(u im.UserID) []im.Addr {
		t.Helper()
		all, err := s.Blocks(ctx, u)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(all, func(a, b im.Addr) int { return cmp.Compare(a.String(), b.String()) })
		return all
	}
	update := func(add, remove []im.Addr, log ...im.Entry) []im.Entry {
		t.Helper()
		before := list(u)
		logged, err := s.UpdateBlocks(ctx, u, func(now []im.Addr) ([]im.Addr, []im.Addr, []im.Entry, error) {
			if len(now) != len(before) {
				t.Errorf("the list came as %v, it was %v", now, before)
			}
			return add, remove, log, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return logged
	}
	// The forms of XEP-0191 section 3.3... 3.6: domain, user, resource of either.
	domain, user := im.Addr{Domain: "example.com"}, im.Addr{Local: "o'x", Domain: "example.com"}
	full, service := im.Addr{Local: "o'x", Domain: "example.com", Resource: "ph/one ü"}, im.Addr{Domain: "example.com", Resource: "r"}
	all := []im.Addr{domain, service, user, full}
	slices.SortFunc(all, func(a, b im.Addr) int { return cmp.Compare(a.String(), b.String()) })
	logged := update(append(all, user), nil, im.Entry{Kind: im.KindBlock, MsgID: clock.Next(), From: u, Peer: u, Block: &im.Block{Blocked: all}})
	if got := list(u); !reflect.DeepEqual(got, all) || len(logged) != 1 || logged[0].Seq != 1 {
		t.Errorf("stored %v, read %v, logged %+v", all, got, logged)
	}
	update([]im.Addr{user}, []im.Addr{full, {Domain: "never.example"}})
	update([]im.Addr{domain}, []im.Addr{domain}) // what is added stays
	if got := list(u); len(got) != 3 || slices.Contains(got, full) || !slices.Contains(got, domain) {
		t.Errorf("%v", got)
	}
	if len(list(other)) != 0 || len(list(4711)) != 0 {
		t.Error("others got the list too")
	}
	lists, err := s.BlockLists(ctx, []im.UserID{u, other, u})
	if err != nil || len(lists) != 2 || len(lists[u]) != 3 || len(lists[other]) != 0 || slices.Contains(lists[u], full) {
		t.Errorf("together: %v, %v", lists, err)
	}
	mine := errors.New("a rule says no")
	_, err = s.UpdateBlocks(ctx, u, func([]im.Addr) ([]im.Addr, []im.Addr, []im.Entry, error) { return all, nil, nil, mine })
	if !errors.Is(err, mine) || len(list(u)) != 3 {
		t.Errorf("%v %v", err, list(u))
	}
	_, err = s.UpdateBlocks(ctx, 4711, func([]im.Addr) ([]im.Addr, []im.Addr, []im.Entry, error) { return all, nil, nil, nil })
	wantCode(t, err, im.CodeNotFound)
	update(nil, list(u))
	var many []im.Addr
	for i := range shard.MaxBlocks + 1 {
		many = append(many, im.Addr{Local: fmt.Sprint("u", i), Domain: "example.net"})
	}
	update(many[:123], nil)
	_, err = s.UpdateBlocks(ctx, u, func([]im.Addr) ([]im.Addr, []im.Addr, []im.Entry, error) { return many, nil, nil, nil })
	wantCode(t, err, im.CodeTooMany)
	if got := list(u); len(got) != 123 {
		t.Errorf("%d addresses after a change that was refused", len(got))
	}
	update(nil, many)
	if got := list(u); len(got) != 0 {
		t.Errorf("%v after everything was unblocked", got)
	}
	if n := len(inbox(t, s, u)); n != 1 {
		t.Errorf("%d entries were logged", n)
	}
}

// A contact's words are of the log; an extension stays as long as the request.
func testRequests(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	u := createIn(t, s, 1)
	for _, addr := range []im.Addr{{Local: "bob", Domain: "example.net"}, {Domain: "gateway.example"}} {
		peer := im.ForeignID(addr)
		set := func(change func(c *im.Contact)) im.Entry {
			t.Helper()
			logged, err := s.UpdateContact(ctx, u, peer, func(c *im.Contact, _ im.ContactCount) ([]im.Entry, error) {
				change(c)
				return []im.Entry{{Kind: im.KindContact, MsgID: clock.Next(), From: peer, Peer: peer, Contact: c}}, nil
			})
			if err != nil || len(logged) != 1 {
				t.Fatal(logged, err)
			}
			all := inbox(t, s, u)
			e := all[len(all)-1]
			if !reflect.DeepEqual(e, logged[0]) {
				t.Errorf("logged %+v, read %+v", logged[0].Contact, e.Contact)
			}
			return e
		}
		get := func() im.Contact {
			t.Helper()
			c, err := s.Contact(ctx, u, peer)
			all, err2 := s.Contacts(ctx, u)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			i := slices.IndexFunc(all, func(x im.Contact) bool { return x.User == peer })
			if c.User == 0 && i >= 0 || c.User != 0 && !reflect.DeepEqual(all[i], c) {
				t.Errorf("one contact is %+v, the list is %+v", c, all)
			}
			return c
		}
		if c := get(); !reflect.DeepEqual(c, im.Contact{}) {
			t.Errorf("a contact that is not there: %+v", c)
		}
		e := set(func(c *im.Contact) {
			*c = im.Contact{Addr: addr, Sub: im.SubPendingIn, Note: "please", Ext: []byte{0, 255}, Said: []im.SubEvent{im.Subscribe}}
		})
		if e.Contact.Said == nil || e.Contact.User != peer {
			t.Errorf("logged %+v", e.Contact)
		}
		want := im.Contact{User: peer, Addr: addr, Sub: im.SubPendingIn, Note: "please", Ext: []byte{0, 255}}
		if c := get(); !reflect.DeepEqual(c, want) {
			t.Errorf("stored %+v, want %+v", c, want)
		}
		set(func(c *im.Contact) {
			if !reflect.DeepEqual(*c, want) {
				t.Errorf("changed from %+v", c)
			}
			c.Sub, c.Listed, c.Said = im.SubFrom, true, []im.SubEvent{im.Subscribed}
		})
		if c := get(); c.Ext != nil || c.Said != nil || !c.Listed {
			t.Errorf("stored %+v", c)
		}
		set(func(c *im.Contact) { c.Sub, c.Listed, c.Said = im.SubNone, false, []im.SubEvent{im.Unsubscribe} })
		if c := get(); c.User != 0 {
			t.Errorf("removed %+v", c)
		}
	}
}

func testDelivered(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	u := createIn(t, s, 1)
	check := func(want uint64) {
		t.Helper()
		if got, err := s.Delivered(ctx, u); err != nil || got != want {
			t.Errorf("delivered up to %d (%v), want %d", got, err, want)
		}
	}
	check(0)
	_, err := s.UpdateDevices(ctx, u, func([]im.Device) ([]im.Device, []im.Entry, error) {
		return []im.Device{{ID: 1}, {ID: 2, Cursor: 3}, {ID: 3, Cursor: 7, Revoked: true}}, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(7)
	if err := s.SaveCursors(ctx, []im.DeviceCursor{{User: u, Device: 1, Seq: 9}}); err != nil {
		t.Fatal(err)
	}
	check(9)
}
