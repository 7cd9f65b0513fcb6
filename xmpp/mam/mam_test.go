package mam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// world is juliet's log: seq 1 to 10, one a minute.
type world struct {
	*testing.T
	cell *xmpptest.Cell
	mux  *iq.Mux
	me   *xmpptest.Session
	now  time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, cell: xmpptest.New(), mux: iq.NewMux(), me: nil, now: xmpptest.Now}
	w.service(Default())
	w.me = w.cell.Session("juliet/balcony")
	return w
}

func (w *world) service(cfg Config) {
	w.mux = iq.NewMux()
	New(cfg, func() time.Time { return w.now }).Register(w.mux)
}

func filled(t *testing.T) *world {
	w := newWorld(t)
	for i, e := range []struct{ peer, sender, text, ext string }{
		{"romeo", "romeo", "1", "<message f='orchard' t='balcony' type='chat' id='a1'/>"},
		{"romeo", "juliet", "2", "<message f='balcony' t='orchard' type='chat'/>"},
		{"nurse", "nurse", "3", "<message f='home' type='chat'><thread>t</thread></message>"},
		{"romeo", "romeo", "", "<message f='orchard' id='r1'><received xmlns='urn:xmpp:receipts' id='x'/></message>"},
		{"romeo", "romeo", "5", ""},
		{"juliet", "juliet", "6", "<message f='chamber' type='chat'/>"},
		{"romeo", "", "", ""}, // a read mark
		{"romeo", "juliet", "8", "<message f='balcony' t='tomb' type='chat'/>"},
		{"romeo", "romeo", "9", "<message f='tomb' type='chat'/>"},
		{"nurse", "juliet", "10", "<message f='balcony' type='chat'/>"},
	} {
		x := im.Entry{Kind: im.KindMessage, Peer: w.cell.User(e.peer), Text: e.text, Ext: []byte(e.ext), MsgID: im.MakeMsgID(minute(i+1), 5, 1)}
		switch {
		case e.sender == "":
			x.Kind, x.From = im.KindRead, x.Peer
		case e.text == "":
			x.Kind = im.KindNote
		}
		if e.sender != "" {
			x.From = w.cell.User(e.sender)
		}
		w.cell.Append("juliet", x)
	}
	return w
}

func minute(n int) time.Time { return xmpptest.Now.Add(time.Duration(n) * time.Minute) }

func stamp(n int) string { return minute(n).Format(time.RFC3339) }

// ask sends an iq and returns what the client gets before the answer, and it.
func (w *world) ask(text string) (before []*xmlstream.Element, answer *xmlstream.Element) {
	w.Helper()
	st := xmpptest.Parse(w, text)
	st.SetAttr("from", w.me.Addr().String())
	r := xmpptest.Request(w, w.me, st)
	payload, err := w.mux.Serve(context.Background(), r)
	if err != nil {
		return nil, stanza.Reply(st, err)
	}
	return r.First, stanza.Result(st, payload)
}

func fieldXML(name string, values ...string) string {
	out := "<field var='" + name + "'>"
	for _, v := range values {
		out += "<value>" + v + "</value>"
	}
	return out + "</field>"
}

// query asks with fields of the form, result set management and what else.
func (w *world) query(fields, set, more string) ([]*xmlstream.Element, *xmlstream.Element) {
	w.Helper()
	x := ""
	if fields != "" {
		x = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>" + fields + "</x>"
	}
	if set != "" {
		set = "<set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set>"
	}
	return w.ask("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' queryid='f27'>" + x + set + more + "</query></iq>")
}

func ids(results []*xmlstream.Element) string {
	var out []string
	for _, st := range results {
		out = append(out, st.Child(stanza.NSMAM, "result").Attr("id"))
	}
	return strings.Join(out, " ")
}

// summary is the <fin/> in short: first-last of count, index, complete.
func summary(answer *xmlstream.Element) string {
	fin := answer.Child(stanza.NSMAM, "fin")
	set := fin.Child(stanza.NSRSM, "set")
	out := set.ChildText(stanza.NSRSM, "first") + "-" + set.ChildText(stanza.NSRSM, "last") + "/" + set.ChildText(stanza.NSRSM, "count")
	if i := set.Child(stanza.NSRSM, "first").Attr("index"); i != "" {
		out += " @" + i
	}
	if fin.Attr("complete") == "true" {
		out += " complete"
	}
	return out
}

