package pep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// TestLastItems is XEP-0163 section 4.3.4, seen from romeo, who comes online.
func TestLastItems(t *testing.T) {
	for _, c := range []struct {
		rule  string
		setup func(w *world)
		nodes []string
		want  []string
	}{
		{"a contact's", func(w *world) { w.must(juliet+"set", publish("n", "1", tune("a"))) }, []string{"n"}, []string{itemA}},
		{"the newest", func(w *world) {
			w.must(juliet+"set", create("n", "max_items=5"))
			w.must(juliet+"set", publish("n", "0", tune("z")))
			w.must(juliet+"set", publish("n", "1", tune("a")))
		}, []string{"n"}, []string{itemA}},
		{"one's own", func(w *world) {
			w.session("romeo/orchard")
			w.must("romeo/orchard set", publish("n", "1", tune("a"), "access_model=whitelist"))
		}, []string{"n"}, []string{"romeo" + itemA[len("juliet"):]}},
		{"XEP-0060 9.2: only what is of interest", func(w *world) { w.must(juliet+"set", publish("n", "1", tune("a"))) }, []string{"m", "nn"}, nil},
		{"no interest", func(w *world) { w.must(juliet+"set", publish("n", "1", tune("a"))) }, nil, nil},
		{"send_last_published_item never", func(w *world) {
			w.must(juliet+"set", publish("n", "1", tune("a"), "send_last_published_item=never"))
		}, []string{"n"}, nil},
		{"send_last_published_item on_sub", func(w *world) {
			w.must(juliet+"set", publish("n", "1", tune("a"), "send_last_published_item=on_sub"))
		}, []string{"n"}, nil},
		{"nothing is kept", func(w *world) { w.must(juliet+"set", publish("n", "1", tune("a"), "persist_items=0")) }, []string{"n"}, nil},
		{"nothing is there", func(w *world) { w.must(juliet+"set", create("n")) }, []string{"n"}, nil},
		{"without payload", func(w *world) {
			w.must(juliet+"set", publish("n", "1", tune("a"), "deliver_payloads=0"))
		}, []string{"n"}, []string{"juliet:<items node='n'><item id='1'/></items>"}},
		{"not for his group", func(w *world) {
			w.must(juliet+"set", publish("n", "1", tune("a"), "access_model=roster", "roster_groups_allowed=Servants"))
		}, []string{"n"}, nil},
		{"whitelist", func(w *world) {
			w.must(juliet+"set", publish("n", "1", tune("a"), "access_model=whitelist"))
		}, []string{"n"}, nil},
		{"she does not let him see", func(w *world) {
			w.must(juliet+"set", publish("n", "1", tune("a")))
			w.cell.Relate("juliet", "romeo", im.SubNone)
		}, []string{"n"}, nil},
		{"he does not look", func(w *world) {
			w.must(juliet+"set", publish("n", "1", tune("a")))
			w.cell.Relate("romeo", "juliet", im.SubFrom)
		}, []string{"n"}, nil},
		{"XEP-0191: blocked", func(w *world) {
			w.must(juliet+"set", publish("n", "1", tune("a")))
			if err := w.sessions["juliet/balcony"].Core().Block(t.Context(), []im.Addr{xmpptest.Addr("romeo")}); err != nil {
				t.Fatal(err)
			}
		}, []string{"n"}, nil},
	} {
		w := newWorld(t)
		c.setup(w)
		if err := w.v.LastItems(t.Context(), w.sessions["romeo/orchard"], c.nodes); err != nil {
			t.Errorf("%s: %v", c.rule, err)
		}
		for i := range c.want {
			c.want[i] = "romeo/orchard " + c.want[i] + " 2026-03-04T05:06:07Z"
		}
		w.same(c.rule, w.got("romeo/orchard"), c.want...)
	}
}

func TestFresh(t *testing.T) {
	for _, c := range []struct {
		before, now string
		want        []string
	}{
		{"", "", nil},
		{"", "a\nb\n", []string{"a", "b"}},
		{"a\n", "a\nb\n", []string{"b"}},
		{"a\nb\n", "b\n", nil},
		{"aa\n", "a\n", []string{"a"}},
	} {
		if got := Fresh(c.before, c.now); !slices.Equal(got, c.want) {
			t.Errorf("Fresh(%q, %q) = %q", c.before, c.now, got)
		}
	}
}

// A long list of contacts is looked at in parts, each with few questions.
func TestBacklog(t *testing.T) {
	w := newWorld(t)
	const friends, quiet = 600, 400
	for i := range friends + quiet {
		name := fmt.Sprintf("friend%d", i)
		w.session(name + "/x")
		w.cell.Befriend("romeo", name)
		if i < friends {
			w.must(name+"/x set", publish("n", "1", tune("a")))
		}
	}
	w.session("romeo/orchard")
	for _, c := range []struct{ room, reads int }{{1000, 20}, {stepItems, 20}, {fewAccounts, 300}, {5, 500}} {
		w.cell.Reads()
		b, err := w.v.Backlog(t.Context(), w.sessions["romeo/orchard"], []string{"m", "n"})
		if err != nil {
			t.Fatal(err)
		}
		items := 0
		for more := true; more; {
			if more, err = b.Next(t.Context(), c.room); err != nil {
				t.Fatal(err)
			}
			n := len(w.got("romeo/orchard"))
			if n > min(c.room, stepItems) {
				t.Errorf("%d at once where there is room for %d", n, c.room)
			}
			items += n
		}
		if reads := w.cell.Reads(); items != friends || reads > c.reads {
			t.Errorf("room for %d: %d items by %d reads of the storage; want %d by at most %d", c.room, items, reads, friends, c.reads)
		}
	}
}

