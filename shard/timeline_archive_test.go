package shard_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// The archive of a timeline, and that counting keeps to what the reader may see.
func testTimelineArchive(t *testing.T, f factory) {
	s := f(t, 1, 1)[0]
	a, b := create(t, s, "a"), create(t, s, "b")
	g := newGroup(t, s, "team", a, b) // 1
	for i := range 6 {                // 2 to 7: notes at 4 and 7
		m := post(b, g.ID, fmt.Sprint(i))
		m.Note, m.Ext = i%3 == 2, []byte("<x/>")
		send(t, s, m)
	}
	_, err := edit(t, s, g.ID, nil, func(e *im.GroupEdit) {
		e.Retract = 3
		e.Log = []im.Entry{{Kind: im.KindGroup, From: a, MsgID: clock.Next(), Group: &im.GroupEvent{What: im.GroupRetracted, ID: g.ID, Ref: 3}}} // 8
	})
	if err != nil {
		t.Fatal(err)
	}
	messages, notes := []im.Kind{im.KindMessage}, []im.Kind{im.KindNote}
	for _, test := range []struct {
		q     im.ArchiveQuery
		want  []uint64
		more  bool
		count int
	}{
		{im.ArchiveQuery{Limit: 10}, []uint64{2, 3, 4, 5, 6, 7}, false, 6},
		{im.ArchiveQuery{Limit: 2, Newest: true}, []uint64{6, 7}, true, 6},
		{im.ArchiveQuery{Limit: 10, Kinds: messages}, []uint64{2, 3, 5, 6}, false, 4},
		{im.ArchiveQuery{Limit: 10, Kinds: notes}, []uint64{4, 7}, false, 2},
		{im.ArchiveQuery{Limit: 10, Kinds: []im.Kind{im.KindGroup}}, []uint64{1, 8}, false, 2},
		{im.ArchiveQuery{Limit: 10, Kinds: []im.Kind{im.KindGroup, im.KindMessage}, After: 2}, []uint64{3, 5, 6, 8}, false, 6},
		{im.ArchiveQuery{Limit: 10, Floor: 4}, []uint64{5, 6, 7}, false, 3},
		{im.ArchiveQuery{Limit: 2, Floor: 4, Before: 7, Newest: true}, []uint64{5, 6}, false, 3},
		{im.ArchiveQuery{Limit: 2, Floor: 4, After: 1}, []uint64{5, 6}, true, 3},
		{im.ArchiveQuery{Limit: 9, Floor: 4, From: 1}, []uint64{5, 6, 7}, false, 3},
		{im.ArchiveQuery{Limit: 9, Floor: 4, Seqs: []uint64{2, 4, 6}}, []uint64{6}, false, 1},
		{im.ArchiveQuery{Floor: 99}, []uint64{}, false, 0},
	} {
		test.q.Count = true
		p, err := s.Archive(t.Context(), g.ID.Log(), test.q)
		if err != nil || !slices.Equal(seqsOf(p.Entries), test.want) || p.More != test.more || p.Count != test.count {
			t.Errorf("%+v gave %v more=%t of %d, %v; want %v", test.q, seqsOf(p.Entries), p.More, p.Count, err, test)
		}
		for _, e := range p.Entries {
			if e.Kind != im.KindGroup && (e.Post == nil || e.Post.Retracted != (e.Seq == 3) || (string(e.Ext) == "<x/>") == (e.Seq == 3)) {
				t.Errorf("entry %d came back as %+v %+v", e.Seq, e, e.Post)
			}
		}
	}
}