func TestQuery(t *testing.T) {
	w := filled(t)
	for _, c := range []struct{ section, fields, set, more, ids, fin string }{
		{"XEP-0313 4 everything", "", "", "", "1 2 3 4 5 6 8 9 10", "1-10/9 @0 complete"},
		{"XEP-0313 4.1 an empty form", " ", "", "", "1 2 3 4 5 6 8 9 10", "1-10/9 @0 complete"},
		{"XEP-0313 4.1.1 with, bare", fieldXML("with", "romeo@example.org"), "", "", "1 2 4 5 8 9", "1-9/6 @0 complete"},
		{"XEP-0313 4.1.1 with, not normalized", fieldXML("with", "Romeo@EXAMPLE.org"), "", "", "1 2 4 5 8 9", "1-9/6 @0 complete"},
		{"XEP-0313 4.1.1 with, full", fieldXML("with", "romeo@example.org/orchard"), "", "", "1 2 4", "1-4/ complete"},
		{"XEP-0313 4.1.1 with, full, paged", fieldXML("with", "romeo@example.org/orchard"), "<max>2</max>", "", "1 2", "1-2/"},
		{"XEP-0313 4.1.1 with, full, last", fieldXML("with", "romeo@example.org/orchard"), "<max>2</max><before/>", "", "2 4", "2-4/"},
		{"XEP-0313 4.1.1 with, full, the end is exact", fieldXML("with", "romeo@example.org/tomb"), "<max>2</max>", "", "8 9", "8-9/ complete"},
		{"XEP-0313 4.1.1 with, full, count", fieldXML("with", "romeo@example.org/tomb"), "<max>0</max>", "", "", "-/"},
		{"XEP-0313 4.1.1 with, full, nothing", fieldXML("with", "romeo@example.org/none"), "<max>0</max>", "", "", "-/ complete"},
		{"XEP-0313 4.1.1 himself", fieldXML("with", "juliet@example.org"), "", "", "6", "6-6/1 @0 complete"},
		{"XEP-0313 4.1.1 himself, full", fieldXML("with", "juliet@example.org/chamber"), "", "", "6", "6-6/ complete"},
		{"XEP-0313 4.1.1 himself, another client", fieldXML("with", "juliet@example.org/balcony"), "", "", "", "-/ complete"},
		{"XEP-0313 4.1.1 nobody", fieldXML("with", "tybalt@example.org"), "", "", "", "-/0 complete"},
		{"XEP-0313 4.1.1 elsewhere", fieldXML("with", "a@b.net"), "", "", "", "-/0 complete"},
		{"XEP-0313 4.1.1 empty field", fieldXML("with"), "<max>1</max>", "", "1", "1-1/9 @0"},
		{"XEP-0313 4.1.2 start", fieldXML("start", stamp(8)), "", "", "8 9 10", "8-10/3 @0 complete"},
		{"XEP-0313 4.1.2 start, to the millisecond", fieldXML("start", minute(8).Add(time.Microsecond).Format(time.RFC3339Nano)), "", "", "9 10", "9-10/2 @0 complete"},
		{"XEP-0313 4.1.2 end", fieldXML("end", stamp(2)), "", "", "1 2", "1-2/2 @0 complete"},
		{"XEP-0313 4.1.2 both", fieldXML("start", stamp(2)) + fieldXML("end", stamp(4)), "", "", "2 3 4", "2-4/3 @0 complete"},
		{"XEP-0313 4.1.2 other zone", fieldXML("start", minute(8).In(time.FixedZone("", 7200)).Format(time.RFC3339)), "", "", "8 9 10", "8-10/3 @0 complete"},
		{"XEP-0313 4.1.2 long ago", fieldXML("start", "1970-01-01T00:00:00Z") + fieldXML("end", "1971-01-01T00:00:00Z"), "", "", "", "-/0 complete"},
		{"XEP-0313 4.1.2 from long ago", fieldXML("start", "1970-01-01T00:00:00Z"), "<max>1</max>", "", "1", "1-1/9 @0"},
		{"XEP-0313 4.1.2 in the wrong order", fieldXML("start", stamp(4)) + fieldXML("end", stamp(2)), "", "", "", "-/0 complete"},
		{"XEP-0313 4.1.3 after-id", fieldXML("after-id", "6"), "", "", "8 9 10", "8-10/9 complete"},
		{"XEP-0313 4.1.3 before-id", fieldXML("before-id", "3"), "", "", "1 2", "1-2/9 complete"},
		{"XEP-0313 4.1.3 before-id does not page backwards", fieldXML("before-id", "6"), "<max>2</max>", "", "1 2", "1-2/9"},
		{"XEP-0313 4.1.3 between", fieldXML("after-id", "3") + fieldXML("before-id", "8"), "", "", "4 5 6", "4-6/9 complete"},
		{"XEP-0313 4.1.3 between neighbours", fieldXML("after-id", "3") + fieldXML("before-id", "4"), "", "", "", "-/9 complete"},
		{"XEP-0313 4.1.3 ids", fieldXML("ids", "9", "1", "4", "4"), "", "", "1 4 9", "1-9/3 @0 complete"},
		{"XEP-0313 4.1.3 ids, paged", fieldXML("ids", "9", "1", "4"), "<max>2</max><after>1</after>", "", "4 9", "4-9/3 complete"},
		{"XEP-0313 4.1.3 id of another conversation", fieldXML("with", "nurse@example.org") + fieldXML("after-id", "4"), "", "", "10", "10-10/2 complete"},
		{"XEP-0313 4.1.4 include-groupchat", fieldXML("include-groupchat", "true"), "<max>1</max>", "", "1", "1-1/9 @0"},
		{"XEP-0313 4.3.1 max", "", "<max>2</max>", "", "1 2", "1-2/9 @0"},
		{"XEP-0313 4.3.2 after", "", "<max>2</max><after>2</after>", "", "3 4", "3-4/9"},
		{"XEP-0313 4.3.2 last page forwards", "", "<max>2</max><after>8</after>", "", "9 10", "9-10/9 complete"},
		{"XEP-0313 4.3.2 behind the end", "", "<after>10</after>", "", "", "-/9 complete"},
		{"XEP-0313 4.3.2 after with filter", fieldXML("with", "romeo@example.org"), "<max>2</max><after>2</after>", "", "4 5", "4-5/6"},
		{"XEP-0313 4.3.3 last page", "", "<max>2</max><before/>", "", "9 10", "9-10/9"},
		{"XEP-0313 4.3.3 before", "", "<max>3</max><before>9</before>", "", "5 6 8", "5-8/9"},
		{"XEP-0313 4.3.3 the beginning", "", "<max>3</max><before>4</before>", "", "1 2 3", "1-3/9 complete"},
		{"XEP-0313 4.3.4 flipped", "", "<max>3</max><before>9</before>", "<flip-page/>", "8 6 5", "5-8/9"},
		{"XEP-0313 4.3.4 flipped forwards", "", "<max>3</max>", "<flip-page/>", "3 2 1", "1-3/9 @0"},
		{"XEP-0059 2.6 the first page", "", "<max>2</max><index>0</index>", "", "1 2", "1-2/9 @0"},
		{"profanity 0.13, after without a set", "", "", "<after>8</after>", "9 10", "9-10/9 complete"},
		{"XEP-0059 2.7 count", "", "<max>0</max>", "", "", "-/9"},
		{"XEP-0059 2.7 count of nothing", fieldXML("end", "2020-01-01T00:00:00Z"), "<max>0</max>", "", "", "-/0 complete"},
	} {
		results, answer := w.query(c.fields, c.set, c.more)
		if got := ids(results); got != c.ids || summary(answer) != c.fin {
			t.Errorf("%s: %s, %s; want %s, %s\n%s", c.section, got, summary(answer), c.ids, c.fin, xmpptest.Text(answer))
		}
	}
}

