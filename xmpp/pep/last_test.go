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

// A long list of contacts is looked at in parts, and one that fails does not hide
// the others.
func TestBacklog(t *testing.T) {
	w := newWorld(t)
	const friends = 2*stride + 3
	for i := range friends {
		name := fmt.Sprintf("friend%d", i)
		w.session(name + "/x")
		w.cell.Befriend("romeo", name)
		w.must(name+"/x set", publish("n", "1", tune("a")))
	}
	w.session("romeo/orchard")
	b, err := w.v.Backlog(t.Context(), w.sessions["romeo/orchard"], []string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	steps, items := 0, 0
	for more := true; more; steps++ {
		if more, err = b.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := len(w.got("romeo/orchard"))
		if n > stride {
			t.Errorf("%d at once", n)
		}
		items += n
	}
	if items != friends || steps != 3 {
		t.Errorf("%d items in %d steps", items, steps)
	}

	w.cell.Fail = map[string]error{"Leaves": errors.New("broken")}
	if err := w.v.LastItems(t.Context(), w.sessions["romeo/orchard"], []string{"n"}); err == nil {
		t.Error("no error")
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
