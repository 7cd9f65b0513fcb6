package pep

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// world is a cell with the people of XEP-0163: romeo and nurse are friends of
// juliet, nurse in the group Servants; tybalt is nobody to her.
type world struct {
	testing.TB
	cell     *xmpptest.Cell
	mux      *iq.Mux
	v        *Service
	sessions map[string]*xmpptest.Session
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, cell: xmpptest.New(), mux: iq.NewMux(), sessions: map[string]*xmpptest.Session{}}
	w.v = New(w.mux, slog.New(slog.DiscardHandler))
	w.v.now = func() time.Time { return w.cell.Clock }
	for _, name := range []string{"juliet/balcony", "romeo/orchard", "nurse/chamber", "tybalt/street"} {
		w.session(name)
	}
	w.cell.Befriend("juliet", "romeo")
	w.cell.Befriend("juliet", "nurse")
	w.cell.PutContact("juliet", im.Contact{User: w.cell.User("nurse"), Addr: xmpptest.Addr("nurse"), Sub: im.SubBoth, Listed: true, Groups: []string{"Servants"}})
	return w
}

// session opens a session, or changes what an open one is interested in.
func (w *world) session(name string, interests ...string) *xmpptest.Session {
	s := w.sessions[name]
	if s == nil {
		s = w.cell.Session(name)
		s.Core().(*xmpptest.Core).Groups = &groups{}
		w.sessions[name] = s
	}
	lines := ""
	for _, n := range interests {
		lines += n + "\n"
	}
	s.Present(im.Presence{Show: im.ShowOnline, Interests: lines})
	return s
}

// ask sends a request: "juliet/balcony get" or "romeo/orchard set juliet". The
// answer is the payload, or the error as "type condition app-condition".
func (w *world) ask(how, payload string) string {
	w.Helper()
	f := strings.Fields(how)
	to := ""
	if len(f) > 2 {
		to = " to='" + xmpptest.Addr(f[2]).String() + "'"
	}
	st := xmpptest.Serve(w, w.mux, w.sessions[f[0]], "<iq id='1' type='"+f[1]+"'"+to+">"+payload+"</iq>")
	if e := st.Child(stanza.NSClient, "error"); e != nil {
		out := e.Attr("type") + " " + xmpptest.Condition(st)
		for c := range e.Children() {
			if c.Space == nsErrors {
				out += " " + c.Local + c.Attr("feature")
			}
		}
		return out
	}
	if st.First() == nil {
		return "ok"
	}
	return text(st.First())
}

// must is ask for what has to succeed.
func (w *world) must(how, payload string) string {
	w.Helper()
	got := w.ask(how, payload)
	if !strings.HasPrefix(got, "<") && got != "ok" {
		w.Fatalf("%s: %s\n%s", how, got, payload)
	}
	return got
}

var ids = regexp.MustCompile(` id='[A-Z2-7]{26}'`)

// text renders e without namespaces of pubsub and ids that the service has made.
func text(e *xmlstream.Element) string {
	s := ids.ReplaceAllString(xmpptest.Text(e), " id='*'")
	for _, ns := range []string{nsPubsub, nsOwner, nsEvent, nsErrors} {
		s = strings.ReplaceAll(s, " xmlns='"+ns+"'", "")
	}
	return s
}

// events returns the events since the last call, each as "to content", sorted.
// It sees to what holds for all (XEP-0163 section 4.3.1).
func (w *world) events() []string {
	w.Helper()
	out := []string{}
	for _, sig := range w.cell.Signals() {
		st, err := stanza.Parse(sig.Data)
		if err != nil || sig.Kind != im.SignalStanza || sig.Session == 0 || sig.Node == 0 {
			w.Fatalf("%v %+v", err, sig)
		}
		out = append(out, w.event(st))
	}
	slices.Sort(out)
	return out
}

func (w *world) event(st *xmlstream.Element) string {
	w.Helper()
	if st.Local != "message" || st.Attr("type") != "headline" || st.Attr("id") == "" || strings.Contains(st.Attr("from"), "/") {
		w.Fatalf("no event: %s", xmpptest.Text(st))
	}
	from, _, _ := strings.Cut(st.Attr("from"), "@")
	out := strings.Replace(st.Attr("to"), "@example.org", "", 1) + " " + from + ":" + text(st.Child(nsEvent, "event").First())
	if d := st.Child(stanza.NSDelay, "delay"); d != nil {
		out += " " + d.Attr("stamp")
	}
	return out
}

// got returns what was sent to a client itself since the last call.
func (w *world) got(name string) []string {
	out := []string{}
	for _, st := range w.sessions[name].Sent() {
		out = append(out, w.event(st))
	}
	slices.Sort(out)
	return out
}

func (w *world) same(what string, got []string, want ...string) {
	w.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// The requests in short.

func pub(in string) string { return "<pubsub xmlns='" + nsPubsub + "'>" + in + "</pubsub>" }
func own(in string) string { return "<pubsub xmlns='" + nsOwner + "'>" + in + "</pubsub>" }

func publish(node, id, payload string, options ...string) string {
	return pub(fmt.Sprintf("<publish node='%s'><item id='%s'>%s</item></publish>%s", node, id, payload, publishOptions(options...)))
}

// tune is a payload.
func tune(title string) string { return "<tune xmlns='urn:t'>" + title + "</tune>" }

func publishOptions(options ...string) string {
	if len(options) == 0 {
		return ""
	}
	return "<publish-options>" + submit(formOptions, options...) + "</publish-options>"
}

// submit is a form of "name=value value" without pubsub# before the names.
func submit(about string, options ...string) string {
	out := "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>" + about + "</value></field>"
	for _, o := range options {
		name, values, _ := strings.Cut(o, "=")
		out += "<field var='pubsub#" + name + "'>"
		for _, v := range strings.Fields(values) {
			out += "<value>" + v + "</value>"
		}
		out += "</field>"
	}
	return out + "</x>"
}

func create(node string, options ...string) string {
	return pub("<create node='" + node + "'/><configure>" + submit(formConfig, options...) + "</configure>")
}

func items(node string) string { return pub("<items node='" + node + "'/>") }