// Security row 7 and the errors of XEP-0313 and XEP-0059.
func TestQueryRefuses(t *testing.T) {
	w := filled(t)
	many := make([]string, mostIDs+1)
	for i := range many {
		many[i] = fmt.Sprint(i + 1)
	}
	for _, c := range []struct{ section, fields, set, more, want string }{
		{"XEP-0313 4.3.2 after what is not there", "", "<after>77</after>", "", "item-not-found"},
		{"XEP-0313 4.3.2 before what is not there", "", "<before>77</before>", "", "item-not-found"},
		{"XEP-0313 4.3.2 what is no message", "", "<after>7</after>", "", "item-not-found"},
		{"XEP-0313 4.3.2 what is no id", "", "<after>' OR 1=1 --</after>", "", "item-not-found"},
		{"XEP-0313 4.3.2 what is no id of ours", "", "<after>01</after>", "", "item-not-found"},
		{"XEP-0313 4.3.2 negative", "", "<after>-1</after>", "", "item-not-found"},
		{"XEP-0313 4.3.2 zero", "", "<after>0</after>", "", "item-not-found"},
		{"XEP-0313 4.3.2 10^20", "", "<before>100000000000000000000</before>", "", "item-not-found"},
		{"XEP-0313 4.1.3 after-id", fieldXML("after-id", "77"), "", "", "item-not-found"},
		{"XEP-0313 4.1.3 before-id", fieldXML("before-id", "x"), "", "", "item-not-found"},
		{"XEP-0313 4.1.3 one of the ids", fieldXML("ids", "1", "77"), "", "", "item-not-found"},
		{"XEP-0313 4.1.3 an empty one", fieldXML("ids", "1", ""), "", "", "item-not-found"},
		{"XEP-0313 4.1.3 too many", fieldXML("ids", many...), "", "", "policy-violation"},
		{"XEP-0313 4.1.5 unknown field", fieldXML("{urn:example}text", "x"), "", "", "feature-not-implemented"},
		{"XEP-0313 4.1.1 no address", fieldXML("with", "@@"), "", "", "jid-malformed"},
		{"XEP-0313 4.1.2 no time", fieldXML("start", "yesterday"), "", "", "bad-request"},
		{"XEP-0313 4.1.2 no time", fieldXML("end", "2010-07-10"), "", "", "bad-request"},
		{"XEP-0313 4.1.4 no boolean", fieldXML("include-groupchat", "maybe"), "", "", "bad-request"},
		{"XEP-0059 max", "", "<max>-1</max>", "", "bad-request"},
		{"XEP-0059 2.6 index", "", "<max>1</max><index>3</index>", "", "feature-not-implemented"},
		{"XEP-0004 a field twice", fieldXML("with", "a@b.c") + fieldXML("with", "a@b.c"), "", "", "bad-request"},
	} {
		results, answer := w.query(c.fields, c.set, c.more)
		if got := xmpptest.Condition(answer); got != c.want || len(results) > 0 {
			t.Errorf("%s: %q, want %q\n%s", c.section, got, c.want, xmpptest.Text(answer))
		}
	}
	if w.me.Has(iq.Archive) {
		t.Error("the archive has not been read")
	}
	for section, text := range map[string]string{
		"XEP-0313 4.1 FORM_TYPE": "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:1</value></field></x></query>",
		"XEP-0313 4.1 cancelled": "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='cancel'/></query>",
	} {
		if _, answer := w.ask("<iq type='set' id='q'>" + text + "</iq>"); xmpptest.Condition(answer) != "bad-request" {
			t.Errorf("%s: %s", section, xmpptest.Text(answer))
		}
	}
	if _, answer := w.ask("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' node='n'/></iq>"); xmpptest.Condition(answer) != "feature-not-implemented" {
		t.Errorf("XEP-0313 6.1.3: %s", xmpptest.Text(answer))
	}
}

