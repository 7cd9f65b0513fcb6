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

// byXMPP uses one connection until it ends.
func (m *member) byXMPP(pace time.Duration, quit func()) {
	k, err := m.x.connect(m.crowd.ctx)
	if err != nil {
		return
	}
	defer k.close()
	m.is("there at " + k.acs.String())
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
		return
	}
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	tick := time.NewTicker(pace / 4)
	defer tick.Stop()
	if !m.writes {
		tick.Stop()
	}
	for {
		select {
		case <-m.crowd.ctx.Done():
			return
		case <-k.ended:
			for len(k.events) > 0 {
				o.event(<-k.events)
			}
			return
		case ev := <-k.events:
			o.event(ev)
		case <-tick.C:
			x, done := m.compose(pace)
			if done {
				quit()
				tick.Stop()
			}
			if x == nil || x == o.sent || !o.caught {
				continue
			}
			o.sent = x
			if k.send(x.stanza(m.crowd.addr), nil) != nil || k.request() != nil {
				return
			}
		case <-beat.C:
			if o.inside && !o.caught && time.Since(o.asked) > 3*time.Second {
				o.ask()
			}
			if k.request() != nil || k.quiet() > deafAfter {
				return
			}
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
	_ = o.k.send(strings.Replace(archiveQuery(o.query, o.cursor), "<iq ", "<iq to='"+o.crowd.addr+"' ", 1), nil)
}

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
		if body := st.ChildText(stanza.NSClient, "body"); body != "" {
			o.take(seq, body)
		}
		o.cursor = max(o.cursor, seq)
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
		if o.crowd.ctx.Err() == nil {
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
		o.cursor = max(o.cursor, seq)
	}
}

// answered takes the end of a page of the archive.
func (o *occupant) answered(e *xmlstream.Element) {
	if e.Attr("id") != "m"+strconv.Itoa(o.query) || o.caught {
		return
	}
	fin := e.Child(stanza.NSMAM, "fin")
	switch {
	case e.Attr("type") == "error":
		return // the beat asks again
	case fin.Attr("complete") == "true":
		o.caught = true
		o.cursor = max(o.cursor, o.live)
		return
	}
	o.ask()
}
