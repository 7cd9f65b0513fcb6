package edge

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// drip writes one byte at a time, as the worst network would.
type drip struct {
	net.Conn
	size int
}

func (d drip) Write(b []byte) (int, error) {
	for i := 0; i < len(b); i += d.size {
		if _, err := d.Conn.Write(b[i:min(len(b), i+d.size)]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// Frames are the same however the bytes arrive.
func TestDrip(t *testing.T) {
	for name, withTLS := range map[string]bool{"plaintext": false, "tls": true} {
		for _, size := range []int{1, 7} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, nil)
				addr := r.srv.Addrs()[1]
				if withTLS {
					addr = r.srv.Addrs()[0]
				}
				nc, err := net.Dial("tcp", addr.String())
				if err != nil {
					t.Fatal(err)
				}
				var c net.Conn = drip{nc, size}
				if withTLS {
					c = tls.Client(c, clientTLS())
				}
				p := r.wrap(c)
				p.enter(r.core, "alice")
				me := uint64(r.core.user("alice"))
				for id := uint32(1); id <= 20; id++ {
					p.send(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: id, To: me, Text: "note to self"})
					var push cxxpb.Push
					p.want(cxxpb.FrameType_FRAME_PUSH, &push)
					var ack cxxpb.SendAck
					p.want(cxxpb.FrameType_FRAME_SEND_ACK, &ack)
					if ack.Id != id || push.Entries[0].Seq != uint64(id) {
						t.Fatalf("ack %v push %v", &ack, &push)
					}
				}
			})
		}
	}
}