// XEP-0313 section 4.2, and the form of what the client sees.
func TestResults(t *testing.T) {
	w := filled(t)
	results, answer := w.query(fieldXML("ids", "1", "2", "3", "4", "5"), "", "")
	got := append(xmpptest.Texts(results), xmpptest.Text(answer))
	wrap := func(id string, at int, inner string) string {
		return "<message from='juliet@example.org' to='juliet@example.org/balcony'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='" + id + "'>" +
			"<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='" + minute(at).Format("2006-01-02T15:04:05.000Z") + "'/>" +
			"<message xmlns='jabber:client' " + inner + "</message></forwarded></result></message>"
	}
	msgID := im.MakeMsgID(minute(5), 5, 1).String()
	for i, want := range []string{
		wrap("1", 1, "from='romeo@example.org/orchard' to='juliet@example.org/balcony' type='chat' id='a1'><body>1</body>"),
		wrap("2", 2, "from='juliet@example.org/balcony' to='romeo@example.org/orchard' type='chat'><body>2</body>"),
		wrap("3", 3, "from='nurse@example.org/home' to='juliet@example.org' type='chat'><body>3</body><thread>t</thread>"),
		wrap("4", 4, "from='romeo@example.org/orchard' to='juliet@example.org' id='r1'><received xmlns='urn:xmpp:receipts' id='x'/>"),
		wrap("5", 5, "from='romeo@example.org' to='juliet@example.org' type='chat' id='"+msgID+"'><body>5</body>"),
		"<iq type='result' to='juliet@example.org/balcony' id='q'><fin xmlns='urn:xmpp:mam:2' complete='true'>" +
			"<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>1</first><last>5</last><count>5</count></set></fin></iq>",
	} {
		if i >= len(got) || got[i] != want {
			t.Errorf("%d:\n got %s\nwant %s", i, got[i], want)
		}
	}
	if !w.me.Has(iq.Archive) {
		t.Error("XEP-0313 6.1.1: who reads the archive needs no offline messages")
	}
	// XEP-0313 4.2: without a queryid there is none in the result.
	r, _ := w.ask("<iq type='set' id='q' to='juliet@example.org'><query xmlns='urn:xmpp:mam:2'/></iq>")
	if _, ok := r[0].Child(stanza.NSMAM, "result").LookupAttr("", "queryid"); ok || len(r) != 9 {
		t.Errorf("%d results, %s", len(r), xmpptest.Text(r[0]))
	}
}

