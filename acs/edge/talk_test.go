package edge

import (
	"testing"

	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Two users talk, over each transport.
func TestTalk(t *testing.T) {
	for name, dial := range dials {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			alice, bob := dial(r), dial(r)
			alice.enter(r.core, "alice")
			bob.enter(r.core, "bob")
			alice.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 7, To: uint64(r.core.user("bob")), ClientId: make([]byte, 16), Text: "hi"})
			var ack cxxpb.SendAck
			alice.want(cxxpb.FrameType_FRAME_SEND_ACK, &ack)
			if ack.Id != 7 || ack.MsgId == 0 {
				t.Errorf("ack %v", &ack)
			}
			var push cxxpb.Push
			bob.want(cxxpb.FrameType_FRAME_PUSH, &push)
			if e := push.Entries[0]; e.Text != "hi" || e.MsgId != ack.MsgId || e.From != uint64(r.core.user("alice")) {
				t.Errorf("push %v", e)
			}
			page := bob.call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}}).GetSync()
			if len(page.Entries) != 1 || page.Head != 1 {
				t.Errorf("sync %v", page)
			}
			alice.write([]byte{0})
			if f, err := alice.next(); err != nil || f.Type != 0 {
				t.Errorf("heartbeat: %v %v", f, err)
			}
		})
	}
}
