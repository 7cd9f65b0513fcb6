package form

import (
	"reflect"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func parse(t *testing.T, text string) *xmlstream.Element {
	t.Helper()
	e, err := xmlstream.Parse([]byte(text), xmlstream.Standalone, xmlstream.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const submitted = `<x xmlns='jabber:x:data' type='submit'>
 <field var='FORM_TYPE' type='hidden'><value>urn:a</value></field>
 <field var='yes'><value>true</value></field>
 <field var='many' type='list-multi'><value>a</value><value/><value>b</value></field>
 <field var='empty'/>
 <other xmlns='urn:b'/>
</x>`

func TestParse(t *testing.T) {
	f, err := Submitted(parse(t, submitted), "urn:a")
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := f.Field("yes").Bool(); !v || !ok {
		t.Error("yes is not true")
	}
	if got := f.Field("many").Values; !reflect.DeepEqual(got, []string{"a", "", "b"}) {
		t.Errorf("many = %q", got)
	}
	// XEP-0004 section 3.6: a field without a value is there, and empty.
	if !f.Has("empty") || f.Get("empty") != "" || f.Has("none") || f.Get("none") != "" {
		t.Error("what is empty or absent is wrong")
	}
	if !f.Is("urn:a") || f.Is("urn:b") {
		t.Error("Is is wrong")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ why, text string }{
		{"no form", `<y xmlns='jabber:x:data' type='submit'/>`},
		{"another namespace", `<x xmlns='urn:a' type='submit'/>`},
		{"XEP-0004 3.1: no type", `<x xmlns='jabber:x:data'/>`},
		{"XEP-0004 3.1: unknown type", `<x xmlns='jabber:x:data' type='error'/>`},
		{"XEP-0004 3.2: field without var", `<x xmlns='jabber:x:data' type='submit'><field><value>1</value></field></x>`},
		{"XEP-0004 3.2: the same var twice", `<x xmlns='jabber:x:data' type='submit'><field var='a'/><field var='a'/></x>`},
		{"too many fields", `<x xmlns='jabber:x:data' type='submit'>` + strings.Repeat(`<field type='fixed'/>`, maxFields+1) + `</x>`},
		{"too many values", `<x xmlns='jabber:x:data' type='submit'><field var='a'>` + strings.Repeat(`<value/>`, maxValues+1) + `</field></x>`},
		{"too many fields in an item", `<x xmlns='jabber:x:data' type='result'><item>` + strings.Repeat(`<field type='fixed'/>`, maxFields+1) + `</item></x>`},
	} {
		_, err := Parse(parse(t, c.text))
		if stanza.Of(err).Condition != stanza.BadRequest || err == nil {
			t.Errorf("%s: %v", c.why, err)
		}
	}
	for _, c := range []struct{ why, text string }{
		{"not submitted", `<x xmlns='jabber:x:data' type='cancel'/>`},
		{"XEP-0068: no FORM_TYPE", `<x xmlns='jabber:x:data' type='submit'/>`},
		{"XEP-0068: another FORM_TYPE", strings.ReplaceAll(submitted, "urn:a", "urn:c")},
	} {
		if _, err := Submitted(parse(t, c.text), "urn:a"); err == nil {
			t.Errorf("%s: no error", c.why)
		}
	}
	if _, err := Parse(nil); err == nil {
		t.Error("nil: no error")
	}
}

func TestRoundTrip(t *testing.T) {
	f := New(TypeForm, "urn:a").Text("t", "A text", "x").Bool("b", "Yes?", true).List("l", "One of", "two", "one", "two")
	f.Title, f.Instructions = "Title", []string{"Do it", "now"}
	f.Add(Field{Type: Fixed, Values: []string{"words"}}, Field{Var: "r", Type: TextPrivate, Desc: "secret", Required: true})
	f.Reported = []Field{{Var: "c", Type: TextSingle, Label: "Column"}}
	f.Items = [][]Field{{{Var: "c", Values: []string{"1"}}}, {{Var: "c", Values: []string{"2"}}}}
	again, err := Parse(parse(t, f.Element().String()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f, again) {
		t.Errorf("got %+v\nwant %+v", again, f)
	}
}

func TestBooleans(t *testing.T) { // XEP-0004 3.3, XML Schema boolean
	for text, want := range map[string][2]bool{
		"1": {true, true}, "true": {true, true}, "0": {false, true}, "false": {false, true},
		"": {}, "yes": {}, "TRUE": {}, " 1": {},
	} {
		if v, ok := ParseBool(text); v != want[0] || ok != want[1] {
			t.Errorf("%q = %v, %v", text, v, ok)
		}
	}
	if FormatBool(true) != "1" || FormatBool(false) != "0" {
		t.Error("FormatBool is wrong")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(submitted)
	f.Add(`<x xmlns='jabber:x:data' type='result'><reported><field var='a'/></reported><item><field var='a'><option label='x'><value>y</value></option></field></item></x>`)
	f.Add(`<x xmlns='jabber:x:data' type='form'><title>a</title><instructions/><field type='fixed'/></x>`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := xmlstream.Parse([]byte(text), xmlstream.Standalone, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		parsed, err := Parse(e)
		if err != nil {
			if stanza.Of(err).Condition != stanza.BadRequest {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := Parse(parsed.Element())
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !again.Element().Equal(parsed.Element()) {
			t.Fatalf("%s\nbecomes %s", parsed.Element(), again.Element())
		}
	})
}