// Each operation of Call has a handler and an answer.
func TestCalls(t *testing.T) {
	r := newRig(t, nil)
	p := r.overTLS()
	p.enter(r.core, "alice")
	bob := uint64(r.core.user("bob"))
	r.core.append(r.core.user("alice"), im.Entry{Kind: im.KindMessage, From: im.UserID(bob), Peer: im.UserID(bob), Text: "hello"})
	p.want(cxxpb.FrameType_FRAME_PUSH, nil)
	for _, c := range []struct {
		call *cxxpb.Call
		ok   func(*cxxpb.Reply) bool
	}{
		{&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}}, func(r *cxxpb.Reply) bool { return len(r.GetSync().Entries) == 1 }},
		{&cxxpb.Call{Op: &cxxpb.Call_History{History: &cxxpb.HistoryCall{Peer: bob}}}, func(r *cxxpb.Reply) bool { return len(r.GetHistory().Entries) == 1 }},
		{&cxxpb.Call{Op: &cxxpb.Call_Conversations{Conversations: &cxxpb.ConversationsCall{}}}, func(r *cxxpb.Reply) bool { return r.GetConversations().Conversations[0].Unread == 1 }},
		{&cxxpb.Call{Op: &cxxpb.Call_MarkRead{MarkRead: &cxxpb.MarkReadCall{Peer: bob, UpTo: 1, Ext: []byte("<x/>")}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_Contacts{Contacts: &cxxpb.ContactsCall{}}}, func(r *cxxpb.Reply) bool { return len(r.GetContacts().Contacts) == 2 }},
		{&cxxpb.Call{Op: &cxxpb.Call_ContactAdd{ContactAdd: &cxxpb.ContactAddCall{User: bob}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_ContactAnswer{ContactAnswer: &cxxpb.ContactAnswerCall{User: bob}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_ContactRemove{ContactRemove: &cxxpb.ContactRemoveCall{User: bob}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_ContactUpdate{ContactUpdate: &cxxpb.ContactUpdateCall{User: bob}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_PresenceSet{PresenceSet: &cxxpb.PresenceSetCall{Show: 3}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_PresenceGet{PresenceGet: &cxxpb.PresenceGetCall{}}}, func(r *cxxpb.Reply) bool { return r.GetPresence().Users[0].Status == "lunch" }},
		{&cxxpb.Call{Op: &cxxpb.Call_Devices{Devices: &cxxpb.DevicesCall{}}}, func(r *cxxpb.Reply) bool {
			d := r.GetDevices().Devices
			return len(d) == 2 && d[0].Current && !d[1].Current
		}},
		{&cxxpb.Call{Op: &cxxpb.Call_DeviceRevoke{DeviceRevoke: &cxxpb.DeviceRevokeCall{Device: 77}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_Password{Password: &cxxpb.PasswordCall{Old: "secret", New: "other"}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_ProfileSet{ProfileSet: &cxxpb.ProfileSetCall{Profile: &cxxpb.Profile{Name: "A"}}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_Profiles{Profiles: &cxxpb.ProfilesCall{Users: []uint64{bob}}}}, func(r *cxxpb.Reply) bool { return r.GetProfiles().Profiles[0].User == bob }},
		{&cxxpb.Call{Op: &cxxpb.Call_Resolve{Resolve: &cxxpb.ResolveCall{Addr: "Bob@localhost"}}}, func(r *cxxpb.Reply) bool { return r.GetResolve().User == bob }},
		{&cxxpb.Call{Op: &cxxpb.Call_Block{Block: &cxxpb.BlockCall{Addrs: []string{"Eve@localhost", "spam.example"}}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_Unblock{Unblock: &cxxpb.UnblockCall{Addrs: []string{"spam.example"}}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_BlockList{BlockList: &cxxpb.BlockListCall{}}}, func(r *cxxpb.Reply) bool { return slices.Equal(r.GetBlockList().Addrs, []string{"eve@localhost"}) }},
		{&cxxpb.Call{Op: &cxxpb.Call_Unblock{Unblock: &cxxpb.UnblockCall{}}}, isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_BlockList{BlockList: &cxxpb.BlockListCall{}}}, func(r *cxxpb.Reply) bool { return r.GetBlockList() != nil && len(r.GetBlockList().Addrs) == 0 }},
	} {
		if got := p.call(c.call); !c.ok(got) {
			t.Errorf("%v: %v", c.call, got)
		}
	}
	if got := string(r.core.of(r.core.user("alice"))[0].markExt); got != "<x/>" {
		t.Errorf("the read mark came with %q", got)
	}
	many := slices.Repeat([]string{"a@localhost"}, maxBlockAddrs+1)
	for _, bad := range []struct {
		call *cxxpb.Call
		code im.ErrorCode
	}{
		{&cxxpb.Call{Id: 97, Op: &cxxpb.Call_Block{Block: &cxxpb.BlockCall{Addrs: []string{"a@"}}}}, im.CodeInvalid},
		{&cxxpb.Call{Id: 97, Op: &cxxpb.Call_Block{Block: &cxxpb.BlockCall{Addrs: many}}}, im.CodeTooMany},
		{&cxxpb.Call{Id: 97, Op: &cxxpb.Call_Unblock{Unblock: &cxxpb.UnblockCall{Addrs: many}}}, im.CodeTooMany},
	} {
		p.send(cxxpb.FrameType_FRAME_CALL, bad.call)
		p.wantError(97, bad.code)
	}
	p.send(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 99, Op: &cxxpb.Call_Logout{Logout: &cxxpb.LogoutCall{}}})
	p.wantError(0, im.CodeLoggedOut)
	p.wantClose()
}

// What is for XMPP clients does not reach others; notes and changes of the block
// list do.
func TestPushesOfBothProtocols(t *testing.T) {
	r := newRig(t, nil)
	p := r.overTLS()
	p.enter(r.core, "alice")
	alice := r.core.user("alice")
	sink := r.core.of(alice)[0].opening.Sink
	sink.PushSignal(im.Signal{From: 9, To: alice, Kind: im.SignalStanza, Data: []byte("<iq/>")})
	sink.PushSignal(im.Signal{From: 9, To: alice, Kind: im.SignalTyping, Data: []byte("<message/>")})
	var sig cxxpb.Signal
	if p.want(cxxpb.FrameType_FRAME_SIGNAL, &sig); sig.Kind != 1 || sig.User != 9 {
		t.Errorf("signal %v", &sig)
	}
	r.core.append(alice, im.Entry{Kind: im.KindNote, From: 9, Peer: 9, Ext: []byte("<message/>")})
	r.core.append(alice, im.Entry{Kind: im.KindBlock, From: alice, Peer: alice, Block: &im.Block{Blocked: []im.Addr{{Domain: "spam.example"}}}})
	var push cxxpb.Push
	if p.want(cxxpb.FrameType_FRAME_PUSH, &push); push.Entries[0].Kind != 6 || string(push.Entries[0].Ext) != "<message/>" {
		t.Errorf("note %v", &push)
	}
	push.Reset()
	if p.want(cxxpb.FrameType_FRAME_PUSH, &push); push.Entries[0].Kind != 7 || push.Entries[0].Block.Blocked[0] != "spam.example" {
		t.Errorf("block %v", &push)
	}
}

func isDone(r *cxxpb.Reply) bool { return r.GetDone() != nil }

// The table of operations knows every member of the oneof.
func TestOperationsComplete(t *testing.T) {
	oneof := (&cxxpb.Call{}).ProtoReflect().Descriptor().Oneofs().ByName("op")
	if n := oneof.Fields().Len(); n != len(operations) {
		t.Errorf("Call has %d operations, the table has %d", n, len(operations))
	}
}

// Requests are carried out in the order of the frames, also when some wait and
// some could run at once.
func TestPipelineOrder(t *testing.T) {
	r := newRig(t, nil)
	p := r.overTLS()
	me := uint64(r.core.user("alice"))
	b := frame(cxxpb.FrameType_FRAME_HELLO, &cxxpb.Hello{Version: 1})
	b = append(b, frame(cxxpb.FrameType_FRAME_LOGIN, tokenLogin(im.UserID(me)))...)
	for id := uint32(2); id < 22; id += 2 {
		b = append(b, frame(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: id, To: me, Text: "x"})...)
		b = append(b, frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: id + 1, Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}})...)
	}
	p.write(b)
	p.want(cxxpb.FrameType_FRAME_HELLO_REPLY, nil)
	p.want(cxxpb.FrameType_FRAME_LOGIN_REPLY, nil)
	for id := uint32(2); id < 22; id += 2 {
		p.want(cxxpb.FrameType_FRAME_PUSH, nil)
		var ack cxxpb.SendAck
		p.want(cxxpb.FrameType_FRAME_SEND_ACK, &ack)
		var reply cxxpb.Reply
		p.want(cxxpb.FrameType_FRAME_REPLY, &reply)
		if ack.Id != id || reply.Id != id+1 || len(reply.GetSync().Entries) != int(id/2) {
			t.Fatalf("at %d: %v %v", id, &ack, &reply)
		}
	}
}

// What the core pushes while it opens the session comes behind the answer to
// the login.
func TestPushBehindLoginReply(t *testing.T) {
	r := newRig(t, func(_ *Config, d *Deps) {
		d.Sessions.(*core).onOpen = func(o im.Opening) {
			if !o.Sink.Push(&im.Entry{Seq: 1, Kind: im.KindMessage, From: 9, Peer: 9, Text: "early"}) {
				t.Error("the push was refused")
			}
			o.Sink.PushPresence(im.UserPresence{User: 9, Show: im.ShowOnline})
		}
	})
	p := r.plain()
	p.enter(r.core, "alice")
	p.want(cxxpb.FrameType_FRAME_PUSH, nil)
	p.want(cxxpb.FrameType_FRAME_PRESENCE, nil)
}

// Typing goes to the other side without an answer; the cursor reaches the core.
func TestSignalAndCursor(t *testing.T) {
	r := newRig(t, nil)
	alice, bob := r.plain(), r.overTLS()
	alice.enter(r.core, "alice")
	bob.enter(r.core, "bob")
	alice.send(cxxpb.FrameType_FRAME_CURSOR, &cxxpb.Cursor{Seq: 41})
	alice.send(cxxpb.FrameType_FRAME_SIGNAL, &cxxpb.Signal{User: uint64(r.core.user("bob")), Kind: 1})
	var s cxxpb.Signal
	bob.want(cxxpb.FrameType_FRAME_SIGNAL, &s)
	if s.User != uint64(r.core.user("alice")) || s.Kind != 1 {
		t.Errorf("signal %v", &s)
	}
	session := r.core.of(r.core.user("alice"))[0]
	session.mu.Lock()
	defer session.mu.Unlock()
	if session.cursor != 41 {
		t.Errorf("cursor %d", session.cursor)
	}
}

// Requests that wait are bounded: the server stops reading, works, and reads on.
func TestQueueCap(t *testing.T) {
	gate := make(chan struct{})
	r := newRig(t, func(c *Config, d *Deps) {
		c.MaxQueued = 4
		d.Sessions.(*core).onSync = func(context.Context, *fakeSession) { <-gate }
	})
	for name, dial := range dials {
		p := dial(r)
		p.enter(r.core, name)
		var b []byte
		for id := uint32(1); id <= 200; id++ {
			b = append(b, frame(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: id, Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}})...)
		}
		p.write(b)
		c := r.core.of(r.core.user(name))[0].opening.Sink.(*sink).c
		for id := uint32(1); id <= 200; id++ {
			gate <- struct{}{}
			c.queue.mu.Lock()
			if n := len(c.queue.tasks); n > 4 {
				t.Errorf("%s: %d requests wait", name, n)
			}
			c.queue.mu.Unlock()
			var m cxxpb.Reply
			p.want(cxxpb.FrameType_FRAME_REPLY, &m)
			if m.Id != id {
				t.Fatalf("%s: reply %d, want %d", name, m.Id, id)
			}
		}
	}
}
