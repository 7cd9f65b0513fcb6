package edge

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Each operation on groups reaches the core as it was meant, and has its answer.
func TestGroupCalls(t *testing.T) {
	r := newRig(t, nil)
	g := &r.core.groups
	g.list = []im.GroupState{{Group: im.Group{ID: 9}}, {Group: im.Group{ID: 7, Title: "Team"}, Head: 12, Unread: 2}}
	g.members = []im.Member{{User: 5, Nick: "eve", Role: im.RoleMember}}
	g.timeline = []im.Entry{{Seq: 1, Kind: im.KindMessage, From: 5, ClientID: im.ClientID{1}, Text: "hi", Post: &im.Post{Nick: "eve"}}}
	g.open = im.GroupDirectory{Groups: []im.Group{{ID: 7}}, Next: 7}
	p := r.overTLS()
	p.enter(r.core, "alice")
	for _, c := range []struct {
		call  *cxxpb.Call
		asked string
		ok    func(*cxxpb.Reply) bool
	}{
		{&cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{}}}, "list", func(r *cxxpb.Reply) bool {
			l := r.GetGroups().GetGroups()
			return len(l) == 2 && l[0].Group.Title == "Team" && l[0].Unread == 2 && r.GetGroups().Next == 0
		}},
		{&cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{After: 7}}}, "list", func(r *cxxpb.Reply) bool {
			return len(r.GetGroups().Groups) == 1 && r.GetGroups().Groups[0].Group.Id == 9
		}},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupGet{GroupGet: &cxxpb.GroupGetCall{Group: 7}}}, "get 7", func(r *cxxpb.Reply) bool { return r.GetGroup().Group.Id == 7 }},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupGet{GroupGet: &cxxpb.GroupGetCall{Addr: "Team@groups.localhost"}}}, "find team@groups.localhost", func(r *cxxpb.Reply) bool { return r.GetGroup().Group.Addr == "team@groups.localhost" }},
		{
			&cxxpb.Call{Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{Group: &cxxpb.Group{Addr: "team", Title: "Team", Locked: true}, Nick: "al", Invite: []uint64{5}}}},
			`create team "Team" locked=false nick=al invite=[5]; get 7`,
			func(r *cxxpb.Reply) bool { return r.GetGroup().Group.Id == 7 },
		},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupEdit{GroupEdit: &cxxpb.GroupEditCall{Group: &cxxpb.Group{Id: 7, Title: "New", Public: true}, Fields: []uint32{3, 20}}}}, "edit 7", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupEdit{GroupEdit: &cxxpb.GroupEditCall{Group: &cxxpb.Group{Id: 7, Subject: "tea"}, Fields: []uint32{6}}}}, "subject 7 tea", isDone},
		{
			&cxxpb.Call{Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: 7, Acts: []*cxxpb.Act{{Verb: 6, User: 5, UntilMs: 99, Reason: "noise"}}}}},
			"act 7 [{Do:6 User:5 Role:none Until:99 Nick: Reason:noise Direct:false}]", isDone,
		},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupJoin{GroupJoin: &cxxpb.GroupJoinCall{Group: 7, Nick: "al", Note: "please", Password: "sesame"}}}, "join 7 al please sesame", func(r *cxxpb.Reply) bool { return r.GetMember().Role == 3 }},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupDecline{GroupDecline: &cxxpb.GroupDeclineCall{Group: 7, Reason: "no"}}}, "decline 7 no", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupLeave{GroupLeave: &cxxpb.GroupLeaveCall{Group: 7, Reason: "bye"}}}, "leave 7 bye", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupDissolve{GroupDissolve: &cxxpb.GroupDissolveCall{Group: 7, Reason: "over", Alternate: "b@x"}}}, "dissolve 7 b@x over", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupMembers{GroupMembers: &cxxpb.GroupMembersCall{Group: 7, MinRole: 5, MaxRole: 900, After: 4, Limit: 1}}}, "members 7 member..owner after 4 limit 1", func(r *cxxpb.Reply) bool { return r.GetMembers().Members[0].Nick == "eve" && r.GetMembers().More }},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupMembers{GroupMembers: &cxxpb.GroupMembersCall{Group: 7, Limit: 1 << 31}}}, "members 7 none..none after 0 limit 500", func(r *cxxpb.Reply) bool { return !r.GetMembers().More }},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupSync{GroupSync: &cxxpb.GroupSyncCall{Group: 7, Cursor: 3, Limit: 9}}}, "sync 7 3 9", func(r *cxxpb.Reply) bool {
			e := r.GetSync().Entries[0]
			return r.GetSync().Head == 1 && e.From == 5 && e.Peer == 0 && e.Post.Nick == "eve" && len(e.ClientId) == 16
		}},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupHistory{GroupHistory: &cxxpb.GroupHistoryCall{Group: 7, Before: 3}}}, "archive 7 0..3 newest=true limit 200", func(r *cxxpb.Reply) bool { return len(r.GetHistory().Entries) == 1 }},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupHistory{GroupHistory: &cxxpb.GroupHistoryCall{Group: 7, After: 3, Limit: 5}}}, "archive 7 3..0 newest=false limit 5", func(r *cxxpb.Reply) bool { return len(r.GetHistory().Entries) == 1 }},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupRead{GroupRead: &cxxpb.GroupReadCall{Group: 7, UpTo: 12}}}, "read 7 12", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupReaders{GroupReaders: &cxxpb.GroupReadersCall{Group: 7, Seq: 12, Limit: 5}}}, "readers 7 12 5", func(r *cxxpb.Reply) bool {
			return r.GetReaders().Read == 2 && r.GetReaders().Of == 3 && len(r.GetReaders().Members) == 1
		}},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupRetract{GroupRetract: &cxxpb.GroupRetractCall{Group: 7, Seq: 12, Reason: "typo"}}}, "retract 7 12 typo", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupNick{GroupNick: &cxxpb.GroupNickCall{Group: 7, Nick: "ali"}}}, "nick 7 ali", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupBook{GroupBook: &cxxpb.GroupBookCall{Group: 7, Pinned: true}}}, "book 7 true false", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupAvatar{GroupAvatar: &cxxpb.GroupAvatarCall{Group: 7}}}, "avatar 7", func(r *cxxpb.Reply) bool { return string(r.GetAvatar().Data) == "png" }},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupSetAvatar{GroupSetAvatar: &cxxpb.GroupSetAvatarCall{Group: 7, Type: "image/png", Data: []byte("x")}}}, "set avatar 7 image/png x", isDone},
		{&cxxpb.Call{Op: &cxxpb.Call_GroupDirectory{GroupDirectory: &cxxpb.GroupDirectoryCall{After: 3, Limit: 9}}}, "directory 3 9", func(r *cxxpb.Reply) bool { return len(r.GetDirectory().Groups) == 1 && r.GetDirectory().Next == 7 }},
	} {
		if got := p.call(c.call); !c.ok(got) {
			t.Errorf("%v: %v", c.call, got)
		}
		if got := strings.Join(g.taken(), "; "); got != c.asked {
			t.Errorf("%v\nasked %s\nwant  %s", c.call, got, c.asked)
		}
	}
	if g.settings.Title != "New" || !g.settings.Public {
		t.Errorf("the settings are %+v", g.settings)
	}
}

