package pep

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func displayed(by string, seq any) string {
	return fmt.Sprintf("<displayed xmlns='%s'><stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='%v'/></displayed>", nsMDS, by, seq)
}

// talk puts messages of romeo in juliet's log, with places 1 to n.
func talk(w *world, n int) {
	for range n {
		w.sessions["romeo/orchard"].Core().Send(im.Outgoing{To: w.cell.User("juliet"), Text: "hi"}, func(_ im.Ack, err error) {
			if err != nil {
				w.Fatal(err)
			}
		})
	}
}

// reads returns the read marks in juliet's log: "peer up to place".
func reads(w *world) (out []string) {
	log := w.cell.Log("juliet")
	for _, e := range log {
		if e.Kind != im.KindRead {
			continue
		}
		for _, m := range log {
			if m.MsgID == e.UpTo && m.Peer == e.Peer {
				out = append(out, fmt.Sprintf("%v %d", e.Peer == w.cell.User("romeo"), m.Seq))
			}
		}
	}
	return out
}

// XEP-0490 section 3.2: what a client publishes moves the mark of the core.
func TestDisplayedMovesMark(t *testing.T) {
	for _, c := range []struct {
		rule, id, payload string
		want              []string
	}{
		{"3.2", "romeo@example.org", displayed("juliet@example.org", 2), []string{"true 2"}},
		{"4.2: stanza-id of somebody else", "romeo@example.org", displayed("romeo@example.org", 2), nil},
		{"3.2: a room", "room@muc.example.org", displayed("room@muc.example.org", 2), nil},
		{"4.1: a message of another conversation", "nurse@example.org", displayed("juliet@example.org", 2), nil},
		{"4.1: no such message", "romeo@example.org", displayed("juliet@example.org", 77), nil},
		{"4.2: an opaque id", "romeo@example.org", displayed("juliet@example.org", "0f710f2b"), nil},
		{"4.2: no number of ours", "romeo@example.org", displayed("juliet@example.org", -1), nil},
		{"no address", "@", displayed("juliet@example.org", 2), nil},
		{"another payload", "romeo@example.org", "<x xmlns='urn:x'/>", nil},
	} {
		w := newWorld(t)
		talk(w, 3)
		w.must(juliet+"set", publish(nsMDS, c.id, c.payload, "persist_items=true", "max_items=max", "send_last_published_item=never", "access_model=whitelist"))
		w.same(c.rule, reads(w), c.want...)
		if got := w.must(juliet+"get", items(nsMDS)); strings.Count(got, "<item ") != 1 {
			t.Errorf("%s: what the client said is kept: %s", c.rule, got)
		}
	}
}

// XEP-0490 section 7: nobody else learns what was read.
func TestDisplayedIsPrivate(t *testing.T) {
	w := newWorld(t)
	w.session("romeo/orchard", nsMDS)
	w.session("juliet/garden", nsMDS)
	talk(w, 1)
	w.must(juliet+"set", publish(nsMDS, "romeo@example.org", displayed("juliet@example.org", 1)))
	w.same("events", w.events(), "juliet/garden juliet:<items node='"+nsMDS+"'><item id='romeo@example.org'>"+displayed("juliet@example.org", 1)+"</item></items>")
	if got := w.ask("romeo/orchard get juliet", items(nsMDS)); got != "cancel not-allowed closed-node" {
		t.Error(got)
	}
}

// What another protocol has read is told to all XMPP clients, once.
func TestReadMark(t *testing.T) {
	w := newWorld(t)
	talk(w, 3)
	sessions := []*xmpptest.Session{w.session("juliet/balcony", nsMDS), w.session("juliet/garden", nsMDS)}
	read := func(seq uint64) im.Entry {
		return im.Entry{Kind: im.KindRead, From: w.cell.User("juliet"), Peer: w.cell.User("romeo"), UpTo: w.cell.Log("juliet")[seq-1].MsgID}
	}
	tell := func(e im.Entry) {
		t.Helper()
		for _, s := range sessions {
			if err := w.v.ReadMark(t.Context(), s, &e); err != nil {
				t.Error(err)
			}
		}
	}
	event := func(seq int) []string {
		x := " juliet:<items node='" + nsMDS + "'><item id='romeo@example.org'>" + displayed("juliet@example.org", seq) + "</item></items>"
		return []string{"juliet/balcony" + x, "juliet/garden" + x}
	}
	tell(read(2))
	w.same("each client once", w.events(), event(2)...)
	tell(read(2))
	w.same("again", w.events())
	tell(read(1))
	w.same("4.1: only forward", w.events())
	tell(read(3))
	w.same("on", w.events(), event(3)...)
	his := read(3)
	his.From = w.cell.User("romeo")
	tell(his)
	tell(im.Entry{Kind: im.KindMessage, From: w.cell.User("juliet"), Peer: w.cell.User("romeo")})
	w.same("not what others read", w.events())

	// What a client has published comes back as an entry and goes no further.
	talk(w, 1)
	w.must(juliet+"set", publish(nsMDS, "romeo@example.org", displayed("juliet@example.org", 4)))
	w.same("published", w.events(), event(4)...)
	log := w.cell.Log("juliet")
	tell(log[len(log)-1])
	w.same("no loop", w.events())
	w.same("one mark", reads(w), "true 4")
}

