package shard_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// fill gives a user some of everything that is his own.
func fill(t *testing.T, s *shard.Store, u, peer im.UserID) {
	t.Helper()
	ctx := context.Background()
	_, err := s.UpdateAccount(ctx, u, func(a *im.Account) ([]im.Entry, error) {
		a.Profile.Name, a.Verifiers = "Alice", []im.Verifier{{Mechanism: "SCRAM-SHA-256", Sealed: []byte("x")}}
		return nil, nil
	})
	_, err2 := s.UpdateDevices(ctx, u, func([]im.Device) ([]im.Device, []im.Entry, error) { return []im.Device{{ID: 1, Cursor: 5}}, nil, nil })
	_, err3 := s.UpdateContact(ctx, u, peer, func(c *im.Contact, _ im.ContactCount) ([]im.Entry, error) {
		c.Listed = true
		return nil, nil
	})
	_, err4 := s.UpdateBlocks(ctx, u, func([]im.Addr) ([]im.Addr, []im.Addr, []im.Entry, error) {
		return []im.Addr{{Domain: "example.com"}}, nil, nil, nil
	})
	err5 := kept{t, s, u}.try("leaf", im.LeafEdit{Config: []byte{}, Put: put("a")})
	m := send(t, s, message(peer, u, "hi"))
	_, _, err6 := s.MarkRead(ctx, u, peer, m.MsgID, im.Entry{Kind: im.KindRead, MsgID: clock.Next(), From: u, Peer: peer})
	if err := errors.Join(err, err2, err3, err4, err5, err6); err != nil {
		t.Fatal(err)
	}
}

func testRemoval(t *testing.T, f factory) {
	ctx := context.Background()
	stores := f(t, 2, 2)
	s, node := stores[0], stores[len(stores)-1]
	for zone := im.ZoneID(1); zone <= 2; zone++ {
		u, peer := createIn(t, s, 1), createIn(t, s, zone)
		fill(t, s, u, peer)
		fill(t, s, peer, u)
		before := len(inbox(t, s, peer))
		sent := message(u, peer, "last words")
		send(t, node, sent)
		a, err := s.AccountByID(ctx, u)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // again is no error
			if err := s.DeleteAccount(ctx, u); err != nil {
				t.Fatal(err)
			}
		}
		gone, err := s.AccountByAddr(ctx, a.Addr)
		if err != nil || gone.ID != u || !gone.Disabled || len(gone.Verifiers) != 0 || gone.Profile.Name != "" {
			t.Errorf("%+v %v", gone, err)
		}
		_, err = s.CreateAccount(ctx, im.Account{Addr: a.Addr})
		wantCode(t, err, im.CodeNameTaken)
		_, err = node.Read(ctx, u, 0, 10)
		wantCode(t, err, im.CodeNotFound)
		wantCode(t, sendAll(node, message(peer, u, "x"))[0].err, im.CodeNotFound)
		if zone == 1 { // from zone to zone the recipient's comes first, and it has no word on senders
			for _, m := range []im.Message{message(u, peer, "x"), sent} {
				wantCode(t, sendAll(node, m)[0].err, im.CodeNotFound)
			}
		}
		wantCode(t, kept{t, node, u}.try("leaf", im.LeafEdit{Config: []byte{}}), im.CodeNotFound)
		_, err = node.UpdateAccount(ctx, u, func(*im.Account) ([]im.Entry, error) { return nil, nil })
		wantCode(t, err, im.CodeNotFound)
		devices, err1 := s.Devices(ctx, u)
		contacts, err2 := s.Contacts(ctx, u)
		blocks, err3 := s.Blocks(ctx, u)
		leaves, err4 := s.Leaves(ctx, u)
		archive, err5 := s.Archive(ctx, u, im.ArchiveQuery{Kinds: []im.Kind{1, 2, 3, 4, 5, 6, 7}, Limit: 9, Count: true})
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil || len(devices)+len(contacts)+len(blocks)+len(leaves)+len(archive.Entries)+archive.Count != 0 {
			t.Error(devices, contacts, blocks, leaves, archive, err)
		}
		// Others keep what is theirs.
		if n := len(inbox(t, s, peer)); n != before+1 {
			t.Errorf("the peer has %d entries, want %d", n, before+1)
		}
		if c, err := s.Contact(ctx, peer, u); err != nil || !c.Listed {
			t.Errorf("%+v %v", c, err)
		}
		kept{t, s, peer}.want("leaf", "a")
	}
	wantCode(t, s.DeleteAccount(ctx, 4711), im.CodeNotFound)
}

// A removal that stops on the way is finished by the next one.
func testLongRemoval(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 1, 1)[0]
	u, peer := create(t, s, "alice"), create(t, s, "bob")
	var all []im.Message
	for range 1500 {
		all = append(all, message(u, peer, "x"))
	}
	for _, o := range sendAll(s, all...) {
		if o.err != nil {
			t.Fatal(o.err)
		}
	}
	// With the second transaction the database stops.
	stop, n := errors.New("the process ends here"), 0
	shard.SetHook(s, 1, func(point string) error {
		if n++; point == "before commit" && n > 3 {
			return stop
		}
		return nil
	})
	if err := s.DeleteAccount(ctx, u); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	shard.SetHook(s, 1, nil)
	left := func(table, column string) int {
		t.Helper()
		n, err := shard.Number(s, u, "SELECT COUNT(*) FROM "+table+" WHERE "+column+" = ?", int64(u))
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	if n := left("inbox", "user_id"); n == 0 || n == len(all) {
		t.Errorf("%d entries are left on the way", n)
	}
	wantCode(t, sendAll(s, message(peer, u, "x"))[0].err, im.CodeNotFound)
	if err := s.DeleteAccount(ctx, u); err != nil {
		t.Fatal(err)
	}
	if left("inbox", "user_id")+left("sent", "owner_id")+left("inbox_head", "user_id") != 0 || len(inbox(t, s, peer)) != len(all) {
		t.Error("not everything is gone, or too much")
	}
}
