package xmpptest

import (
	"context"
	"strconv"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsSM = "urn:xmpp:sm:3"

// SM is the client's side of stream management (XEP-0198).
type SM struct {
	ID     string // for Resume
	In     uint32 // stanzas received
	Out    uint32 // stanzas sent
	Acked  uint32 // of those, what the server has acknowledged
	Silent bool   // do not answer <r/>
	unsent []string
}

// Enable turns stream management on.
func (c *Client) Enable(ctx context.Context, resume bool) error {
	attr := ""
	if resume {
		attr = " resume='true'"
	}
	if err := c.Send("<enable xmlns='" + nsSM + "'" + attr + "/>"); err != nil {
		return err
	}
	e, err := c.Take(ctx, func(e *xmlstream.Element) bool { return e.Is(nsSM, "enabled") || e.Is(nsSM, "failed") })
	if err == nil && e.Local == "failed" {
		err = &Unexpected{e}
	}
	if err != nil {
		return err
	}
	c.SM = &SM{ID: e.Attr("id")}
	return nil
}

// Resume goes on with the session of an earlier client, after Authenticate and
// in place of Bind, and sends again what the server has not had. A server that
// refuses is an *Unexpected with the <failed/>; Bind may follow.
func (c *Client) Resume(ctx context.Context, old *Client) error {
	sm := old.SM
	if err := c.Send("<resume xmlns='%s' h='%d' previd='%s'/>", nsSM, sm.In, escape(sm.ID)); err != nil {
		return err
	}
	e, err := c.Next(ctx)
	if err != nil {
		return err
	}
	if h, err := strconv.ParseUint(e.Attr("h"), 10, 32); err == nil {
		sm.acked(uint32(h))
	}
	if !e.Is(nsSM, "resumed") {
		return &Unexpected{e}
	}
	again := sm.unsent
	sm.unsent, sm.Out = nil, sm.Acked
	c.SM, c.JID = sm, old.JID
	for _, xml := range again {
		if err := c.Send(xml); err != nil {
			return err
		}
	}
	return nil
}

// Sync asks for an acknowledgement until everything sent has one.
func (c *Client) Sync(ctx context.Context) error {
	want := c.SM.Out
	for asked := false; c.SM.Acked != want; {
		if !asked {
			asked = true
			if err := c.wire.send("<r xmlns='" + nsSM + "'/>"); err != nil {
				return err
			}
		}
		ev, err := c.wire.next(ctx)
		if err != nil {
			return err
		}
		if ev.Kind != xmlstream.Stanza {
			c.closed = ev.Kind == xmlstream.Close
			return &Unexpected{ev.Element}
		}
		mine, err := c.handle(ev.Element)
		if err != nil {
			return err
		}
		if !mine {
			c.heard = append(c.heard, ev.Element)
		}
		asked = !ev.Element.Is(nsSM, "a")
	}
	return nil
}

// sent counts what goes out. What is no XML counts nothing.
func (s *SM) sent(xml string) {
	if s == nil {
		return
	}
	all, _ := xmlstream.ParseAll([]byte(xml), xmlstream.Client, xmlstream.DefaultLimits().WithStanza(1<<20))
	for _, e := range all {
		if stanza.IsStanza(e) {
			s.Out++
			s.unsent = append(s.unsent, string(stanza.Bytes(e)))
		}
	}
}

// received counts what comes in. Requests and acknowledgements are mine.
func (s *SM) received(e *xmlstream.Element) (mine bool, answer string) {
	switch {
	case s == nil:
		return false, ""
	case stanza.IsStanza(e):
		s.In++
		return false, ""
	case e.Is(nsSM, "r") && !s.Silent:
		return true, "<a xmlns='" + nsSM + "' h='" + strconv.FormatUint(uint64(s.In), 10) + "'/>"
	case e.Is(nsSM, "r"):
		return true, ""
	case e.Is(nsSM, "a"):
		if h, err := strconv.ParseUint(e.Attr("h"), 10, 32); err == nil {
			s.acked(uint32(h))
		}
		return true, ""
	}
	return false, ""
}

// acked forgets what the server has, counting modulo 2^32.
func (s *SM) acked(h uint32) {
	n := min(int(h-s.Acked), len(s.unsent))
	s.unsent, s.Acked = s.unsent[n:], h
}

// Unacked returns how many stanzas the server has not acknowledged.
func (s *SM) Unacked() int { return len(s.unsent) }