// talks adds read marks to the conversations of the core.
type talks struct {
	*xmpptest.Session
	readTo func(peer im.UserID) im.MsgID
}

type talkCore struct {
	im.Session
	talks
}

func (s talks) Core() im.Session { return talkCore{s.Session.Core(), s} }

func (c talkCore) Conversations(ctx context.Context, limit int) ([]im.Conversation, error) {
	list, err := c.Session.Conversations(ctx, limit)
	for i := range list {
		list[i].ReadTo = c.readTo(list[i].Peer)
	}
	return list, err
}

// XEP-0490 section 3.4: a client that comes online learns of marks that were set
// while no XMPP client was there.
func TestMarksCatchUp(t *testing.T) {
	w := newWorld(t)
	talk(w, 3)
	var mark im.MsgID
	s := talks{w.session("juliet/balcony"), func(im.UserID) im.MsgID { return mark }}
	fetch := func() string {
		t.Helper()
		r := xmpptest.Request(t, s.Session, xmpptest.Parse(t, "<iq type='get' id='1'>"+items(nsMDS)+"</iq>"))
		r.Session = iq.Session(s)
		e, err := w.mux.Serve(t.Context(), r)
		if err != nil {
			return err.Error()
		}
		return text(e)
	}
	want := func(seq int) string {
		return "<pubsub><items node='" + nsMDS + "'><item id='romeo@example.org'>" + displayed("juliet@example.org", seq) + "</item></items></pubsub>"
	}
	if got := fetch(); !strings.Contains(got, "item-not-found") {
		t.Errorf("nothing is read: %s", got)
	}
	for _, seq := range []int{2, 2, 3} {
		mark = w.cell.Log("juliet")[seq-1].MsgID
		if got := fetch(); got != want(seq) {
			t.Errorf("read up to %d: %s", seq, got)
		}
	}
	mark = w.cell.Log("juliet")[0].MsgID
	if got := fetch(); got != want(3) {
		t.Errorf("it went back: %s", got)
	}
}

// XEP-0490 section 3.5: a mark that comes within a message.
func TestAssist(t *testing.T) {
	w := newWorld(t)
	s := w.session("juliet/balcony", nsMDS)
	talk(w, 2)
	for _, c := range []struct {
		rule, in, out string
		events, marks int
	}{
		{
			"3.5.2", "<message to='romeo@example.org'><displayed xmlns='urn:xmpp:chat-markers:0' id='m'/>" + displayed("juliet@example.org", 2) + "</message>",
			"<message to='romeo@example.org'><displayed xmlns='urn:xmpp:chat-markers:0' id='m'/></message>", 1, 1,
		},
		{"no mark", "<message to='romeo@example.org'><body>x</body></message>", "<message to='romeo@example.org'><body>x</body></message>", 0, 0},
		{
			"4.2: all of them are stripped", "<message to='room@muc.example.org'>" + displayed("room@muc.example.org", 1) + displayed("juliet@example.org", 1) + "</message>",
			"<message to='room@muc.example.org'/>", 1, 0,
		},
		{"to nobody", "<message>" + displayed("juliet@example.org", 1) + "</message>", "<message/>", 0, 0},
	} {
		before := len(reads(w))
		st := xmpptest.Parse(t, c.in)
		if err := w.v.Assist(t.Context(), s, st); err != nil {
			t.Errorf("%s: %v", c.rule, err)
		}
		if got := xmpptest.Text(st); got != c.out {
			t.Errorf("%s: left %s", c.rule, got)
		}
		if e, m := len(w.events()), len(reads(w))-before; e != c.events || m != c.marks {
			t.Errorf("%s: %d events, %d marks", c.rule, e, m)
		}
	}
	// 4.2: a node that is made by this is closed.
	if got := w.ask("romeo/orchard get juliet", items(nsMDS)); got != "cancel not-allowed closed-node" {
		t.Error(got)
	}
}
