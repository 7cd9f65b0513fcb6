package faults

import (
	"strconv"
	"strings"
	"time"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// occupant is what a member's XMPP connection is about.
type occupant struct {
	*member
	k      *xlink
	inside bool // the room has let him in
	caught bool // the archive has been read to its end
	asked  time.Time
	query  int
}

// knock connects, and enters the room.
func (m *member) knock() *occupant {
	leave, err := m.door()
	if err != nil {
		return nil
	}
	defer leave()
	k, err := m.x.connect(m.ctx)
	if err != nil {
		return nil
	}
	o := &occupant{member: m, k: k}
	m.sent = nil
	if k.fresh {
		m.live = 0
		err = k.send("<presence to='"+m.crowd.addr+"/"+m.name+"'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>", nil)
	} else {
		o.inside, o.caught = true, true
		if n := len(m.said); n > 0 && !m.said[n-1].acked {
			o.sent = m.said[n-1] // the session sends it again by itself
		}
		err = k.request()
	}
	if err != nil {
		k.close()
		return nil
	}
	m.is(k.acs.String())
	return o
}

// byXMPP uses one connection until it ends.
func (m *member) byXMPP() {
	o := m.knock()
	if o == nil {
		return
	}
	defer o.k.close()
	attend(m, lane[xevent]{
		events: o.k.events, ended: o.k.ended,
		take:  func(e xevent) bool { o.event(e); return true },
		ready: func() bool { return o.caught },
		say: func(x *said) error {
			if err := o.k.send(x.stanza(m.crowd.addr), nil); err != nil {
				return err
			}
			return o.k.request()
		},
		beat: o.beat,
	})
	if m.late && m.ctx.Err() != nil {
		o.bye()
	}
}

// beat asks for a sign of life, and again for what was not answered.
func (o *occupant) beat() bool {
	if o.inside && !o.caught && time.Since(o.asked) > 3*time.Second {
		o.ask()
	}
	quiet := o.k.quiet()
	return quiet < time.Second || quiet < deafAfter && o.k.request() == nil
}

// bye ends the session, so that nothing is kept for it.
func (o *occupant) bye() {
	_ = o.k.c.Send("</stream:stream>")
	o.x.sm = sm{}
	end := time.After(dialTimeout)
	for {
		select {
		case <-o.k.events: // he does not see them any more
		case <-o.k.ended:
			return
		case <-end:
			return
		}
	}
}

func (x *said) stanza(room string) string {
	return "<message type='groupchat' to='" + room + "' id='" + x.origin + "'><body>" + x.body + "</body>" +
		"<origin-id xmlns='" + stanza.NSSID + "' id='" + x.origin + "'/></message>"
}

// ask asks the archive of the room for what the member does not know.
func (o *occupant) ask() {
	o.query++
	o.asked = time.Now()
	_ = o.k.send(strings.Replace(archiveQuery(o.query, o.cursor.Load()), "<iq ", "<iq to='"+o.crowd.addr+"' ", 1), nil)
}

// queryID is the id of the newest request, as archiveQuery makes it.
func (o *occupant) queryID() string { return "m" + strconv.Itoa(o.query) }

func (o *occupant) event(ev xevent) {
	e := ev.e
	_ = o.k.manage(e) // an end will be noticed
	from := e.Attr("from")
	room, nick, _ := strings.Cut(from, "/")
	switch result := e.Child(stanza.NSMAM, "result"); {
	case e.Is(nsSM, "a"):
		if _, err := o.x.sm.ack(e); err != nil {
			o.crowd.violate("%s: %v", o.name, err)
		}
		if o.sent != nil && len(o.x.sm.out) == 0 {
			o.acknowledged(o.sent)
		}
	case e.Is(stanza.NSClient, "iq"):
		o.answered(e)
	case room != o.crowd.addr:
	case e.Is(stanza.NSClient, "presence") && nick == o.name:
		o.self(e)
	case e.Attr("type") == "error":
		o.refused(e)
	case result != nil:
		seq, err := strconv.ParseUint(result.Attr("id"), 10, 64)
		st := result.Child(stanza.NSForward, "forwarded").Child(stanza.NSClient, "message")
		if err != nil || st == nil {
			o.crowd.violate("%s: the archive gave %v", o.name, e)
			return
		}
		if result.Attr("queryid") == o.queryID() { // else he has asked again since
			o.given(seq, st.ChildText(stanza.NSClient, "body"))
		}
	case e.Is(stanza.NSClient, "message"):
		o.said(e)
	}
}

// self is the member's own presence in the room.
func (o *occupant) self(e *xmlstream.Element) {
	switch e.Attr("type") {
	case "":
		if !o.inside {
			o.inside = true
			o.ask()
		}
	case "unavailable", "error":
		if o.crowd.ctx.Err() == nil && !o.churns {
			o.x.sm.id = "" // he comes back as somebody new
			o.k.cancel()
		}
	}
}

// refused takes an error for what was sent. It goes out again.
func (o *occupant) refused(e *xmlstream.Element) {
	switch c := conditionOf(e); {
	case c != "resource-constraint" && c != "internal-server-error":
		o.crowd.violate("%s: a text was refused: %v", o.name, e)
	case o.sent != nil && o.sent.origin == e.Attr("id"):
		o.sent, o.next = nil, time.Now().Add(200*time.Millisecond)
	}
}

// said takes a message that came live.
func (o *occupant) said(e *xmlstream.Element) {
	body := e.ChildText(stanza.NSClient, "body")
	if body == "" {
		return
	}
	seq := placeOf(e, o.crowd.addr)
	if seq == 0 {
		o.crowd.violate("%s: a message without a place: %v", o.name, e)
		return
	}
	o.pushed(seq, body)
	if o.caught {
		o.knows(seq)
	}
}

// answered takes the end of a page of the archive.
func (o *occupant) answered(e *xmlstream.Element) {
	if e.Attr("id") != o.queryID() || o.caught {
		return
	}
	fin := e.Child(stanza.NSMAM, "fin")
	switch {
	case e.Attr("type") == "error":
		return // the beat asks again
	case fin.Attr("complete") == "true":
		o.caught = true
		o.knows(o.live)
		return
	}
	o.ask()
}
