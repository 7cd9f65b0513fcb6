package proto

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/cxx-im/cxx/proto/cxxpb"
)

const (
	alice = 4_433_230_883_192_832 + 17
	bob   = 1_125_899_906_842_624 + 18
	msgID = 930_651_357_184_001
)

var clientID = []byte{0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}

// makeVectors builds the files of testdata/vectors for -update.
func makeVectors(t *testing.T) map[string][]vector {
	c := func(name, doc string, m Message) vector { return valid(t, name, doc, "client", m) }
	s := func(name, doc string, m Message) vector { return valid(t, name, doc, "server", m) }
	page := &cxxpb.SyncResult{Head: 3}
	for seq := uint64(1); seq <= 3; seq++ {
		page.Entries = append(page.Entries, &cxxpb.Entry{Seq: seq, MsgId: msgID + seq<<22, From: bob, Text: strings.Repeat("again and again ", 30)})
	}
	big := s("compressed page", "FEATURE_ZSTD: flag 0x80, the body is one zstd frame; compare the fields, not the bytes", &cxxpb.Reply{Id: 10, Result: &cxxpb.Reply_Sync{Sync: page}})
	big.Hex = hex.EncodeToString(AppendFrameZstd(nil, cxxpb.FrameType_FRAME_REPLY, &cxxpb.Reply{Id: 10, Result: &cxxpb.Reply_Sync{Sync: page}}))
	big.Flags = FlagZstd
	return map[string][]vector{
		"session.json": {
			{Name: "heartbeat", Doc: "length zero, no type byte", From: "client", Hex: "00", Type: "HEARTBEAT"},
			c("hello", "", &cxxpb.Hello{Version: 1, Features: 1, ClientName: "example", ClientVersion: "0.1", Domain: "example.org"}),
			s("hello reply", "", &cxxpb.HelloReply{
				Version: 1, Features: 1, ServerVersion: "1.0.0", Domain: "example.org", Mechanisms: []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "CXX-TOKEN", "CXX-JWT"},
				Registration: true, TimeMs: 1_800_000_000_000, MaxFrame: 262_144,
			}),
			c("scram first", "data is the client-first-message of RFC 5802", &cxxpb.Login{
				Id: 1, Mechanism: "SCRAM-SHA-256", Data: []byte("n,,n=alice,r=rOprNGfwEbeRWgbNEkqO"),
				Device: &cxxpb.DeviceInfo{Resource: "phone", Name: "Alice's phone", DeviceClass: 1}, Ticket: []byte{1, 2, 3},
			}),
			s("scram challenge", "", &cxxpb.LoginReply{Id: 1, Data: []byte("r=rOprNGfwEbeRWgbNEkqOx,s=c2FsdA==,i=10000")}),
			c("scram final", "no mechanism: it goes on with the login that runs", &cxxpb.Login{Id: 2, Data: []byte("c=biws,r=rOprNGfwEbeRWgbNEkqOx,p=cHJvb2Y=")}),
			s("logged in", "", &cxxpb.LoginReply{
				Id: 2, Data: []byte("v=c2lnbmF0dXJl"), Done: true, User: alice, Device: 77, Addr: "alice@example.org/phone",
				Token: []byte("cxt_example"), Head: 41, TimeMs: 1_800_000_000_123,
			}),
			c("token", "", &cxxpb.Login{Id: 1, Mechanism: "CXX-TOKEN", Data: []byte("cxt_example"), User: alice, Device: &cxxpb.DeviceInfo{Id: 77}}),
			c("jwt", "", &cxxpb.Login{Id: 1, Mechanism: "CXX-JWT", Data: []byte("a.b.c")}),
			c("register", "", &cxxpb.Login{Id: 1, Register: &cxxpb.Register{Addr: "carol@example.org", Password: "correct horse", Invite: "7q3k"}}),
			s("registered", "", &cxxpb.LoginReply{Id: 1, User: bob, Addr: "carol@example.org", Registered: true, TimeMs: 1}),
			s("go away", "", &cxxpb.GoAway{DelayMs: 1500, Detail: "the server goes down"}),
		},
		"message.json": {
			c("send", "", &cxxpb.Send{Id: 7, To: bob, ClientId: clientID, Text: "hi"}),
			c("send with all fields", "text is UTF-8; ext is opaque", &cxxpb.Send{Id: 1 << 31, To: bob, ClientId: clientID, Text: "grüße 👋", Ext: []byte{0, 255}}),
			s("ack", "", &cxxpb.SendAck{Id: 7, MsgId: msgID, Seq: 42}),
			s("ack of a repeat", "", &cxxpb.SendAck{Id: 8, MsgId: msgID, Seq: 42, Duplicate: true}),
			s("push", "a message received: no kind, from is also the peer", &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 300, MsgId: msgID, From: alice, Text: "hi"}}}),
			s("push of the own message", "to another device of the sender: no from, the peer is the recipient", &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 42, MsgId: msgID, Peer: bob, ClientId: clientID, Text: "hi"}}}),
			s("push of a read mark", "", &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 43, MsgId: msgID + 1, Kind: 3, From: bob, UpTo: msgID}}}),
			s("push of a contact", "", &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 44, MsgId: msgID + 2, Kind: 2, From: bob, Contact: &cxxpb.Contact{User: bob, Addr: "bob@example.org", Sub: 8, Note: "hello"}}}}),
			s("push of a note", "a message without text, for clients that understand ext", &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 45, MsgId: msgID + 3, Kind: 6, From: bob, Ext: []byte("<message/>")}}}),
			s("push of a block", "", &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 46, MsgId: msgID + 4, Kind: 7, Block: &cxxpb.Block{Blocked: []string{"mallory@example.org", "spam.example"}}}}}),
			s("push of an unblock", "", &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 47, MsgId: msgID + 5, Kind: 7, Block: &cxxpb.Block{Unblocked: []string{"mallory@example.org"}, Cleared: true}}}}),
			c("cursor", "", &cxxpb.Cursor{Seq: 300}),
			c("send to a group", "instead of to; with whom it mentions", &cxxpb.Send{Id: 8, Group: bob + 1, ClientId: clientID, Text: "@alice hi", Mentions: []uint64{alice}}),
			s("post", "of a group's timeline, the same for everybody", &cxxpb.PostPush{Group: bob + 1, Entries: []*cxxpb.Entry{{Seq: 13, MsgId: msgID, From: bob, ClientId: clientID, Text: "hi", Post: &cxxpb.Post{Nick: "bob", Occupant: "k3zq"}}}}),
			s("post of an event", "somebody was removed", &cxxpb.PostPush{Group: bob + 1, Entries: []*cxxpb.Entry{{Seq: 14, MsgId: msgID + 1, Kind: 8, From: alice, Group: &cxxpb.GroupEvent{What: 10, Id: bob + 1, ByNick: "alice", Reason: "rude", Member: &cxxpb.Member{User: bob, Addr: "bob@example.org", Nick: "bob"}}}}}),
			s("moved", "", &cxxpb.Moved{Group: bob + 1, Head: 40}),
			s("sync required", "", &cxxpb.SyncRequired{Head: 512}),
			c("typing", "", &cxxpb.Signal{User: bob, Kind: 1}),
			c("typing in a group", "", &cxxpb.Signal{Kind: 1, Group: bob + 1}),
			s("read in a group", "", &cxxpb.Signal{User: bob, Kind: 4, Group: bob + 1, Nick: "bob", UpTo: 13}),
			s("presence", "", &cxxpb.Presence{Users: []*cxxpb.UserPresence{{User: bob, Show: 3, Status: "lunch"}, {User: alice, LastSeenMs: 1_800_000_000_000}}}),
			s("request failed", "", &cxxpb.Error{Id: 9, Code: 3001, Detail: "too many messages in a short time", RetryAfterMs: 50}),
			s("connection ends", "", &cxxpb.Error{Code: 2006, Detail: "the same device has connected again"}),
			s("outcome unknown", "", &cxxpb.Error{Id: 9, Code: 5007, Indefinite: true}),
		},
		"call.json": {
			c("sync", "", &cxxpb.Call{Id: 10, Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{Cursor: 41, Limit: 100}}}),
			s("page", "", &cxxpb.Reply{Id: 10, Result: &cxxpb.Reply_Sync{Sync: &cxxpb.SyncResult{Entries: []*cxxpb.Entry{{Seq: 42, MsgId: msgID, From: bob, Text: "hi"}}, Head: 42}}}),
			big,
			c("empty operation", "an operation without fields is present with length zero", &cxxpb.Call{Id: 11, Op: &cxxpb.Call_Contacts{Contacts: &cxxpb.ContactsCall{}}}),
			s("contacts", "", &cxxpb.Reply{Id: 11, Result: &cxxpb.Reply_Contacts{Contacts: &cxxpb.ContactsResult{Contacts: []*cxxpb.Contact{{User: bob, Addr: "bob@example.org", Sub: 3, Listed: true, Name: "Bob", Groups: []string{"friends"}}}}}}),
			c("mark read", "", &cxxpb.Call{Id: 12, Op: &cxxpb.Call_MarkRead{MarkRead: &cxxpb.MarkReadCall{Peer: bob, UpTo: msgID}}}),
			c("block", "", &cxxpb.Call{Id: 13, Op: &cxxpb.Call_Block{Block: &cxxpb.BlockCall{Addrs: []string{"mallory@example.org"}}}}),
			c("unblock everybody", "", &cxxpb.Call{Id: 14, Op: &cxxpb.Call_Unblock{Unblock: &cxxpb.UnblockCall{}}}),
			c("block list", "", &cxxpb.Call{Id: 15, Op: &cxxpb.Call_BlockList{BlockList: &cxxpb.BlockListCall{}}}),
			s("blocked", "", &cxxpb.Reply{Id: 15, Result: &cxxpb.Reply_BlockList{BlockList: &cxxpb.BlockListResult{Addrs: []string{"mallory@example.org", "spam.example"}}}}),
			c("groups", "what is written in them is pushed from then on", &cxxpb.Call{Id: 16, Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{}}}),
			s("list of groups", "", &cxxpb.Reply{Id: 16, Result: &cxxpb.Reply_Groups{Groups: &cxxpb.GroupsResult{Groups: []*cxxpb.GroupState{{
				Group: &cxxpb.Group{Id: bob + 1, Addr: "team@groups.example.org", Title: "Team"}, Me: &cxxpb.Member{User: alice, Addr: "alice@example.org", Role: 7, Nick: "alice"},
				Head: 12, Unread: 2, Mentions: 1, Members: 3, HeadId: msgID, Membership: &cxxpb.Membership{Group: bob + 1, Addr: "team@groups.example.org", Title: "Team", Role: 7, Nick: "alice", Version: 1, Pinned: true},
			}}}}}),
			c("change settings", "title and who may speak", &cxxpb.Call{Id: 17, Op: &cxxpb.Call_GroupEdit{GroupEdit: &cxxpb.GroupEditCall{Group: &cxxpb.Group{Id: bob + 1, Title: "Crew", Speak: 2}, Fields: []uint32{3, 12}}}}),
			c("acts", "somebody is muted for ever, another invited", &cxxpb.Call{Id: 18, Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: bob + 1, Acts: []*cxxpb.Act{{Verb: 6, User: bob, Reason: "noise"}, {Verb: 1, User: alice}}}}}),
			c("sync a group", "", &cxxpb.Call{Id: 19, Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: bob + 1, Cursor: 12}}}),
			s("done", "", &cxxpb.Reply{Id: 12, Result: &cxxpb.Reply_Done{Done: &cxxpb.Done{}}}),
		},
		"nas.json": {
			c("allocate", "", &cxxpb.Allocate{Id: 1, Addr: "alice@example.org"}),
			s("allocated", "", &cxxpb.Allocated{Id: 1, Acs: "acs1.example.org:5210", Ticket: []byte{1, 2, 3}, Alternatives: []string{"acs2.example.org:5210"}}),
			s("wait", "", &cxxpb.Allocated{Id: 1, WaitMs: 800}),
		},
		"invalid.json": {
			{Name: "nothing", Hex: "", Error: "incomplete"},
			{Name: "length cut", Hex: "80", Error: "incomplete"},
			{Name: "body cut", Hex: "0305", Error: "incomplete"},
			{Name: "length not in the fewest bytes", Hex: "8500", Error: "MALFORMED"},
			{Name: "heartbeat not in the fewest bytes", Hex: "8000", Error: "MALFORMED"},
			{Name: "length of more than four bytes", Hex: "ffffffff0f", Error: "FRAME_TOO_LARGE"},
			{Name: "larger than before login", Doc: "answered as soon as the length is read", Hex: "8120", Limit: MaxFrameBeforeLogin, Error: "FRAME_TOO_LARGE"},
			{Name: "larger than after login", Hex: "818010", Error: "FRAME_TOO_LARGE"},
			{Name: "type zero", Hex: "0100", Error: "MALFORMED"},
			{Name: "type zero with flags", Hex: "01c0", Error: "MALFORMED"},
			{Name: "unknown type", Hex: "013c", Error: "UNSUPPORTED"},
			{Name: "body cut inside", Doc: "field 4 says 5 bytes, 1 follows", Hex: "0405220561", Error: "MALFORMED"},
			{Name: "wrong wire type", Doc: "field 1 of SEND as text", Hex: "04050a0161", Error: "MALFORMED"},
			{Name: "text not UTF-8", Hex: "04052201ff", Error: "MALFORMED"},
			{Name: "compressed and not", Hex: "038b0102", Error: "MALFORMED"},
		},
	}
}

func valid(t *testing.T, name, doc, from string, m Message) vector {
	t.Helper()
	b, err := protojson.Marshal(m.(proto.Message))
	if err != nil {
		t.Fatal(err)
	}
	var any map[string]any // protojson varies its spaces on purpose
	if err := json.Unmarshal(b, &any); err != nil {
		t.Fatal(err)
	}
	if b, err = json.Marshal(any); err != nil {
		t.Fatal(err)
	}
	kind := frameOf(m)
	return vector{
		Name: name, Doc: doc, From: from, Hex: hex.EncodeToString(AppendFrame(nil, kind, 0, m)), Type: Name(kind), Fields: b,
	}
}
