package shard_test

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

func testAccounts(t *testing.T, f factory) {
	ctx := context.Background()
	stores := f(t, 2, 2)
	s := stores[0]
	a := im.Account{
		Addr: im.Addr{Local: "al'ice", Domain: "example.org"}, Created: ms(5), Disabled: true, RevokedAt: ms(6),
		Profile:   im.Profile{Name: "Alice 😀", LastSeen: im.ToEveryone},
		Verifiers: []im.Verifier{{Mechanism: "SCRAM-SHA-1", Sealed: []byte{0, 1, 255}}, {Mechanism: "SCRAM-SHA-256", Sealed: []byte("x")}},
	}
	id, err := s.CreateAccount(ctx, a)
	if err != nil || id.Slot() != a.Addr.Slot() {
		t.Fatal(id, err)
	}
	a.ID, a.Profile.User, a.Profile.Addr = id, id, a.Addr
	got, err := s.AccountByID(ctx, id)
	if err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("stored %+v, read %+v, %v", a, got, err)
	}
	if got, err = s.AccountByAddr(ctx, a.Addr); err != nil || got.ID != id {
		t.Errorf("%+v %v", got, err)
	}
	for _, local := range []string{"Al'ice", "al'ice ", "bob"} {
		_, err = s.AccountByAddr(ctx, im.Addr{Local: local, Domain: "example.org"})
		wantCode(t, err, im.CodeNotFound)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0           // guarded by mu
	for i := range 20 { // of those who want one name at once, through two nodes, one gets it
		wg.Go(func() {
			_, err := stores[i%len(stores)].CreateAccount(ctx, im.Account{Addr: im.Addr{Local: "bob", Domain: "example.org"}})
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				made++
				return
			}
			if im.CodeOf(err) != im.CodeNameTaken {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made != 1 {
		t.Errorf("a name was given %d times", made)
	}
	logged, err := s.UpdateAccount(ctx, id, func(a *im.Account) ([]im.Entry, error) {
		a.Disabled, a.Profile.Name, a.Verifiers[0].Sealed = false, "A", []byte("new")
		a.Verifiers = a.Verifiers[:1]
		return []im.Entry{{Kind: im.KindProfile, MsgID: 9, From: id, Peer: id, Profile: &a.Profile}}, nil
	})
	if err != nil || len(logged) != 1 || logged[0].Seq != 1 {
		t.Fatal(logged, err)
	}
	got, err = s.AccountByID(ctx, id)
	if err != nil || got.Disabled || got.Profile.Name != "A" || len(got.Verifiers) != 1 || string(got.Verifiers[0].Sealed) != "new" {
		t.Errorf("%+v %v", got, err)
	}
	_, err = s.UpdateAccount(ctx, 12345, func(*im.Account) ([]im.Entry, error) { return nil, nil })
	wantCode(t, err, im.CodeNotFound)
	users := []im.UserID{id, 12345}
	for i := range 9 {
		users = append(users, create(t, s, fmt.Sprint("user", i)))
	}
	if err := s.TouchLastSeen(ctx, map[im.UserID]time.Time{id: ms(100), users[2]: ms(200)}); err != nil {
		t.Fatal(err)
	}
	if err := s.TouchLastSeen(ctx, map[im.UserID]time.Time{id: ms(99), users[2]: ms(201)}); err != nil {
		t.Fatal(err)
	}
	for u, want := range map[im.UserID]time.Time{id: ms(100), users[2]: ms(201), users[3]: {}} {
		if got, err := s.AccountByID(ctx, u); err != nil || !got.LastSeen.Equal(want) {
			t.Errorf("last seen %v, want %v, %v", got.LastSeen, want, err)
		}
	}
	if p, err := s.Profiles(ctx, users); err != nil || len(p) != 10 {
		t.Errorf("%d profiles, %v", len(p), err)
	}
	if h, err := s.Heads(ctx, users); err != nil || len(h) != 10 {
		t.Errorf("%d heads, %v", len(h), err)
	}
	var listed []im.UserID
	for after := im.UserID(0); ; after = listed[len(listed)-1] {
		page, err := s.Accounts(ctx, after, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, a := range page {
			if a.ID <= after {
				t.Fatal("accounts out of order")
			}
			after = a.ID
			listed = append(listed, a.ID)
		}
	}
	if len(listed) != 11 {
		t.Errorf("%d accounts listed", len(listed))
	}
}

func testDevices(t *testing.T, f factory) {
	ctx := context.Background()
	stores := f(t, 1, 2)
	s := stores[0]
	u := create(t, s, "alice")
	d := im.Device{
		ID: 7, Resource: "phone", Name: "Alice's", Class: im.ClassPhone, Protocol: im.ProtocolCXX, ClientName: "cxx", ClientVersion: "1", IP: "192.0.2.1",
		UDPPort: 65535, TCPPort: 1, Created: ms(1), LastLogin: ms(2), Epoch: 3, Cursor: 4, TokenHash: []byte{0, 255}, TokenIssued: ms(5),
	}
	write := func(write []im.Device, log ...im.Entry) []im.Device {
		t.Helper()
		var before []im.Device
		_, err := s.UpdateDevices(ctx, u, func(all []im.Device) ([]im.Device, []im.Entry, error) {
			before = all
			return write, log, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return before
	}
	if n := len(write([]im.Device{d}, im.Entry{Kind: im.KindDevice, MsgID: 1, From: u, Peer: u, Device: &d})); n != 0 {
		t.Errorf("%d devices before the first", n)
	}
	gone := im.Device{ID: 8, Revoked: true}
	if before := write([]im.Device{gone}); len(before) != 1 || !reflect.DeepEqual(before[0], d) {
		t.Errorf("stored %+v, read %+v", d, before)
	}
	d.PrevHash, d.PrevReplaced, d.Resource = []byte("p"), ms(9), "tablet"
	write([]im.Device{d})
	if all, err := s.Devices(ctx, u); err != nil || len(all) != 2 || !reflect.DeepEqual(all[0], d) || !all[1].Revoked {
		t.Errorf("%+v %v", all, err)
	}
	if n := len(inbox(t, s, u)); n != 1 {
		t.Errorf("%d entries logged", n)
	}
	// Logins of one device through two nodes: each gets an epoch of its own.
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			err := stores[i%len(stores)].UpdateDevice(ctx, u, 7, func(d *im.Device) bool {
				d.Epoch++
				return true
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantCode(t, s.UpdateDevice(ctx, u, 99, func(*im.Device) bool { return true }), im.CodeNotFound)
	for _, seq := range []uint64{10, 6} {
		if err := s.SaveCursors(ctx, []im.DeviceCursor{{User: u, Device: 7, Seq: seq}, {User: 5, Device: 5, Seq: 5}}); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := s.Devices(ctx, u); err != nil || all[0].Epoch != 43 || all[0].Cursor != 10 {
		t.Errorf("%+v %v", all[0], err)
	}
	_, err := s.UpdateDevices(ctx, 12345, func([]im.Device) ([]im.Device, []im.Entry, error) { return nil, nil, nil })
	wantCode(t, err, im.CodeNotFound)
}

func testContacts(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	a := create(t, s, "alice")
	type change = func(*im.Contact, im.ContactCount) ([]im.Entry, error)
	update := func(peer im.UserID, f change) []im.Entry {
		t.Helper()
		e, err := s.UpdateContact(ctx, a, peer, f)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	bob := im.Contact{User: 2, Addr: im.Addr{Local: "bob", Domain: "example.net"}, Sub: im.SubBoth, Listed: true, Name: "B", Groups: []string{"friends", "a,b"}, Note: "hi"}
	logged := update(2, func(c *im.Contact, n im.ContactCount) ([]im.Entry, error) {
		if c.User != 2 || c.Listed || n != (im.ContactCount{}) {
			t.Errorf("a new contact came as %+v %+v", c, n)
		}
		*c = bob
		return []im.Entry{{Kind: im.KindContact, MsgID: 1, From: a, Peer: 2, Contact: c}}, nil
	})
	if len(logged) != 1 || logged[0].Seq != 1 {
		t.Errorf("logged %+v", logged)
	}
	update(3, func(c *im.Contact, n im.ContactCount) ([]im.Entry, error) {
		if n != (im.ContactCount{Listed: 1}) {
			t.Errorf("count %+v", n)
		}
		c.Sub = im.SubPendingIn
		return nil, nil
	})
	update(2, func(c *im.Contact, n im.ContactCount) ([]im.Entry, error) {
		if !reflect.DeepEqual(*c, bob) || n != (im.ContactCount{PendingIn: 1}) {
			t.Errorf("stored %+v, read %+v, count %+v", bob, c, n)
		}
		return nil, nil
	})
	if all, err := s.Contacts(ctx, a); err != nil || len(all) != 2 || !reflect.DeepEqual(all[0], bob) {
		t.Errorf("%+v %v", all, err)
	}
	for _, peer := range []im.UserID{2, 4} {
		update(peer, func(c *im.Contact, _ im.ContactCount) ([]im.Entry, error) {
			c.Listed, c.Sub = false, im.SubNone
			return nil, nil
		})
	}
	if all, err := s.Contacts(ctx, a); err != nil || len(all) != 1 || all[0].User != 3 {
		t.Errorf("%+v %v", all, err)
	}
	_, err := s.UpdateContact(ctx, 12345, 2, func(*im.Contact, im.ContactCount) ([]im.Entry, error) { return nil, nil })
	wantCode(t, err, im.CodeNotFound)
}

func testInvites(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	if err := s.AddInvite(ctx, "abc", 3, ms(100)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.AddInvite(ctx, "abc", 3, ms(100)), im.CodeConflict)
	wantCode(t, s.UseInvite(ctx, "abd", ms(1)), im.CodeInviteInvalid)
	wantCode(t, s.UseInvite(ctx, "abc", ms(101)), im.CodeInviteInvalid)
	var wg sync.WaitGroup
	var mu sync.Mutex
	used := 0 // guarded by mu
	for range 10 {
		wg.Go(func() {
			if s.UseInvite(ctx, "abc", ms(99)) == nil {
				mu.Lock()
				defer mu.Unlock()
				used++
			}
		})
	}
	wg.Wait()
	if used != 3 {
		t.Errorf("an invitation for 3 was used %d times", used)
	}
}