// What is too much, or cannot be, is refused before the core is asked; what the core
// refuses leaves with its code.
func TestGroupRefusals(t *testing.T) {
	r := newRig(t, nil)
	p := r.overTLS()
	p.enter(r.core, "alice")
	edit := func(fields ...uint32) *cxxpb.Call {
		return &cxxpb.Call{Id: 8, Op: &cxxpb.Call_GroupEdit{GroupEdit: &cxxpb.GroupEditCall{Group: &cxxpb.Group{Id: 7}, Fields: fields}}}
	}
	nick := &cxxpb.Call{Id: 8, Op: &cxxpb.Call_GroupNick{GroupNick: &cxxpb.GroupNickCall{Group: 7, Nick: "x"}}}
	for _, c := range []struct {
		call   *cxxpb.Call
		code   im.ErrorCode
		detail string
	}{
		{edit(3, 22), im.CodeInvalid, "field 22"},
		{edit(1), im.CodeInvalid, "field 1"},
		{edit(3, 6), im.CodeInvalid, "subject"},
		{edit(slices.Repeat([]uint32{3}, len(settings)+1)...), im.CodeTooMany, ""},
		{&cxxpb.Call{Id: 8, Op: &cxxpb.Call_GroupEdit{GroupEdit: &cxxpb.GroupEditCall{}}}, im.CodeInvalid, ""},
		{&cxxpb.Call{Id: 8, Op: &cxxpb.Call_GroupAct{GroupAct: &cxxpb.GroupActCall{Group: 7, Acts: make([]*cxxpb.Act, maxGroupActs+1)}}}, im.CodeTooMany, ""},
		{&cxxpb.Call{Id: 8, Op: &cxxpb.Call_GroupCreate{GroupCreate: &cxxpb.GroupCreateCall{Invite: make([]uint64, maxInvited+1)}}}, im.CodeTooMany, ""},
		{&cxxpb.Call{Id: 8, Op: &cxxpb.Call_GroupGet{GroupGet: &cxxpb.GroupGetCall{Addr: "@"}}}, im.CodeInvalid, ""},
	} {
		p.send(cxxpb.FrameType_FRAME_CALL, c.call)
		if e := p.wantError(8, c.code); !strings.Contains(e.Detail, c.detail) {
			t.Errorf("%v: %s", c.call, e.Detail)
		}
	}
	if asked := r.core.groups.taken(); len(asked) > 0 {
		t.Errorf("the core was asked %q", asked)
	}
	r.core.groups.refuse(im.Errorf(im.CodeNickTaken, "somebody has that nickname"))
	p.send(cxxpb.FrameType_FRAME_CALL, nick)
	p.wantError(8, im.CodeNickTaken)
}