// What is too much for one step is sent in the next, an account as a whole.
func TestShare(t *testing.T) {
	leaf := func(node string, bytes int) im.LeafItem {
		return im.LeafItem{Leaf: im.Leaf{Name: LeafName(node), Config: defaults(node).store()}, Newest: &im.Item{ID: "1", Payload: make([]byte, bytes)}}
	}
	small, large, empty := leaf("n", 1), leaf("n", stepBytes), leaf("n", 0)
	empty.Newest = nil
	type leaves = []im.LeafItem
	for _, c := range []struct {
		rule        string
		found       map[im.UserID]leaves
		have, later []im.UserID
	}{
		{"all", map[im.UserID]leaves{1: {small}, 2: {small}, 3: nil}, []im.UserID{1, 2}, nil},
		{"no answer about the second", map[im.UserID]leaves{1: {small}, 3: {small}}, []im.UserID{1, 3}, []im.UserID{2}},
		{"an account as a whole", map[im.UserID]leaves{1: {small, small, small}, 2: {small}, 3: nil}, []im.UserID{1}, []im.UserID{2}},
		{"the order is kept", map[im.UserID]leaves{1: {small}, 2: {small, small}, 3: {small}}, []im.UserID{1}, []im.UserID{2, 3}},
		{"by bytes", map[im.UserID]leaves{1: {large}, 2: {small}, 3: {empty}}, []im.UserID{1}, []im.UserID{2}},
		{"the large one later", map[im.UserID]leaves{1: {small}, 2: {large}, 3: {small}}, []im.UserID{1}, []im.UserID{2, 3}},
		{"nobody", nil, nil, []im.UserID{1, 2, 3}},
	} {
		have, later := share([]im.Contact{{User: 1}, {User: 2}, {User: 3}}, c.found, 2)
		var got []im.UserID
		for _, o := range have {
			got = append(got, o.User)
		}
		if !slices.Equal(got, c.have) || !slices.Equal(users(later), c.later) {
			t.Errorf("%s: %v now, %v later; want %v, %v", c.rule, got, users(later), c.have, c.later)
		}
	}
}

// A storage that fails ends nothing but what it was asked for.
func TestBacklogFails(t *testing.T) {
	w := newWorld(t)
	w.cell.Befriend("romeo", "friend3")
	w.session("friend3/x")
	w.must("friend3/x set", publish("n", "1", tune("a")))
	w.cell.Fail = map[string]error{"LeavesOf": errors.New("broken")}
	if err := w.v.LastItems(t.Context(), w.sessions["romeo/orchard"], []string{"n"}); err == nil {
		t.Error("no error")
	}
	w.cell.Fail = map[string]error{"ContactsOf": errors.New("broken")}
	if err := w.v.LastItems(t.Context(), w.sessions["romeo/orchard"], []string{"n"}); err == nil || len(w.got("romeo/orchard")) > 0 {
		t.Errorf("nobody knows whether he may see it: %v", err)
	}
	w.cell.Fail = map[string]error{"ContactList": errors.New("broken")}
	if err := w.v.LastItems(t.Context(), w.sessions["romeo/orchard"], []string{"n"}); err == nil {
		t.Error("no error")
	}
	w.cell.Fail = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.v.LastItems(ctx, w.sessions["romeo/orchard"], []string{"n"}); err != nil || len(w.got("romeo/orchard")) > 0 {
		t.Errorf("the session has ended: %v", err)
	}
	// A contact who lets him see from now on.
	k, err := w.sessions["romeo/orchard"].Core().Contact(t.Context(), w.cell.User("friend3"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.v.LastItemsOf(t.Context(), w.sessions["romeo/orchard"], k, []string{"n"}); err != nil {
		t.Error(err)
	}
	w.same("one", w.got("romeo/orchard"), "romeo/orchard friend3"+itemA[len("juliet"):]+" 2026-03-04T05:06:07Z")
}

// halfCore is a core of which one zone does not answer, or leaves everybody out.
type halfCore struct {
	im.Session
	down im.UserID
	err  error
}

func (c halfCore) LeavesOf(ctx context.Context, owners []im.UserID, names []string) (map[im.UserID][]im.LeafItem, error) {
	found, err := c.Session.LeavesOf(ctx, owners, names)
	delete(found, c.down)
	if c.down == 0 {
		clear(found)
	}
	return found, errors.Join(c.err, err)
}

type halfSession struct {
	*xmpptest.Session
	core halfCore
}

func (s halfSession) Core() im.Session { return s.core }

// One contact that cannot be read does not hide the others.
func TestBacklogOfPart(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		name := fmt.Sprintf("friend%d", i)
		w.session(name + "/x")
		w.cell.Befriend("romeo", name)
		w.must(name+"/x set", publish("n", "1", tune("a")))
	}
	for _, c := range []struct {
		down im.UserID
		err  error
		want int
	}{
		{w.cell.User("friend1"), errors.New("the zone is down"), 2},
		{w.cell.User("juliet"), nil, 3}, // has nothing, and is asked for until the end
		{0, nil, 0},
	} {
		s := w.sessions["romeo/orchard"]
		b, err := w.v.Backlog(t.Context(), halfSession{s, halfCore{s.Core(), c.down, c.err}}, []string{"n"})
		if err != nil {
			t.Fatal(err)
		}
		items, steps := 0, 0
		for more := true; more && steps < 20; steps++ {
			var err error
			if more, err = b.Next(t.Context(), 1); err != nil && !errors.Is(err, c.err) {
				t.Error(err)
			}
			items += len(w.got("romeo/orchard"))
		}
		if items != c.want || steps == 20 {
			t.Errorf("%d items in %d steps; want %d", items, steps, c.want)
		}
	}
}