// XEP-0313 section 4.3.1: the server's own limits make pages, and paging meets
// everything once.
func TestPagesOfTheServer(t *testing.T) {
	w := filled(t)
	for _, cfg := range []Config{{Page: 2, MaxPage: 3, Bytes: 1 << 20}, {Page: 100, MaxPage: 100, Bytes: 60}, {Page: 100, MaxPage: 100, Bytes: 0}} {
		w.service(cfg)
		for _, with := range []string{"", fieldXML("with", "romeo@example.org/orchard")} {
			forward, backward := "", ""
			for set := "<max>50</max>"; ; {
				results, answer := w.query(with, set, "")
				forward += " " + ids(results)
				if len(results) > cfg.MaxPage || len(results) == 0 || len(forward) > 100 {
					t.Fatalf("%+v: %s", cfg, forward)
				}
				if answer.Child(stanza.NSMAM, "fin").Attr("complete") == "true" {
					break
				}
				set = "<after>" + answer.Child(stanza.NSMAM, "fin").Child(stanza.NSRSM, "set").ChildText(stanza.NSRSM, "last") + "</after>"
			}
			for set := "<before/>"; ; {
				results, answer := w.query(with, set, "")
				backward = " " + ids(results) + backward
				if len(results) == 0 || len(backward) > 100 {
					t.Fatalf("%+v: %s", cfg, backward)
				}
				if answer.Child(stanza.NSMAM, "fin").Attr("complete") == "true" {
					break
				}
				set = "<before>" + answer.Child(stanza.NSMAM, "fin").Child(stanza.NSRSM, "set").ChildText(stanza.NSRSM, "first") + "</before>"
			}
			want := " 1 2 3 4 5 6 8 9 10"
			if with != "" {
				want = " 1 2 4"
			}
			if forward != want || backward != want {
				t.Errorf("%+v: forward%s, backward%s", cfg, forward, backward)
			}
		}
	}
}

func TestEmptyArchive(t *testing.T) {
	w := newWorld(t)
	for _, set := range []string{"", "<before/>", "<max>0</max>"} {
		if results, answer := w.query("", set, ""); len(results) > 0 || summary(answer) != "-/0 complete" {
			t.Errorf("%s: %s", set, xmpptest.Text(answer))
		}
	}
	_, answer := w.ask("<iq type='get' id='q'><metadata xmlns='urn:xmpp:mam:2'/></iq>")
	if got := xmpptest.Text(answer.First()); got != "<metadata xmlns='urn:xmpp:mam:2'/>" {
		t.Errorf("XEP-0313 5: %s", got)
	}
}

func TestMetadata(t *testing.T) {
	w := filled(t)
	_, answer := w.ask("<iq type='get' id='q'><metadata xmlns='urn:xmpp:mam:2'/></iq>")
	want := "<metadata xmlns='urn:xmpp:mam:2'><start id='1' timestamp='2026-03-04T05:07:07.000Z'/><end id='10' timestamp='2026-03-04T05:16:07.000Z'/></metadata>"
	if got := xmpptest.Text(answer.First()); got != want {
		t.Errorf("XEP-0313 5:\n got %s\nwant %s", got, want)
	}
	if w.me.Has(iq.Archive) {
		t.Error("the archive has not been read")
	}
}