// Each number that may be set changes the field of that number and no other.
func TestSettings(t *testing.T) {
	full := &cxxpb.Group{}
	fields := full.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		switch fd.Kind() {
		case protoreflect.StringKind:
			full.ProtoReflect().Set(fd, protoreflect.ValueOfString("x"))
		case protoreflect.BoolKind:
			full.ProtoReflect().Set(fd, protoreflect.ValueOfBool(true))
		case protoreflect.Uint32Kind:
			full.ProtoReflect().Set(fd, protoreflect.ValueOfUint32(2))
		default:
			full.ProtoReflect().Set(fd, protoreflect.ValueOfUint64(3))
		}
	}
	from := proto.GroupFromPB(full)
	for n, set := range settings {
		var to im.Group
		set(&to, &from)
		proto.GroupToPB(&to).ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			if fd.Number() != protoreflect.FieldNumber(n) {
				t.Errorf("setting %d sets %s", n, fd.Name())
			}
			return true
		})
		if fd := fields.ByNumber(protoreflect.FieldNumber(n)); !proto.GroupToPB(&to).ProtoReflect().Has(fd) {
			t.Errorf("setting %d does not set %s", n, fd.Name())
		}
	}
}

// postOf is an entry of the timeline of group 7 on its way.
func postOf(seq uint64, size int) *im.GroupPush {
	return &im.GroupPush{Group: &im.Group{ID: 7}, Entry: &im.Entry{
		Seq: seq, MsgID: 9, Kind: im.KindMessage, From: 5, ClientID: im.ClientID{1}, Text: strings.Repeat("x", size), Post: &im.Post{Nick: "eve", Occupant: "o"},
	}}
}

// What happens in groups reaches the client: entries, also of hidden groups, who is
// typing or has read, and how far a timeline has come.
func TestGroupPushes(t *testing.T) {
	r := newRig(t, nil)
	p := r.plain()
	p.enter(r.core, "alice")
	s := r.core.of(r.core.user("alice"))[0].opening.Sink
	var push cxxpb.PostPush
	s.PushPost(postOf(3, 2))
	if p.want(cxxpb.FrameType_FRAME_POST, &push); push.Group != 7 || push.Entries[0].From != 5 || push.Entries[0].Peer != 0 || len(push.Entries[0].ClientId) != 16 {
		t.Errorf("post %v", &push)
	}
	masked := postOf(4, 2)
	masked.Entry.From, masked.Masked = 0, true
	push.Reset()
	s.PushPost(masked)
	if p.want(cxxpb.FrameType_FRAME_POST, &push); push.Entries[0].From != 0 || push.Entries[0].Post.Occupant != "o" {
		t.Errorf("masked post %v", &push)
	}
	if !s.PushOccupant(&im.OccupantChange{}) {
		t.Error("an occupant was refused")
	}
	s.PushSignal(im.Signal{From: 5, Group: 7, Kind: im.SignalRead, UpTo: 4, Nick: "eve"})
	var sig cxxpb.Signal
	if p.want(cxxpb.FrameType_FRAME_SIGNAL, &sig); sig.User != 5 || sig.Group != 7 || sig.Kind != 4 || sig.UpTo != 4 || sig.Nick != "eve" {
		t.Errorf("signal %v", &sig)
	}
	s.PushMoved(7, 12)
	var moved cxxpb.Moved
	if p.want(cxxpb.FrameType_FRAME_MOVED, &moved); moved.Group != 7 || moved.Head != 12 {
		t.Errorf("moved %v", &moved)
	}
}

