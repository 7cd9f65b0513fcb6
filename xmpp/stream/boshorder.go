package stream

import (
	"crypto/sha1" // the algorithm of XEP-0124 section 15; nothing secret hangs on it alone
	"encoding/hex"
	"strings"
	"time"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// boshOrder is the requests of a session by their ids (XEP-0124 section 14).
type boshOrder struct {
	last    uint64         // all up to here were taken
	ahead   []*boshRequest // came before their turn
	held    []*boshRequest // taken and not responded to, in order
	sent    []boshSent     // the last responses
	repeats int            // requests sent again since the last new one
	key     string         // what the next key must hash to; "": keys are not used
	polled  time.Time      // when the last new request came
	barren  bool           // it was empty, and so was its response
}

// boshSent is a response that may have to be sent again.
type boshSent struct {
	rid   uint64
	key   string
	reply boshReply
}

// maxRepeats bounds how often a client may send what it has sent.
const maxRepeats = 20

// accept takes a request, in order.
func (c *boshConn) accept(req *boshRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	window := uint64(c.requests)
	if req.leaves || req.pause > 0 {
		window++ // section 11: one more to pause or to leave
	}
	switch r := &c.rids; {
	case c.lost:
		req.reply <- terminal(boshItemNotFound)
	case req.rid <= r.last:
		c.again(req)
	case c.ended:
		req.reply <- c.lastWords(req)
	case req.rid > r.last+window:
		c.refuse(req, boshItemNotFound)
	default:
		c.heard = time.Now()
		r.repeats = 0
		r.ahead = putAhead(r.ahead, req)
		c.advance()
	}
}

// putAhead adds a request to those that wait for their turn; one with the same
// id gives way to it.
func putAhead(all []*boshRequest, req *boshRequest) []*boshRequest {
	for i, old := range all {
		if old.rid == req.rid {
			old.reply <- recoverable
			all[i] = req
			return all
		}
	}
	return append(all, req)
}

var emptyBody = []byte("<body xmlns='" + nsBind + "'/>")

// recoverable tells that another request with the same id has come (section 14.3).
var recoverable = boshReply{body: []byte("<body type='error' xmlns='" + nsBind + "'/>")}

// advance takes the requests whose turn it is. It runs with mu held.
func (c *boshConn) advance() {
	r := &c.rids
	for !c.ended {
		req := takeAhead(&r.ahead, r.last+1)
		if req == nil {
			return
		}
		r.last++
		if condition := c.judge(req); condition != "" {
			c.refuse(req, condition)
			return
		}
		r.held = append(r.held, req)
		c.hear(req)
	}
}

func takeAhead(all *[]*boshRequest, rid uint64) *boshRequest {
	for i, req := range *all {
		if req.rid == rid {
			*all = append((*all)[:i], (*all)[i+1:]...)
			return req
		}
	}
	return nil
}

// judge says which rule of the session a request breaks.
func (c *boshConn) judge(req *boshRequest) string {
	r := &c.rids
	if !r.unlock(req) {
		return boshItemNotFound
	}
	now := time.Now()
	hasty := req.empty && c.polling > 0 && now.Sub(r.polled) < c.polling
	r.polled = now
	switch {
	case !hasty:
	case c.polls() && r.barren: // section 12
		return boshPolicyViolation
	case !c.polls() && len(r.held)+1 >= c.requests: // section 11
		return boshPolicyViolation
	}
	r.barren = false
	return ""
}

func (c *boshConn) polls() bool { return c.hold == 0 || c.wait == 0 }

// unlock checks the key of a request (section 15).
func (r *boshOrder) unlock(req *boshRequest) bool {
	if r.key != "" {
		sum := sha1.Sum([]byte(req.key))
		if !strings.EqualFold(hex.EncodeToString(sum[:]), r.key) {
			return false
		}
		r.key = req.key
	}
	if k := req.body.Attr("newkey"); k != "" {
		r.key = k
	}
	return true
}

// hear passes on what a request says and decides about its response.
func (c *boshConn) hear(req *boshRequest) {
	events := req.events(c.to)
	for i, ev := range events {
		size := 0
		if i == 0 {
			size = req.size
		}
		c.inbox = append(c.inbox, boshEvent{ev, size})
		c.unread += size
	}
	if len(events) > 0 {
		signal(c.news)
	}
	if c.wait > 0 {
		req.stop = time.AfterFunc(c.wait, func() { c.expire(req) }).Stop
	}
	c.pause = 0
	c.leaves = c.leaves || req.leaves
	if req.pause > 0 {
		c.paused(req)
	}
	c.pump()
	c.rest()
}

// paused answers all requests, without payloads (section 10).
func (c *boshConn) paused(req *boshRequest) {
	c.pause = min(time.Duration(req.pause)*time.Second, c.srv.cfg.BOSH.MaxPause.D())
	for len(c.rids.held) > 0 {
		c.respond(nil)
	}
}

// again deals with a request whose id was there before (section 14.3).
func (c *boshConn) again(req *boshRequest) {
	r := &c.rids
	if r.repeats++; r.repeats > maxRepeats {
		c.refuse(req, boshPolicyViolation)
		return
	}
	for i, old := range r.held {
		if old.rid == req.rid && strings.EqualFold(old.key, req.key) {
			c.heard = time.Now()
			if !old.gone {
				old.reply <- recoverable
			}
			req.stop = old.stop
			if c.wait > 0 {
				old.stop()
				req.stop = time.AfterFunc(c.wait, func() { c.expire(req) }).Stop
			}
			r.held[i] = req
			c.rest()
			return
		}
	}
	for _, s := range r.sent {
		if s.rid == req.rid && strings.EqualFold(s.key, req.key) {
			c.heard = time.Now()
			req.reply <- s.reply
			c.rest()
			return
		}
	}
	c.refuse(req, boshItemNotFound)
}

// refuse ends the session because of a request.
func (c *boshConn) refuse(req *boshRequest, condition string) {
	req.reply <- terminal(condition)
	if c.ended {
		return
	}
	c.lost = true
	c.inbox = nil
	c.dismiss(terminal("other-request"))
	c.srv.sessions.forget(c)
}

// terminal is a response that ends a session (section 17.2).
func terminal(condition string) boshReply {
	e := xmlstream.New(nsBind, "body").SetAttr("type", "terminate").OptAttr("condition", condition)
	return boshReply{condition: condition, body: xmlstream.Append(nil, e, xmlstream.Standalone)}
}
