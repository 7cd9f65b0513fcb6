package proto

import (
	"reflect"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// fill sets every field of a struct to something that is not its zero value, so that
// a field which is added later is tested too.
func fill(v reflect.Value) {
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = time.UnixMilli(1_800_000_000_123).UTC()
		return
	case *im.Addr:
		*at = im.Addr{Local: "team", Domain: "groups.localhost"}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(3)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	default:
		panic("a field of a kind that the test does not know: " + v.Kind().String())
	}
}

func filled[T any]() T {
	var x T
	fill(reflect.ValueOf(&x).Elem())
	return x
}

// same sends what was rendered over the wire and compares.
func same[P Message, T any](t *testing.T, want T, p, empty P, back func(P) T) {
	t.Helper()
	f, _, err := Parse(AppendFrame(nil, 1, 0, p), MaxFrameAfterLogin)
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal(f.Body, empty); err != nil {
		t.Fatal(err)
	}
	if got := back(empty); !reflect.DeepEqual(got, want) {
		t.Errorf("%T:\n got %+v\nwant %+v", want, got, want)
	}
}

// Groups are the same on both sides of the wire, but for what clients do not get.
func TestGroupRoundTrip(t *testing.T) {
	g, m, own := filled[im.Group](), filled[im.Member](), filled[im.Membership]()
	g.Password, g.Salt, own.User = "", nil, 0
	same(t, g, GroupToPB(&g), &cxxpb.Group{}, GroupFromPB)
	same(t, m, MemberToPB(&m), &cxxpb.Member{}, MemberFromPB)
	same(t, own, MembershipToPB(&own), &cxxpb.Membership{}, MembershipFromPB)
	state := im.GroupState{Group: g, Me: m, Membership: own, Head: 9, HeadID: 8, Unread: 7, Mentions: 6, Members: 5, Away: true}
	same(t, state, GroupStateToPB(&state), &cxxpb.GroupState{}, GroupStateFromPB)
	ev := filled[im.GroupEvent]()
	ev.Group, ev.Member, ev.Membership, ev.Direct = &g, &m, &own, false
	ev.Occupant = "" // XMPP has it
	same(t, &ev, GroupEventToPB(&ev), &cxxpb.GroupEvent{}, GroupEventFromPB)
	post, act := filled[im.Post](), filled[im.Act]()
	act.Direct = false
	same(t, &post, PostToPB(&post), &cxxpb.Post{}, PostFromPB)
	same(t, act, ActToPB(&act), &cxxpb.Act{}, ActFromPB)
	for _, e := range []im.Entry{
		{Seq: 3, MsgID: 4, Kind: im.KindMessage, From: 9, ClientID: im.ClientID{1}, Text: "x", Ext: []byte("<x/>"), Post: &post},
		{Seq: 3, MsgID: 4, Kind: im.KindNote, ClientID: im.ClientID{1}, Ext: []byte("<x/>"), Post: &post}, // of a hidden group
		{Seq: 4, MsgID: 5, Kind: im.KindGroup, From: 9, Group: &ev},
	} {
		same(t, e, TimelineEntryToPB(&e), &cxxpb.Entry{}, TimelineEntryFromPB)
	}
}

// A number that is too large for ours does not become another one.
func TestGroupNumbers(t *testing.T) {
	g := GroupFromPB(&cxxpb.Group{Join: 256, Speak: 257, MaxMembers: 1 << 31})
	if g.Join == 0 || g.Speak == 1 || g.MaxMembers >= 0 {
		t.Errorf("%+v", g)
	}
	if a := ActFromPB(&cxxpb.Act{Verb: 260, Role: 263, UntilMs: 1<<64 - 1}); a.Do == im.ActKick || a.Role == im.RoleOwner || a.Until < 0 {
		t.Errorf("%+v", a)
	}
}

// What a client sends to a group is read as it was meant.
func TestSendToGroup(t *testing.T) {
	body, err := (&cxxpb.Send{Id: 4, Group: 7, Mentions: []uint64{5, 6}, All: true, Text: "hi"}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second in the memory of the first
		id, m, err := ParseSend(body)
		want := im.Outgoing{Group: 7, Mentions: []im.UserID{5, 6}, All: true, Text: "hi"}
		if err != nil || id != 4 || !reflect.DeepEqual(m, want) {
			t.Errorf("%d %+v %v", id, m, err)
		}
	}
	plain, err := (&cxxpb.Send{Id: 5, To: 9, Text: "x"}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	if _, m, err := ParseSend(plain); err != nil || m.Group != 0 || m.Mentions != nil || m.All {
		t.Errorf("what was sent before is left: %+v %v", m, err)
	}
}
