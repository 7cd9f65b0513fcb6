package edge

import (
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// A client that does not read is told once that the group has moved, behind what it
// did get; the others of the group notice nothing. When it has synced, it is pushed
// to again.
func TestDeafInBusyGroup(t *testing.T) {
	r := newRig(t, nil)
	deaf, other := r.plain(), r.overTLS()
	deaf.enter(r.core, "alice")
	other.enter(r.core, "bob")
	to := r.core.of(r.core.user("alice"))[0].opening.Sink
	others := r.core.of(r.core.user("bob"))[0].opening.Sink
	var seq uint64
	for taken := true; taken; {
		seq++
		p := postOf(seq, 4000)
		if !others.PushPost(p) {
			t.Fatalf("post %d was refused to who reads", seq)
		}
		other.want(cxxpb.FrameType_FRAME_POST, nil)
		taken = to.PushPost(p)
	}
	var push cxxpb.PostPush
	for i := uint64(1); i < seq; i++ {
		push.Reset()
		if deaf.want(cxxpb.FrameType_FRAME_POST, &push); push.Entries[0].Seq != i {
			t.Fatalf("post %d comes as the %d.", push.Entries[0].Seq, i)
		}
	}
	var moved cxxpb.Moved
	if deaf.want(cxxpb.FrameType_FRAME_MOVED, &moved); moved.Group != 7 || moved.Head != seq {
		t.Errorf("%v, refused was %d", &moved, seq)
	}
	deaf.call(&cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: 7, Cursor: seq - 1}}})
	if !to.PushPost(postOf(seq+1, 10)) {
		t.Error("no push after the sync")
	}
	deaf.want(cxxpb.FrameType_FRAME_POST, nil)
	if n := r.count("cxx_edge_sync_required_total"); n != 1 {
		t.Errorf("%v times", n)
	}
}

// How far timelines have come waits until the client has taken the rest, and is said
// once for each of them: the newest. Nothing of it is lost, also above the limits.
func TestMovedWaits(t *testing.T) {
	var o outbox
	const limit = 100
	o.setUnsent(settled + 1)
	for i, c := range []struct {
		group       im.GroupID
		seq         uint64
		taken, told bool
	}{{7, 5, false, true}, {7, 8, false, false}, {9, 3, false, true}, {7, 6, false, false}} {
		_, taken, told := o.pushPost(limit, c.group, c.seq, []byte("post"))
		if taken != c.taken || told != c.told {
			t.Errorf("%d: taken %v, told %v", i, taken, told)
		}
	}
	if b := o.take(); len(b) > 0 {
		t.Fatalf("%x leaves while the client is behind", b)
	}
	if !o.setUnsent(settled) {
		t.Error("nobody is woken when it is time")
	}
	b := o.take()
	var got []*cxxpb.Moved
	for len(b) > 0 {
		f, n, err := proto.Parse(b, 100)
		if err != nil || f.Type != cxxpb.FrameType_FRAME_MOVED {
			t.Fatalf("%x: %v", b, err)
		}
		got = append(got, &cxxpb.Moved{})
		if err := got[len(got)-1].UnmarshalVT(f.Body); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	if len(got) != 2 || got[0].Group != 7 || got[0].Head != 8 || got[1].Group != 9 || got[1].Head != 3 {
		t.Errorf("told %v", got)
	}
	if o.setUnsent(0); len(o.take()) > 0 {
		t.Error("told twice")
	}
	if wake, taken, _ := o.pushPost(limit, 7, 9, []byte("post")); !wake || !taken || string(o.take()) != "post" {
		t.Error("no push when there is room")
	}
}
