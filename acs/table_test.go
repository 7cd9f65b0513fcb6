package acs

import (
	"slices"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

func info(u im.UserID, s im.SessionID, show im.Show) im.SessionInfo {
	return im.SessionInfo{SessionKey: im.SessionKey{User: u, Session: s}, Presence: im.Presence{Show: show}}
}

func TestTableRoutes(t *testing.T) {
	now := time.Unix(1000, 0)
	tab := newTable()
	tab.apply(1, 1, &im.SessionsUpdate{Up: []im.SessionInfo{info(7, 1, im.ShowOnline)}}, now)
	tab.apply(2, 1, &im.SessionsUpdate{Up: []im.SessionInfo{info(7, 5, im.ShowAway), info(7, 6, im.ShowDND), info(8, 7, im.ShowOnline)}}, now)
	if got := nodesOf(tab.of(7), 1, nil); !slices.Equal(got, []im.NodeID{2}) {
		t.Errorf("from node 1 user 7 is reached on %v; want [2], once", got)
	}
	if got := nodesOf(tab.of(7), 3, nil); len(got) != 2 {
		t.Errorf("from node 3 user 7 is reached on %v; want two nodes", got)
	}
	tab.apply(2, 1, &im.SessionsUpdate{Down: []im.SessionKey{{User: 7, Session: 5}, {User: 7, Session: 6}}}, now)
	if got := nodesOf(tab.of(7), 1, nil); len(got) != 0 {
		t.Errorf("user 7 is still reached on %v", got)
	}
	if got, left := tab.forget(2); !slices.Equal(got, []im.UserID{8}) || !slices.Equal(left, got) {
		t.Errorf("forgetting node 2 concerned %v, and %v left; want [8]", got, left)
	}
	if len(tab.of(8)) != 0 || len(tab.of(7)) != 1 {
		t.Errorf("after forgetting node 2: user 8 has %d sessions, user 7 %d; want 0 and 1", len(tab.of(8)), len(tab.of(7)))
	}
}

// A snapshot forgets what it does not mention, but only when all its pieces
// have had the time to come.
func TestTableSnapshot(t *testing.T) {
	now := time.Unix(1000, 0)
	tab := newTable()
	tab.apply(2, 1, &im.SessionsUpdate{Up: []im.SessionInfo{info(7, 1, im.ShowOnline), info(8, 2, im.ShowOnline), info(9, 3, im.ShowOnline)}}, now)
	tab.apply(2, 2, &im.SessionsUpdate{Snapshot: true, Up: []im.SessionInfo{info(7, 11, im.ShowOnline)}}, now)
	tab.apply(2, 2, &im.SessionsUpdate{Up: []im.SessionInfo{info(8, 2, im.ShowOnline)}}, now)
	if got, _ := tab.prune(now.Add(time.Second)); got != nil {
		t.Errorf("pruned %v too early", got)
	}
	got, left := tab.prune(now.Add(3 * time.Second))
	if !slices.Equal(left, []im.UserID{9}) {
		t.Errorf("after pruning %v cannot be seen any more; want [9]", left)
	}
	slices.Sort(got)
	if !slices.Equal(got, []im.UserID{7, 9}) {
		t.Errorf("pruning concerned %v; want users 7 (its old session) and 9", got)
	}
	if len(tab.of(7)) != 1 || tab.of(7)[0].Session != 11 || len(tab.of(8)) != 1 || len(tab.of(9)) != 0 {
		t.Errorf("after the snapshot: %v %v %v", tab.of(7), tab.of(8), tab.of(9))
	}
}

// Who was only there invisibly has not been seen, and does not leave.
func TestTableForgetsTheInvisibleInSilence(t *testing.T) {
	now := time.Unix(1000, 0)
	tab := newTable()
	tab.apply(2, 1, &im.SessionsUpdate{Up: []im.SessionInfo{
		info(7, 1, im.ShowInvisible), info(8, 2, im.ShowOnline), info(8, 3, im.ShowInvisible), info(9, 4, im.ShowAway),
	}}, now)
	tab.apply(1, 1, &im.SessionsUpdate{Up: []im.SessionInfo{info(9, 1, im.ShowOnline)}}, now)
	touched, left := tab.forget(2)
	if len(touched) != 3 || !slices.Equal(left, []im.UserID{8}) {
		t.Errorf("forgetting concerned %v, and %v left; want three, and [8]", touched, left)
	}
}

func TestVisible(t *testing.T) {
	entries := func(shows ...im.Show) []*tableEntry {
		var out []*tableEntry
		for i, s := range shows {
			out = append(out, &tableEntry{SessionInfo: info(7, im.SessionID(i), s)})
		}
		return out
	}
	for _, c := range []struct {
		shows []im.Show
		want  im.Show
	}{
		{nil, im.ShowOffline},
		{[]im.Show{im.ShowInvisible}, im.ShowOffline},
		{[]im.Show{im.ShowOffline, im.ShowAway}, im.ShowAway},
		{[]im.Show{im.ShowAway, im.ShowOnline, im.ShowInvisible}, im.ShowOnline},
		{[]im.Show{im.ShowDND, im.ShowXA}, im.ShowDND},
	} {
		if got := visible(7, entries(c.shows...)).Show; got != c.want {
			t.Errorf("visible(%v) = %v; want %v", c.shows, got, c.want)
		}
	}
}

func TestKicks(t *testing.T) {
	for _, c := range []struct {
		name   string
		k      im.Kick
		device im.DeviceID
		epoch  uint64
		want   bool
	}{
		{"older session of the device", im.Kick{Device: 5, Below: 3}, 5, 2, true},
		{"same epoch stays", im.Kick{Device: 5, Below: 3}, 5, 3, false},
		{"other device stays", im.Kick{Device: 5, Below: 3}, 6, 1, false},
		{"whole device", im.Kick{Device: 5}, 5, 99, true},
		{"all but one: the one", im.Kick{Except: 5}, 5, 1, false},
		{"all but one: another", im.Kick{Except: 5}, 6, 1, true},
		{"all", im.Kick{}, 6, 1, true},
	} {
		if got := kicks(c.k, c.device, c.epoch); got != c.want {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
}
