package shard_test

import (
	"context"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// What a session needs to know to go on: of several users in several zones at
// once.
func testDeviceStates(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	a, b := createIn(t, s, 1), createIn(t, s, 2)
	for _, u := range []im.UserID{a, b} {
		_, err := s.UpdateDevices(ctx, u, func([]im.Device) ([]im.Device, []im.Entry, error) {
			return []im.Device{
				{ID: 1, Epoch: 5, TokenHash: []byte("t")},
				{ID: 2, Epoch: 6, TokenHash: []byte("t"), Revoked: true},
				{ID: 3, Epoch: 7},
				{ID: 4, Epoch: 8, TokenHash: []byte{}},
			}, nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.UpdateAccount(ctx, b, func(acct *im.Account) ([]im.Entry, error) {
		acct.Disabled = true
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.DeviceStates(ctx, []im.UserID{a, b, 4711})
	if err != nil {
		t.Fatal(err)
	}
	var want []im.DeviceState
	for _, u := range []im.UserID{a, b} {
		for i := range 4 {
			want = append(want, im.DeviceState{
				User: u, Device: im.DeviceID(i + 1), Epoch: uint64(i + 5), Void: i > 0, Disabled: u == b,
			})
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("lacks %+v", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %+v", got)
	}
}

func testMaxMsgID(t *testing.T, f factory) {
	ctx := context.Background()
	s := f(t, 2, 1)[0]
	check := func(want im.MsgID) {
		t.Helper()
		if got, err := s.MaxMsgID(ctx); err != nil || got != want {
			t.Errorf("the newest id is %s (%v), want %s", got, err, want)
		}
	}
	check(0)
	a, b := createIn(t, s, 1), createIn(t, s, 2)
	for i, u := range []im.UserID{b, a, b, a} {
		id := im.MsgID(1000 - 10*i)
		if _, err := s.Append(ctx, u, []im.Entry{{Kind: im.KindProfile, MsgID: id, From: u, Peer: u, Profile: &im.Profile{}}}); err != nil {
			t.Fatal(err)
		}
		check(1000)
	}
}
