// Package presencetest holds the contract of presence.Registry as a test that
// every implementation runs. It is imported by tests only.
package presencetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/presence"
)

// Cell is an empty registry as two nodes see it, and the powers of fate.
type Cell struct {
	A, B   presence.Registry // two handles on one cell; may be the same value
	Expire func(im.NodeID)   // makes the lease of a node end now
	Forget func()            // makes the registry come back empty
}

// Lease is long enough for any test; leases end by Cell.Expire only.
const Lease = time.Hour

// Run runs the contract. factory makes a fresh Cell for each test.
func Run(t *testing.T, factory func(t *testing.T) Cell) {
	for name, test := range map[string]func(*testing.T, Cell){
		"announce tells what is known":       announceKnown,
		"an older epoch is refused":          olderEpoch,
		"a newer epoch takes the id":         newerEpoch,
		"nodes come whole and in order":      nodesInOrder,
		"an expired node is gone":            nodeExpires,
		"put, lookup, remove":                putLookupRemove,
		"put replaces":                       putReplaces,
		"sessions die with their epoch":      diesWithEpoch,
		"sessions without lease are unseen":  unseenWithoutLease,
		"many in one call":                   many,
		"empty calls do nothing":             empty,
		"sweep takes the dead only":          sweepDead,
		"sweep takes a replaced incarnation": sweepReplaced,
		"one sweeper gets the work":          sweepOnce,
		"withdraw takes its own":             withdrawOwn,
		"empty again":                        comesBackEmpty,
		"doorbells":                          doorbells,
		"doorbells for nobody":               bellsForNobody,
	} {
		t.Run(name, func(t *testing.T) { test(t, factory(t)) })
	}
}

// Node returns a node with every field set.
func Node(id im.NodeID, epoch uint64) im.Node {
	return im.Node{
		ID: id, Epoch: epoch, Role: "acs", CXX: "127.0.0.1:5210", Mesh: "127.0.0.1:5230", XMPP: "127.0.0.1:5222",
		Version: "1.2.3", Sessions: 7, Capacity: 1000, Draining: true,
	}
}

// Session returns a session with every field set.
func Session(u im.UserID, n im.Node, id im.SessionID) im.SessionInfo {
	return im.SessionInfo{
		SessionKey: im.SessionKey{User: u, Node: n.ID, NodeEpoch: n.Epoch, Session: id},
		Device:     im.DeviceID(1<<51 + uint64(id)), DeviceEpoch: 1<<63 + 9, Resource: "phone \"ü\" :/",
		Protocol: im.ProtocolXMPP,
		Presence: im.Presence{Show: im.ShowAway, Status: "à table :\n", Priority: -3, Ext: "<c ver=\"x\"/>", Interests: "urn:a\nurn:b\n"},
	}
}

func announce(t *testing.T, r presence.Registry, n im.Node, want bool) {
	t.Helper()
	known, err := r.Announce(t.Context(), n, Lease)
	if err != nil || known != want {
		t.Fatalf("Announce(%d, epoch %d) = %v, %v; want %v", n.ID, n.Epoch, known, err, want)
	}
}

func put(t *testing.T, r presence.Registry, s ...im.SessionInfo) {
	t.Helper()
	if err := r.Put(t.Context(), s); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func remove(t *testing.T, r presence.Registry, k ...im.SessionKey) {
	t.Helper()
	if err := r.Remove(t.Context(), k); err != nil {
		t.Fatalf("Remove: %v", err)
	}
}

// expect checks what Lookup gives for one user, in any order.
func expect(t *testing.T, r presence.Registry, u im.UserID, want ...im.SessionInfo) {
	t.Helper()
	got, err := r.Lookup(t.Context(), []im.UserID{u})
	if err != nil {
		t.Fatalf("Lookup: %v", err)
	}
	if _, present := got[u]; present && len(want) == 0 {
		t.Fatalf("Lookup has user %d, who has no session: %+v", u, got[u])
	}
	same(t, got[u], want)
}

func same(t *testing.T, got, want []im.SessionInfo) {
	t.Helper()
	got, want = sorted(got), sorted(want)
	if !slices.Equal(got, want) {
		t.Fatalf("sessions are\n%+v\nwant\n%+v", got, want)
	}
}

func sorted(s []im.SessionInfo) []im.SessionInfo {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b im.SessionInfo) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Node, b.Node),
			cmp.Compare(a.NodeEpoch, b.NodeEpoch), cmp.Compare(a.Session, b.Session))
	})
	return s
}

func sweep(t *testing.T, r presence.Registry) []im.SessionInfo {
	t.Helper()
	gone, err := r.Sweep(t.Context())
	if err != nil {
		t.Fatalf("Sweep: %v", err)
	}
	return gone
}
