package proto

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func typeName(m any) string { return fmt.Sprintf("%T", m) }

// What is converted to the wire and back is the same, for every kind of entry
// and from both sides of a conversation.
func TestEntryRoundTrip(t *testing.T) {
	const owner, peer = im.UserID(11), im.UserID(22)
	addr := im.Addr{Local: "bob", Domain: "localhost"}
	at := time.UnixMilli(1_800_000_000_123).UTC()
	entries := []im.Entry{
		{Seq: 1, MsgID: 5, Kind: im.KindMessage, From: peer, Peer: peer, Text: "hello", Ext: []byte{1}},
		{Seq: 2, MsgID: 6, Kind: im.KindMessage, From: owner, Peer: peer, Text: "héllo", ClientID: im.ClientID{1, 2}},
		{Seq: 3, MsgID: 7, Kind: im.KindMessage, From: owner, Peer: owner, Text: "note to self", ClientID: im.ClientID{3}},
		{Seq: 4, MsgID: 8, Kind: im.KindRead, From: owner, Peer: peer, UpTo: 5},
		{Seq: 5, MsgID: 9, Kind: im.KindRead, From: peer, Peer: peer, UpTo: 6},
		{Seq: 6, MsgID: 10, Kind: im.KindContact, From: peer, Peer: peer, Contact: &im.Contact{
			User: peer, Addr: addr, Sub: im.SubBoth | im.SubPreApproved, Listed: true, Name: "Bob", Groups: []string{"a", "b"}, Note: "hi",
		}},
		{Seq: 7, MsgID: 11, Kind: im.KindDevice, From: owner, Peer: owner, Device: &im.Device{
			ID: 3, Resource: "r", Name: "phone", Class: im.ClassPhone, Protocol: im.ProtocolXMPP, ClientName: "c", ClientVersion: "1",
			IP: "127.0.0.1", UDPPort: 1, TCPPort: 65535, Created: at, LastLogin: at, Revoked: true,
		}},
		{Seq: 8, MsgID: 12, Kind: im.KindProfile, From: owner, Peer: owner, Profile: &im.Profile{User: owner, Addr: addr, Name: "A", LastSeen: im.ToEveryone}},
		{Seq: 9, MsgID: 13, Kind: im.KindNote, From: peer, Peer: peer, Ext: []byte("<message/>")},
		{Seq: 10, MsgID: 14, Kind: im.KindBlock, From: owner, Peer: owner, Block: &im.Block{Blocked: []im.Addr{addr, {Domain: "spam.example"}}}},
		{Seq: 11, MsgID: 15, Kind: im.KindBlock, From: owner, Peer: owner, Block: &im.Block{Unblocked: []im.Addr{{Local: "bob", Domain: "localhost", Resource: "r"}}, Cleared: true}},
		{Seq: 12, MsgID: 16, Kind: im.KindRead, From: owner, Peer: peer, UpTo: 5, Ext: []byte("<x/>")},
	}
	wire := EntriesToPB(entries, owner)
	for i, p := range wire {
		body, err := p.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		var q cxxpb.Entry
		if err := Unmarshal(body, &q); err != nil {
			t.Fatal(err)
		}
		if got := EntryFromPB(&q, owner); !reflect.DeepEqual(got, entries[i]) {
			t.Errorf("entry %d:\n got %+v\nwant %+v", i, got, entries[i])
		}
	}
	c := im.Conversation{Peer: peer, Last: entries[0], Unread: 3, ReadTo: 4, PeerTo: 5}
	if got := ConversationFromPB(ConversationToPB(&c, owner), owner); !reflect.DeepEqual(got, c) {
		t.Errorf("conversation %+v", got)
	}
	p := im.UserPresence{User: peer, Show: im.ShowDND, Status: "busy", LastSeen: at}
	if got := UserPresenceFromPB(UserPresenceToPB(p)); !reflect.DeepEqual(got, p) {
		t.Errorf("presence %+v", got)
	}
	e := &im.Error{Code: im.CodeRateLimited, Detail: "slowly", RetryAfter: 1500 * time.Millisecond}
	if got := ErrorFromPB(ErrorToPB(1, e)); *got != *e {
		t.Errorf("error %+v", got)
	}
}

// A client id is for the sender's own devices only, and an address of a device
// for its owner only: no entry of a message carries either to the other side.
func TestEntryLeaksNothing(t *testing.T) {
	e := im.Entry{Kind: im.KindMessage, From: 22, Peer: 22, ClientID: im.ClientID{9}}
	if p := EntryToPB(&e, 11); p.ClientId != nil {
		t.Error("the client id of another's message is on the wire")
	}
}

