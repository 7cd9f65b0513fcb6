package muc

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Entry is what a client says that wants to come in (section 7.2).
type Entry struct {
	MUC      bool // it says so; else it takes itself for being there
	Password string
	History  History
}

// ReadEntry reads the presence by which a client comes in.
func ReadEntry(st *xmlstream.Element) Entry {
	x := st.Child(stanza.NSMUC, "x")
	return Entry{
		MUC: x != nil, Password: x.ChildText(stanza.NSMUC, "password"), History: readHistory(x.Child(stanza.NSMUC, "history")),
	}
}

// History is how much of what was said before a client wants to see (section
// 7.2.14).
type History struct {
	Stanzas int       // most messages
	Chars   int       // most characters of all stanzas; negative: any number
	Since   time.Time // not what is older
	Seconds int       // not what is older than so many seconds; negative: any age
}

const (
	usualHistory     = 20
	mostHistory      = 200
	mostHistoryBytes = 512 << 10
)

func readHistory(e *xmlstream.Element) History {
	h := History{Stanzas: usualHistory, Chars: -1, Seconds: -1}
	if e == nil {
		return h
	}
	if n, ok := count(e.Attr("maxstanzas")); ok {
		h.Stanzas = min(n, mostHistory)
	} else if e.Attr("since") != "" || e.Attr("seconds") != "" || e.Attr("maxchars") != "" {
		h.Stanzas = mostHistory
	}
	if n, ok := count(e.Attr("maxchars")); ok {
		h.Chars = n
	}
	if n, ok := count(e.Attr("seconds")); ok {
		h.Seconds = n
	}
	if at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(e.Attr("since"))); err == nil {
		h.Since = at
	}
	return h
}

func count(s string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 31)
	return int(n), err == nil
}

// Query is the query for what h wants of the entries up to head; false: nothing.
func (h History) Query(head uint64, now time.Time) (q im.ArchiveQuery, ok bool) {
	q = im.ArchiveQuery{Kinds: []im.Kind{im.KindMessage}, Before: head + 1, Newest: true, Limit: h.Stanzas}
	since := h.Since
	if h.Seconds >= 0 {
		if at := now.Add(-time.Duration(h.Seconds) * time.Second); at.After(since) {
			since = at
		}
	}
	if since.After(time.Unix(0, 0)) {
		q.From = im.MakeMsgID(since, 0, 0)
	}
	return q, h.Stanzas > 0 && h.Chars != 0 && h.Seconds != 0 && head > 0
}

// Render renders the messages of a page, the oldest first, without 'to'. What there is
// no room for is in the archive.
func (h History) Render(g *im.Group, entries []im.Entry) [][]byte {
	out := make([][]byte, 0, len(entries))
	left, room := h.Chars, mostHistoryBytes
	for i := len(entries) - 1; i >= 0; i-- {
		e := &entries[i]
		if e.Post == nil || e.Post.Retracted {
			continue
		}
		st := Message(g, e, nil)
		if st == nil {
			continue
		}
		message.AddDelay(st, g.Addr.Bare().String(), e.MsgID.Time())
		data := stanza.Bytes(st)
		if h.Chars >= 0 {
			if left -= utf8.RuneCount(data); left < 0 {
				break
			}
		}
		if room -= len(data); room < 0 {
			break
		}
		out = append(out, data)
	}
	slices.Reverse(out)
	return out
}
