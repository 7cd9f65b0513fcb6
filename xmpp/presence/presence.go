// Package presence translates between presence stanzas and the core's presence:
// availability and its children (RFC 6121 section 4.7), and which stanzas bring a
// client from what it was told of a contact to how the contact is now.
//
// It leaves to c2s when presence is sent and to whom, to roster what is said about
// subscriptions, and to the core who may see whom. Functions are pure; a Seen
// belongs to the runner of its session.
package presence

import (
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// shows is the table of RFC 6121 section 4.7.2.1. No <show/> is online.
var shows = map[string]im.Show{
	"":     im.ShowOnline,
	"away": im.ShowAway,
	"chat": im.ShowChat,
	"dnd":  im.ShowDND,
	"xa":   im.ShowXA,
}

var words = func() map[im.Show]string {
	m := make(map[im.Show]string, len(shows))
	for w, s := range shows {
		m[s] = w
	}
	return m
}()

// Read turns the presence of a client, available or unavailable, into the core's.
// It answers a stanza error for what section 4.7.2 does not allow.
func Read(st *xmlstream.Element) (im.Presence, error) {
	var p im.Presence
	show, err := single(st, "show")
	if err != nil {
		return p, err
	}
	priority, err := single(st, "priority")
	if err != nil {
		return p, err
	}
	var ok bool
	if p.Show, ok = shows[show]; !ok {
		return p, stanza.Errorf(stanza.BadRequest, "the show of a presence is away, chat, dnd or xa")
	}
	if p.Priority, ok = parsePriority(priority); !ok {
		return p, stanza.Errorf(stanza.BadRequest, "the priority of a presence is a number from -128 to 127")
	}
	if st.Attr("type") == "unavailable" {
		p.Show, p.Priority = im.ShowOffline, 0
	}
	if p.Status, p.Ext, err = Pack(st); err != nil {
		return im.Presence{}, err
	}
	return p, nil
}

// single returns the text of a child that may be there once, without the white
// space around it; clients send empty ones.
func single(st *xmlstream.Element, name string) (text string, err error) {
	n := 0
	for c := range st.Children() {
		if c.Is(stanza.NSClient, name) {
			n++
			text = strings.TrimSpace(c.Text())
		}
	}
	if n > 1 {
		return "", stanza.Errorf(stanza.BadRequest, "a presence has at most one "+name)
	}
	return text, nil
}

func parsePriority(s string) (int8, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(s, 10, 8)
	return int8(n), err == nil
}

// Write turns p into the stanza that others see. Who is offline or invisible is
// unavailable; the invisible say nothing besides.
func Write(p im.Presence, from, to im.Addr) *xmlstream.Element {
	if p.Show == im.ShowInvisible {
		return Unpack("", "", "unavailable", from, to)
	}
	typ := ""
	if p.Show == im.ShowOffline {
		typ = "unavailable"
	}
	st := Unpack(p.Status, p.Ext, typ, from, to)
	if typ == "unavailable" {
		return st
	}
	var own []*xmlstream.Element
	if w := words[p.Show]; w != "" {
		own = append(own, xmlstream.NewText(stanza.NSClient, "show", w))
	}
	if p.Priority != 0 {
		own = append(own, xmlstream.NewText(stanza.NSClient, "priority", strconv.Itoa(int(p.Priority))))
	}
	return prepend(st, own...)
}
