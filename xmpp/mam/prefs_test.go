package mam

import (
	"fmt"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func (w *world) prefs(typ, attrs, in string) string {
	w.Helper()
	_, answer := w.ask("<iq type='" + typ + "' id='p'><prefs xmlns='urn:xmpp:mam:2'" + attrs + ">" + in + "</prefs></iq>")
	if c := xmpptest.Condition(answer); c != "" {
		return c
	}
	return xmpptest.Text(answer.First())
}

func TestPrefs(t *testing.T) {
	w := newWorld(t)
	const initial = "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs>"
	if got := w.prefs("get", "", ""); got != initial {
		t.Errorf("XEP-0441 2.1 nothing set: %s", got)
	}
	const set = "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>romeo@example.org</jid></always><never><jid>a@b.net/c</jid></never></prefs>"
	if got := w.prefs("set", " default='roster'", "<always><jid> Romeo@example.org\n</jid><jid>romeo@example.org</jid><x/></always><never><jid>a@b.net/c</jid></never>"); got != set {
		t.Errorf("XEP-0441 2.1 set: %s", got)
	}
	if got := w.prefs("get", "", ""); got != set {
		t.Errorf("XEP-0441 2.1 get: %s", got)
	}
	if got := w.prefs("set", " default='always'", ""); got != initial {
		t.Errorf("XEP-0441 2.1.2 lists that are missing are empty: %s", got)
	}
	many := ""
	for i := range mostNamed + 1 {
		many += fmt.Sprintf("<jid>u%d@b.net</jid>", i)
	}
	for _, c := range []struct{ section, attrs, in, want string }{
		{"XEP-0441 2.1.1 no default", "", "", "bad-request"},
		{"XEP-0441 2.1.1 unknown default", " default='often'", "", "bad-request"},
		{"no address", " default='never'", "<always><jid>@@</jid></always>", "jid-malformed"},
		{"no address", " default='never'", "<never><jid/></never>", "jid-malformed"},
		{"too many", " default='never'", "<never>" + many + "</never>", "policy-violation"},
	} {
		if got := w.prefs("set", c.attrs, c.in); got != c.want {
			t.Errorf("%s: %s", c.section, got)
		}
	}
	if got := w.prefs("get", "", ""); got != initial {
		t.Errorf("what is refused changes nothing: %s", got)
	}
}

// The preferences in force when a message came say whether it is shown. Each row
// sets some after a message of the log and asks for everything.
func TestPrefsHide(t *testing.T) {
	for _, c := range []struct {
		section      string
		at           int // after which message, 0: before all
		attrs, lists string
		ids, fin     string
	}{
		{"XEP-0441 2.1.1 always", 0, "always", "", "1 2 3 4 5 6 8 9 10", "1-10/9 @0 complete"},
		{"XEP-0441 2.1.1 never", 0, "never", "", "", "-/ complete"},
		{"XEP-0441 2.1.1 never, from then on", 5, "never", "", "1 2 3 4 5", "1-5/ complete"},
		{"XEP-0441 2.1.1 roster", 0, "roster", "", "3 10", "3-10/ complete"},
		{"XEP-0441 2.1.2 always", 0, "never", "<always><jid>romeo@example.org</jid></always>", "1 2 4 5 8 9", "1-9/ complete"},
		{"XEP-0441 2.1.3 never", 0, "always", "<never><jid>romeo@example.org</jid></never>", "3 6 10", "3-10/ complete"},
		{"XEP-0441 2.3.1 full", 0, "never", "<always><jid>romeo@example.org/orchard</jid></always>", "1 2 4", "1-4/ complete"},
		{"XEP-0441 2.3.1 full, never", 0, "always", "<never><jid>romeo@example.org/tomb</jid></never>", "1 2 3 4 5 6 10", "1-10/ complete"},
		{"never is stronger", 0, "always", "<always><jid>romeo@example.org</jid></always><never><jid>romeo@example.org</jid></never>", "3 6 10", "3-10/ complete"},
	} {
		w := filled(t)
		w.cell.Befriend("juliet", "nurse")
		w.now = minute(c.at).Add(time.Second)
		w.prefs("set", " default='"+c.attrs+"'", c.lists)
		results, answer := w.query("", "", "")
		if got := ids(results); got != c.ids || summary(answer) != c.fin {
			t.Errorf("%s: %s, %s; want %s, %s", c.section, got, summary(answer), c.ids, c.fin)
		}
	}
	w := filled(t)
	for i, def := range []string{"never", "always", "never"} { // 2 to 4 and from 8 on are hidden
		w.now = minute(1 + 3*i).Add(time.Second)
		w.prefs("set", " default='"+def+"'", "")
	}
	if results, _ := w.query("", "", ""); ids(results) != "1 5 6" {
		t.Errorf("times of hiding: %s", ids(results))
	}
	w.cell.Fail["ContactList"] = im.Errorf(im.CodeZoneUnavailable, "down")
	w.prefs("set", " default='roster'", "")
	if _, answer := w.query("", "", ""); xmpptest.Condition(answer) != "resource-constraint" {
		t.Errorf("without the contacts nobody knows: %s", xmpptest.Text(answer))
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range mostChanges + 5 {
		h = h.with(prefs{Since: im.MsgID(100 + i), Default: "never"})
	}
	if len(h) != mostChanges || h.at(1).Default != "never" || h.last().Since != im.MsgID(100+mostChanges+4) {
		t.Errorf("%d, %+v", len(h), h.last())
	}
}
