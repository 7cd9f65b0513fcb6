package mam

import (
	"testing"

	"github.com/cxx-im/cxx/xmpp/rsm"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// FuzzQuery: what a client asks is understood within bounds or refused with a
// condition that says why (security row 7).
func FuzzQuery(f *testing.F) {
	form := func(fields string) string {
		return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>" + fields + "</x>"
	}
	for _, s := range []string{
		"<flip-page/>", "<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><before/></set>",
		form(fieldXML("with", "a@b.net/c") + fieldXML("start", "2010-06-07T00:00:00Z") + fieldXML("end", "9999-12-31T23:59:59.999+14:00")),
		form(fieldXML("ids", "1", "2") + fieldXML("after-id", "9223372036854775807") + fieldXML("before-id", "1")),
		form(fieldXML("include-groupchat", "1") + fieldXML("{urn:x}y", "'")),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		e, err := xmlstream.Parse([]byte("<query xmlns='urn:xmpp:mam:2'>"+in+"</query>"), xmlstream.Standalone, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		q, err := parse(e)
		if err != nil {
			if stanza.Of(err).Condition == stanza.InternalServerError {
				t.Fatal(err)
			}
			return
		}
		a := q.archive()
		if len(q.ids) > mostIDs || len(q.known) > mostIDs+4 || q.page.Max < rsm.None || int64(a.After) < 0 || int64(a.Before) < 0 || int64(a.From) < 0 || int64(a.To) < 0 {
			t.Fatalf("%+v", q)
		}
	})
}

// FuzzPrefs: what was taken is given back and taken again.
func FuzzPrefs(f *testing.F) {
	f.Add("<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>a@b.net</jid></always><never/></prefs>")
	f.Fuzz(func(t *testing.T, in string) {
		e, err := xmlstream.Parse([]byte(in), xmlstream.Standalone, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		p, err := parsePrefs(e)
		if err != nil {
			if stanza.Of(err).Condition == stanza.InternalServerError {
				t.Fatal(err)
			}
			return
		}
		again, err := parsePrefs(p.element())
		if err != nil || !again.element().Equal(p.element()) {
			t.Fatalf("%s becomes %s: %v", p.element(), again.element(), err)
		}
	})
}