func TestHotHelpersMatch(t *testing.T) {
	e := &im.Entry{Seq: 3, MsgID: 4, Kind: im.KindMessage, From: 5, Peer: 5, Text: "t"}
	want := AppendFrame(nil, cxxpb.FrameType_FRAME_PUSH, 0, &cxxpb.Push{Entries: []*cxxpb.Entry{EntryToPB(e, 9)}})
	if got := AppendPush(nil, e, 9); string(got) != string(want) {
		t.Errorf("%x, want %x", got, want)
	}
	e.Peer, e.ClientID = 0, im.ClientID{1}
	want = AppendFrame(nil, cxxpb.FrameType_FRAME_POST, 0, &cxxpb.PostPush{Group: 7, Entries: []*cxxpb.Entry{TimelineEntryToPB(e)}})
	if got := AppendPost(nil, 7, e); string(got) != string(want) {
		t.Errorf("%x, want %x", got, want)
	}
	want = AppendFrame(nil, cxxpb.FrameType_FRAME_SEND_ACK, 0, &cxxpb.SendAck{Id: 1, MsgId: 2, Seq: 3, Duplicate: true})
	if got := AppendSendAck(nil, 1, im.Ack{MsgID: 2, Seq: 3, Duplicate: true}); string(got) != string(want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// A trace shows what happens and neither secrets nor what people write.
func TestText(t *testing.T) {
	for _, c := range []struct {
		kind   cxxpb.FrameType
		m      Message
		server bool
		want   string
	}{
		{cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 7, To: 99, ClientId: []byte{0xab}, Text: "canary"}, false, `C: SEND id=7 to=99 client_id=ab text=(6 bytes)`},
		{cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1, Mechanism: "CXX-TOKEN", Data: []byte("canary"), User: 5, Ticket: []byte("canary"), Device: &cxxpb.DeviceInfo{Id: 3, Name: "phone"}}, false, `C: LOGIN id=1 mechanism="CXX-TOKEN" data=*** user=5 device{id=3 name="phone"} ticket=***`},
		{cxxpb.FrameType_FRAME_LOGIN, &cxxpb.Login{Id: 1, Register: &cxxpb.Register{Addr: "a", Password: "canary", Invite: "canary"}}, false, `C: LOGIN id=1 register{addr="a" password=*** invite=***}`},
		{cxxpb.FrameType_FRAME_LOGIN_REPLY, &cxxpb.LoginReply{Id: 1, Done: true, Token: []byte("canary")}, true, `S: LOGIN_REPLY id=1 done=true token=***`},
		{cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 2, Op: &cxxpb.Call_Password{Password: &cxxpb.PasswordCall{Old: "canary", New: "canary"}}}, false, `C: CALL id=2 password{old=*** new=***}`},
		{cxxpb.FrameType_FRAME_PUSH, &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 1, Text: "canary"}, {Seq: 2}}}, true, `S: PUSH entries{seq=1 text=(6 bytes)} entries{seq=2}`},
		{cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: 2, Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{Group: &cxxpb.Group{Title: "Team", About: "canary", Subject: "canary", Announcement: "canary", Invite: 1}, Invite: []uint64{5}}}}, false, `C: CALL id=2 group_create{group{title="Team" about=(6 bytes) subject=(6 bytes) announcement=(6 bytes) invite=1} invite=5}`},
		{cxxpb.FrameType_FRAME_POST, &cxxpb.PostPush{Group: 7, Entries: []*cxxpb.Entry{{Seq: 1, Text: "canary", Group: &cxxpb.GroupEvent{What: 10, Reason: "canary"}}}}, true, `S: POST group=7 entries{seq=1 text=(6 bytes) group{what=10 reason=(6 bytes)}}`},
		{cxxpb.FrameType_FRAME_ERROR, &cxxpb.Error{Id: 2, Code: 3001, RetryAfterMs: 50}, true, `S: ERROR id=2 code=RATE_LIMITED retry_after_ms=50`},
		{cxxpb.FrameType_FRAME_ERROR, &cxxpb.Error{Code: 3999}, true, `S: ERROR code=CODE_3999`},
	} {
		f, _, err := Parse(AppendFrame(nil, c.kind, 0, c.m), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if got := Text(f, c.server); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	if got := Text(Frame{}, true); got != "S: HEARTBEAT" {
		t.Error(got)
	}
	if got := Text(Frame{Type: 60, Body: []byte("x")}, false); got != "C: 60 (1 bytes: UNSUPPORTED)" {
		t.Error(got)
	}
}