// Clients say that they are typing in a group, and nothing else: what they have read
// is a request.
func TestGroupSignals(t *testing.T) {
	r := newRig(t, nil)
	p := r.plain()
	p.enter(r.core, "alice")
	for kind := range uint32(6) {
		p.send(cxxpb.FrameType_FRAME_SIGNAL, &cxxpb.Signal{Group: 7, Kind: kind, UpTo: 9, Nick: "forged"})
	}
	p.call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{}}})
	if got := r.core.groups.taken(); !slices.Equal(got, []string{"signal 7 kind 1", "signal 7 kind 2"}) {
		t.Errorf("the core heard %q", got)
	}
}

// A list of groups, of members or of the directory that does not fit into a frame
// says where to go on.
func TestGroupPagesFit(t *testing.T) {
	r := newRig(t, nil)
	g := &r.core.groups
	long := strings.Repeat("x", 4000)
	for i := range 150 {
		x := im.Group{ID: im.GroupID(i + 1), About: long}
		g.list = append(g.list, im.GroupState{Group: x})
		g.open.Groups = append(g.open.Groups, x)
		g.members = append(g.members, im.Member{User: im.UserID(i + 1), Note: long})
	}
	p := r.plain()
	p.enter(r.core, "alice")
	var after uint64
	n, pages := 0, 0
	for more := true; more; more = after > 0 {
		m := p.call(&cxxpb.Call{Op: &cxxpb.Call_Groups{Groups: &cxxpb.GroupsCall{After: after}}}).GetGroups()
		if m.SizeVT() > int(r.srv.cfg.MaxFrame) || m.Groups[0].Group.Id != uint64(n+1) {
			t.Fatalf("page of %d bytes from %d behind %d", m.SizeVT(), m.Groups[0].Group.Id, n)
		}
		n, after = n+len(m.Groups), m.Next
		pages++
	}
	if n != 150 || pages != 3 {
		t.Errorf("%d groups on %d pages", n, pages)
	}
	members := p.call(&cxxpb.Call{Op: &cxxpb.Call_GroupMembers{GroupMembers: &cxxpb.GroupMembersCall{Group: 7}}}).GetMembers()
	if members.SizeVT() > int(r.srv.cfg.MaxFrame) || !members.More {
		t.Errorf("%d members in %d bytes, more %v", len(members.Members), members.SizeVT(), members.More)
	}
	open := p.call(&cxxpb.Call{Op: &cxxpb.Call_GroupDirectory{GroupDirectory: &cxxpb.GroupDirectoryCall{}}}).GetDirectory()
	if open.SizeVT() > int(r.srv.cfg.MaxFrame) || open.Next != open.Groups[len(open.Groups)-1].Id {
		t.Errorf("%d open groups in %d bytes, next %d", len(open.Groups), open.SizeVT(), open.Next)
	}
}

// A post is encoded once, however many get it, and costs each no more than the copy.
func TestPostEncodedOnce(t *testing.T) {
	srv := offline(t)
	sinks := make([]*sink, 1000)
	for i := range sinks {
		sinks[i] = &sink{c: srv.offlineConn()}
	}
	var first []byte
	round := func() {
		p := postOf(3, 100)
		first = nil
		for _, s := range sinks {
			if !s.PushPost(p) {
				t.Fatal("refused")
			}
			b := s.c.out.take()
			if first == nil {
				first = bytes.Clone(b)
				p.Entry.Text = "changed behind the first" // to be seen if it was encoded again
			}
			if !bytes.Equal(b, first) {
				t.Fatal("the second one gets other bytes")
			}
			putBuffer(b)
		}
	}
	round()
	if n := testing.AllocsPerRun(10, round); n > float64(2*len(sinks)) {
		t.Errorf("%v allocations for %d sessions", n, len(sinks))
	} else {
		t.Logf("%v allocations for %d sessions", n, len(sinks))
	}
}
