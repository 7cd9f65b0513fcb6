package stream

import (
	"strconv"
	"time"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// pump responds to the requests that need not wait any longer, in order. It
// runs with mu held, whenever something has changed.
func (c *boshConn) pump() {
	for r := &c.rids; len(r.held) > 0; {
		switch {
		case c.ended:
		case c.unread > 2*int(c.srv.cfg.MaxStanza):
			return // the client sends faster than it is served
		case len(c.out) > 0 && (c.head != nil || c.created):
		case !c.created, c.leaves: // wait for the stream to be opened, or closed
			return
		case len(r.held) > c.hold, c.polls():
		default:
			return
		}
		c.respond(c.takeOut())
	}
}

// takeOut takes what waits for the client.
func (c *boshConn) takeOut() []byte {
	out := c.out
	c.out = nil
	signal(c.room)
	return out
}

// expire responds when a request has waited for as long as it may.
func (c *boshConn) expire(req *boshRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.rids.holds(req) {
		c.respond(c.takeOut())
	}
}

func (r *boshOrder) holds(req *boshRequest) bool {
	for _, h := range r.held {
		if h == req {
			return true
		}
	}
	return false
}

// left notes that nobody waits for the response to req any more. The client may
// ask again.
func (c *boshConn) left(req *boshRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	req.gone = true
	c.rest()
}

// rest measures how long the session has been without a request (section 10).
// It runs with mu held, whenever that may have changed.
func (c *boshConn) rest() {
	for _, req := range c.rids.held {
		if !req.gone {
			c.idle.Stop()
			return
		}
	}
	if c.pause > 0 {
		c.idle.Reset(c.pause)
		return
	}
	c.idle.Reset(c.inactivity)
}

// rested is called after a time without requests.
func (c *boshConn) rested() {
	c.mu.Lock()
	over := c.ended
	for _, req := range c.rids.held {
		if !req.gone && !over {
			c.mu.Unlock()
			return
		}
	}
	c.mu.Unlock()
	if over {
		c.srv.sessions.forget(c)
		return
	}
	c.vanish()
}

// respond responds to the oldest request that is held. It runs with mu held.
func (c *boshConn) respond(payload []byte) {
	r := &c.rids
	req := r.held[0]
	r.held[0] = nil
	r.held = r.held[1:]
	if req.stop != nil {
		req.stop()
	}
	reply := c.render(req, payload)
	if req.pause == 0 {
		c.remember(req, reply)
	}
	r.barren = req.empty && len(payload) == 0
	if !req.gone {
		req.reply <- reply
	}
	c.rest()
}

// remember keeps a response for a client that did not get it (section 14.3).
func (c *boshConn) remember(req *boshRequest, reply boshReply) {
	r := &c.rids
	r.sent = append(r.sent, boshSent{req.rid, req.key, reply})
	if extra := len(r.sent) - c.requests; extra > 0 {
		r.sent = append([]boshSent(nil), r.sent[extra:]...)
	}
}

// lastWords is for requests that come after the end.
func (c *boshConn) lastWords(req *boshRequest) boshReply {
	if c.told {
		return terminal(boshItemNotFound)
	}
	c.rids.last = max(c.rids.last, req.rid)
	reply := c.render(req, c.takeOut())
	c.remember(req, reply)
	return reply
}

// render makes a <body/> of a payload.
func (c *boshConn) render(req *boshRequest, payload []byte) boshReply {
	e := xmlstream.New(nsBind, "body")
	reply := boshReply{}
	switch {
	case c.ended && !c.told: // section 13: the oldest is told, the others are empty
		c.told = true
		e.SetAttr("type", "terminate").OptAttr("condition", c.final)
		reply.condition = c.final
	case !c.ended && !c.created && c.head == nil:
		h := c.srv.header() // nobody has opened the stream within the wait
		c.head = &h
	}
	if c.acks && c.rids.last != req.rid {
		e.SetAttr("ack", strconv.FormatUint(c.rids.last, 10)) // section 9
	}
	if c.head != nil && !c.ended {
		c.tell(e)
	}
	b := xmlstream.Append(nil, e, xmlstream.Standalone)
	b = b[:len(b)-len("/>")]
	if c.streams {
		b = append(b, " xmlns:stream='"+xmlstream.NSStreams+"'"...) // XEP-0206 section 2
		c.streams = false
	}
	if len(payload) == 0 {
		reply.body = append(b, "/>"...)
		return reply
	}
	b = append(b, '>')
	b = append(b, payload...)
	reply.body = append(b, "</body>"...)
	return reply
}

// tell adds what a response tells of a new session (section 7.2), or of a new
// stream in it.
func (c *boshConn) tell(e *xmlstream.Element) {
	e.OptAttr("from", c.head.From)
	if !c.created {
		c.created = true
		e.SetAttr("sid", c.sid).SetAttr("wait", inSeconds(c.wait)).SetAttr("hold", strconv.Itoa(c.hold)).
			SetAttr("requests", strconv.Itoa(c.requests)).SetAttr("inactivity", inSeconds(c.inactivity)).
			SetAttr("maxpause", inSeconds(c.srv.cfg.BOSH.MaxPause.D())).OptAttr("ver", c.ver)
		if c.polling > 0 {
			e.SetAttr("polling", inSeconds(c.polling))
		}
		if c.acks {
			e.SetAttr("ack", strconv.FormatUint(c.rids.last, 10))
		}
		e.OptAttr("authid", c.head.ID)
		e.SetAttrNS(nsXBOSH, "version", "1.0").SetAttrNS(nsXBOSH, "restartlogic", "true")
	}
	c.head = nil
}

func inSeconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