func TestForm(t *testing.T) {
	w := newWorld(t)
	_, answer := w.ask("<iq type='get' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")
	want := map[string]string{
		"FORM_TYPE": "hidden", "with": "jid-single", "start": "text-single", "end": "text-single",
		"before-id": "text-single", "after-id": "text-single", "ids": "list-multi", "include-groupchat": "boolean",
	}
	x := answer.Child(stanza.NSMAM, "query").Child(stanza.NSData, "x")
	for f := range x.Children() {
		if f.Attr("type") != want[f.Attr("var")] || f.Child(stanza.NSData, "required") != nil {
			t.Errorf("XEP-0313 4.1.5: %s", xmpptest.Text(f))
		}
		if f.Attr("var") == "ids" && f.Child(nsValidate, "validate").Child(nsValidate, "open") == nil {
			t.Errorf("XEP-0122: %s", xmpptest.Text(f))
		}
		delete(want, f.Attr("var"))
	}
	if x.Attr("type") != "form" || len(want) > 0 {
		t.Errorf("missing %v in %s", want, xmpptest.Text(x))
	}
}

// XEP-0313 section 8.1: nobody reads the archive of another, and does not learn
// whether he exists.
func TestOthersArchives(t *testing.T) {
	w := filled(t)
	for _, who := range []string{"romeo", "tybalt"} {
		for _, text := range []string{
			"<iq type='set' id='q' to='%s@example.org'><query xmlns='urn:xmpp:mam:2'/></iq>",
			"<iq type='get' id='q' to='%s@example.org'><query xmlns='urn:xmpp:mam:2'/></iq>",
			"<iq type='get' id='q' to='%s@example.org'><metadata xmlns='urn:xmpp:mam:2'/></iq>",
			"<iq type='get' id='q' to='%s@example.org'><prefs xmlns='urn:xmpp:mam:2'/></iq>",
			"<iq type='set' id='q' to='%s@example.org'><prefs xmlns='urn:xmpp:mam:2' default='never'/></iq>",
		} {
			if results, answer := w.ask(fmt.Sprintf(text, who)); xmpptest.Condition(answer) != "forbidden" || len(results) > 0 {
				t.Errorf("%s: %s", who, xmpptest.Text(answer))
			}
		}
	}
	if _, answer := w.ask("<iq type='set' id='q' to='example.org'><query xmlns='urn:xmpp:mam:2'/></iq>"); xmpptest.Condition(answer) != "service-unavailable" {
		t.Errorf("the domain has no archive: %s", xmpptest.Text(answer))
	}
}

// XEP-0313 section 7, XEP-0359 section 5.
func TestFeatures(t *testing.T) {
	w := newWorld(t)
	for target, name := range map[iq.Target]string{iq.Own: "own", iq.Server: "server, where profanity looks"} {
		if got := strings.Join(w.mux.Features(target), " "); got != "urn:xmpp:mam:2 urn:xmpp:mam:2#extended urn:xmpp:mam:2#groupchat-field urn:xmpp:sid:0" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := w.mux.Features(iq.Account); len(got) > 0 {
		t.Errorf("account of another: %s", got)
	}
}

// What the storage answers becomes an error of the request, never a page that
// looks whole.
func TestFailures(t *testing.T) {
	for _, method := range []string{"Archive", "Resolve", "LeafItems", "Address"} {
		w := filled(t)
		w.cell.Fail[method] = im.Errorf(im.CodeZoneUnavailable, "down")
		results, answer := w.query(fieldXML("with", "romeo@example.org"), "", "")
		if xmpptest.Condition(answer) != "resource-constraint" || len(results) > 0 || w.me.Has(iq.Archive) {
			t.Errorf("%s: %s", method, xmpptest.Text(answer))
		}
	}
	w := filled(t)
	w.cell.Fail["ContactList"] = errors.New("disk on fire")
	w.cell.Fail["EditLeaf"] = im.Errorf(im.CodeTooMany, "full")
	if _, answer := w.ask("<iq type='set' id='q'><prefs xmlns='urn:xmpp:mam:2' default='roster'/></iq>"); xmpptest.Condition(answer) != "resource-constraint" {
		t.Errorf("prefs: %s", xmpptest.Text(answer))
	}
}

func TestConfig(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []Config{{0, 250, 1 << 20}, {300, 250, 1 << 20}, {100, 2000, 1 << 20}, {1, 0, 1 << 20}, {1, 1, 10}} {
		if c.Validate() == nil {
			t.Errorf("%+v is fine", c)
		}
	}
}
