package xmlstream

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEvents(t *testing.T) {
	s := whole("<?xml version='1.0'?>\n" + header + " \n<a/>\t<b>c</b></stream:stream>\n")
	if s.err != nil || len(s.events) != 4 || s.spaces != 3 {
		t.Fatalf("%+v", s)
	}
	for i, kind := range []Kind{Open, Stanza, Stanza, Close} {
		if s.events[i].Kind != kind {
			t.Errorf("event %d is %v", i, s.events[i])
		}
	}
	h, err := ParseHeader(s.events[0])
	if want := (Header{To: "example.org", Version: "1.0", Content: NSClient}); err != nil || h != want {
		t.Errorf("header %+v, %v", h, err)
	}
	if a := s.events[1].Element; !a.Is(NSClient, "a") {
		t.Errorf("first stanza %v", a)
	}
	if b := s.events[2].Element; b.Text() != "c" {
		t.Errorf("second stanza %v", b)
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		text      string
		condition Condition
	}{
		{header, ""},
		{`<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client'>`, ""},
		{`<stream xmlns='http://etherx.jabber.org/streams'>`, ""},
		{`<stream:stream xmlns:stream='http://etherx.jabber.org/stream'>`, InvalidNamespace},
		{`<stream>`, InvalidNamespace},
		{`<stream:flow xmlns:stream='http://etherx.jabber.org/streams'>`, BadFormat},
	} {
		s := whole(c.text)
		if s.err != nil {
			t.Errorf("%s: %v", c.text, s.err)
			continue
		}
		_, err := ParseHeader(s.events[0])
		var e *Error
		if errors.As(err, &e) != (c.condition != "") || e != nil && e.Condition != c.condition {
			t.Errorf("%s: %v, want %q", c.text, err, c.condition)
		}
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	h := Header{From: "example.org", To: "a@b", ID: "<'&\n", Version: "1.0", Lang: "en", Content: NSClient}
	s := whole(string(h.Append(nil)) + StreamEnd)
	if s.err != nil || len(s.events) != 2 {
		t.Fatalf("%+v", s)
	}
	if back, err := ParseHeader(s.events[0]); err != nil || back != h {
		t.Errorf("%+v, %v", back, err)
	}
}

// An empty stream opens and closes.
func TestEmptyStream(t *testing.T) {
	s := whole(strings.Replace(header, ">", "/>", 1))
	if s.err != nil || len(s.events) != 2 || s.events[1].Kind != Close {
		t.Errorf("%+v", s)
	}
}

// A stream restarts with what the peer sent ahead, white space and a new
// declaration included; prefixes of the old header are gone.
func TestRestart(t *testing.T) {
	d := NewDecoder(DefaultLimits())
	d.Feed([]byte(header + "<auth/>\n<?xml version='1.0'?>" + strings.Replace(header, "to=", "xmlns:x='u' to=", 1) + "<x:a/>"))
	d.Next()
	d.Next()
	d.Restart()
	if ev, err := d.Next(); ev.Kind != Open {
		t.Fatal(ev, err)
	}
	if ev, err := d.Next(); ev.Kind != Stanza || ev.Element.Space != "u" {
		t.Fatal(ev, err)
	}
	d.Restart()
	d.Feed([]byte("<x:stream/>"))
	if _, err := d.Next(); err == nil {
		t.Error("a prefix of the old stream is known in the new one")
	}
}

// STARTTLS must not read what was injected before the handshake (RFC 6120
// section 5.4.3.3): it can see it, and Reset drops it.
func TestResetDropsInjected(t *testing.T) {
	d := NewDecoder(DefaultLimits())
	d.Feed([]byte(header + "<starttls/><injected/>"))
	d.Next()
	d.Next()
	if n := d.Buffered(); n != len("<injected/>") {
		t.Errorf("%d bytes buffered", n)
	}
	d.Reset()
	if n := d.Buffered(); n != 0 {
		t.Errorf("%d bytes buffered after Reset", n)
	}
	d.Feed([]byte(header))
	if ev, err := d.Next(); ev.Kind != Open {
		t.Error(ev, err)
	}
}

// What was handed out does not change when buffers are used again.
func TestStanzasAreOwned(t *testing.T) {
	text := header + strings.Repeat(benchMessage, 50)
	want := whole(text).events[1].Element
	for _, chunk := range []int{1, 13, 350, 5000} {
		s := listen(NewDecoder(DefaultLimits()), []byte(text), func() int { return chunk })
		if s.err != nil || len(s.events) != 51 {
			t.Fatal(s.err, len(s.events))
		}
		for _, ev := range s.events[1:] {
			if !ev.Element.Equal(want) {
				t.Fatalf("by %d: %v", chunk, ev.Element)
			}
		}
	}
}

func TestReader(t *testing.T) {
	long := "<a>" + strings.Repeat("b", 30_000) + "</a>"
	text := header + benchMessage + long + benchRoster() + " " + strings.Repeat(benchMessage, 20) + StreamEnd
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(text),
		"drip":  iotest.OneByteReader(strings.NewReader(text)),
		"half":  iotest.HalfReader(strings.NewReader(text)),
		"eof":   iotest.DataErrReader(strings.NewReader(text)),
	} {
		rd := NewReader(r, DefaultLimits())
		var kinds []Kind
		for {
			ev, err := rd.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(name, err)
			}
			kinds = append(kinds, ev.Kind)
		}
		if len(kinds) != 25 || kinds[24] != Close {
			t.Errorf("%s: %v", name, kinds)
		}
		rd.Close()
	}
}

func TestReaderErrors(t *testing.T) {
	rd := NewReader(strings.NewReader(header+"<a>"), DefaultLimits())
	rd.Next()
	if _, err := rd.Next(); err != io.ErrUnexpectedEOF {
		t.Errorf("cut short: %v", err)
	}
	rd = NewReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(header))), DefaultLimits())
	if _, err := rd.Next(); err != iotest.ErrTimeout {
		t.Errorf("timeout: %v", err)
	}
	rd.Reset(bytes.NewReader([]byte(header + "<a></b>")))
	if ev, err := rd.Next(); ev.Kind != Open {
		t.Error(ev, err)
	}
	var e *Error
	if _, err := rd.Next(); !errors.As(err, &e) {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{"<a/>", true},
		{" <a/>\n", true},
		{"", false},
		{" ", false},
		{"<a/><b/>", false},
		{"<a>", false},
		{"<a", false},
		{"</a>", false},
		{"a", false},
		{"<?xml version='1.0'?><a/>", false},
	} {
		if _, err := Parse([]byte(c.text), Standalone, DefaultLimits()); (err == nil) != c.ok {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	all, err := ParseAll([]byte("<a/> <stream:b/>"), Client, DefaultLimits())
	if err != nil || len(all) != 2 || !all[0].Is(NSClient, "a") || !all[1].Is(NSStreams, "b") {
		t.Error(all, err)
	}
}
