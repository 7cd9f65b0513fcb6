package xmlstream

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

const header = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>`

type row struct{ want, text, why string }

// rows reads a table of testdata.
func rows(t testing.TB, name string) (all []row) {
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		want, rest, _ := strings.Cut(line, " ")
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			t.Fatalf("%s: %q: %v", name, line, err)
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %q: %v", name, line, err)
		}
		all = append(all, row{want, text, strings.TrimSpace(rest[len(quoted):])})
	}
	return all
}

// said is all that a decoder made of some bytes.
type said struct {
	events []Event
	spaces int64
	err    *Error
}

// listen feeds data in chunks of the sizes that next returns.
func listen(d *Decoder, data []byte, next func() int) (s said) {
	for len(data) > 0 && s.err == nil {
		n := min(max(next(), 1), len(data))
		// A buffer that changes afterwards shows what was kept of it.
		chunk := append([]byte(nil), data[:n]...)
		d.Feed(chunk)
		data = data[n:]
		for {
			ev, err := d.Next()
			if err != nil {
				s.err = err.(*Error)
				break
			}
			if ev.Kind == None {
				break
			}
			s.events = append(s.events, ev)
		}
		for i := range chunk {
			chunk[i] = '?'
		}
	}
	s.spaces = d.Keepalives()
	return s
}

func whole(text string) said {
	d := NewDecoder(DefaultLimits())
	return listen(d, []byte(text), func() int { return len(text) })
}

func (s said) condition() string {
	if s.err == nil {
		return "ok"
	}
	return string(s.err.Condition)
}

func TestNasty(t *testing.T) {
	for _, r := range rows(t, "nasty.txt") {
		got := whole(header + r.text)
		if got.condition() != r.want {
			t.Errorf("%q (%s): %v, want %s", r.text, r.why, got.err, r.want)
		}
	}
}

func TestProlog(t *testing.T) {
	for _, r := range rows(t, "prolog.txt") {
		got := whole(strings.ReplaceAll(r.text, "H", header))
		if got.condition() != r.want {
			t.Errorf("%q: %v, want %s", r.text, got.err, r.want)
		}
		if r.want == "ok" && (len(got.events) != 1 || got.events[0].Kind != Open) {
			t.Errorf("%q: events %v", r.text, got.events)
		}
	}
}

// Parse refuses what a stream refuses within a stanza.
func TestNastyAlone(t *testing.T) {
	for _, r := range rows(t, "nasty.txt") {
		if !strings.HasPrefix(r.text, "<message") || strings.Contains(r.text, "stream:") {
			continue
		}
		_, err := Parse([]byte(r.text), Client, DefaultLimits())
		var e *Error
		if errors.As(err, &e) && r.want == string(e.Condition) || err == nil && r.want == "ok" || r.want == "bad-format" && err != nil {
			continue
		}
		t.Errorf("%q (%s): %v, want %s", r.text, r.why, err, r.want)
	}
}

// Errors are final, and what they say is ours.
func TestErrorIsFinal(t *testing.T) {
	d := NewDecoder(DefaultLimits())
	d.Feed([]byte(header + "<a></b>"))
	d.Next()
	_, first := d.Next()
	d.Feed([]byte("<message/>"))
	ev, second := d.Next()
	if first == nil || first != second || ev.Kind != None {
		t.Errorf("%v, then %v %v", first, ev, second)
	}
	want := "xmlstream: not-well-formed at byte " + strconv.Itoa(len(header)+6) + ": an end tag that does not match its start tag"
	if first.Error() != want {
		t.Errorf("%v, want %s", first, want)
	}
}
