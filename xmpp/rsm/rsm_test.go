package rsm

import (
	"strings"
	"testing"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func set(t *testing.T, in string) *xmlstream.Element {
	t.Helper()
	e, err := xmlstream.Parse([]byte("<q xmlns='urn:q'><set xmlns='"+stanza.NSRSM+"'>"+in+"</set></q>"), xmlstream.Standalone, xmlstream.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		section, in string
		want        Request
	}{
		{"XEP-0059 2.1", "<max>10</max>", Request{Max: 10, Index: None}},
		{"XEP-0059 2.1 white space", "<max> 10\n</max>", Request{Max: 10, Index: None}},
		{"XEP-0059 2.2", "<max>10</max><after>a@b</after>", Request{Max: 10, Index: None, After: "a@b"}},
		{"XEP-0059 2.2 no id", "<after/>", Request{Max: None, Index: None}},
		{"XEP-0059 2.3", "<before>x</before>", Request{Max: None, Index: None, Before: "x", Backwards: true}},
		{"XEP-0059 2.5", "<max>1</max><before/>", Request{Max: 1, Index: None, Backwards: true}},
		{"XEP-0059 2.6", "<index>371</index>", Request{Max: None, Index: 371}},
		{"XEP-0059 2.7", "<max>0</max>", Request{Max: 0, Index: None}},
		{"ids are opaque (security row 7)", "<after>' OR 1=1 --</after>", Request{Max: None, Index: None, After: "' OR 1=1 --"}},
		{"elements of others", "<max xmlns='urn:x'>-1</max>", Request{Max: None, Index: None}},
		{"nothing", "", Request{Max: None, Index: None}},
	} {
		got, err := Parse(set(t, c.in))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.section, got, err, c.want)
		}
	}
	if got, err := Parse(xmlstream.New("urn:q", "q")); err != nil || got != (Request{Max: None, Index: None}) {
		t.Errorf("without set: %+v, %v", got, err)
	}
}

// Security row 7.
func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"<max>-1</max>", "<max>100000000000000000000</max>", "<max>4294967296</max>", "<max>2147483648</max>", "<max>1'</max>",
		"<max/>", "<max>+1</max>", "<max>0x1</max>", "<max>1.0</max>", "<max>1<a/></max>", "<max>١</max>",
		"<index>-1</index>", "<index>a</index>", "<max>1</max><max>1</max>", "<after>1</after><after>2</after>",
		"<index>1</index><after>2</after>", "<index>1</index><before/>",
		"<after>" + strings.Repeat("x", maxID+1) + "</after>", "<before>" + strings.Repeat("x", maxID+1) + "</before>", "<before><a/></before>",
		"</set><set xmlns='" + stanza.NSRSM + "'>",
	} {
		if _, err := Parse(set(t, in)); err == nil || stanza.Of(err).Condition != stanza.BadRequest {
			t.Errorf("%.60s: %v", in, err)
		}
	}
}

func TestPage(t *testing.T) {
	const ns = "<set xmlns='" + stanza.NSRSM + "'"
	for _, c := range []struct {
		section string
		page    Page
		want    string
	}{
		{"XEP-0059 2.2", Page{"a", "b", 0, 800}, ns + "><first index='0'>a</first><last>b</last><count>800</count></set>"},
		{"XEP-0059 2.2 one item, number not known", Page{"a", "a", None, None}, ns + "><first>a</first><last>a</last></set>"},
		{"XEP-0059 2.2 empty page", Page{"", "", None, 790}, ns + "><count>790</count></set>"},
		{"XEP-0059 2.2 nothing", Page{"", "", 3, None}, ns + "/>"},
	} {
		if got := c.page.Element().String(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.section, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"<max>10</max><after>1</after>", "<before/>", "<index>3</index><max>-1</max>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		e, err := xmlstream.Parse([]byte("<set xmlns='"+stanza.NSRSM+"'>"+in+"</set>"), xmlstream.Standalone, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		r, err := Parse(xmlstream.New("urn:q", "q").Add(e))
		if err != nil {
			if stanza.Of(err).Condition != stanza.BadRequest {
				t.Fatal(err)
			}
			return
		}
		if r.Max < None || r.Max > maxNumber || r.Index < None || r.Index > maxNumber || len(r.After) > maxID || len(r.Before) > maxID {
			t.Fatalf("%+v", r)
		}
	})
}
