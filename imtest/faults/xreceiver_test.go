package faults

import (
	"strconv"
	"sync"
	"time"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsRSM = "http://jabber.org/protocol/rsm"

// xreceiver reads what comes for a user by XMPP: live and, after it was away,
// out of the archive (XEP-0313) or as offline messages (XEP-0160).
type xreceiver struct {
	load *load
	*person
	d       *xdevice
	offline bool   // never asks the archive
	newest  uint64 // place of the last text that came live in this session
	caught  bool   // everything up to newest is known
	asked   time.Time
	lastID  int
	cursor  uint64 // the archive is known up to here

	mu      sync.Mutex
	inbox   map[uint64]string    // guarded by mu
	arrived map[string]time.Time // guarded by mu: by text
}

func newXReceiver(l *load, p *person) *xreceiver {
	return &xreceiver{
		load: l, person: p, d: p.x, offline: p.kind == onlyXMPP && len(l.xreceivers)%4 < 2,
		inbox: make(map[uint64]string), arrived: make(map[string]time.Time),
	}
}

func (r *xreceiver) has() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.arrived)
}

func (r *xreceiver) run(k *xlink) {
	for r.load.ctx.Err() == nil {
		r.work(k)
		if r.load.ctx.Err() != nil {
			return
		}
		r.load.reconnects.Add(1)
		var err error
		if k, err = r.d.connect(r.load.ctx); err != nil {
			return
		}
	}
}

// work uses one connection until it ends.
func (r *xreceiver) work(k *xlink) {
	l := r.load
	l.on(r.name+"/"+r.d.resource, k.acs.addr)
	if k.fresh {
		r.newest, r.caught = 0, r.offline
		err := k.send("<presence/>", nil)
		if err == nil && !r.offline {
			err = r.ask(k)
		}
		if err != nil {
			l.leave(k, false)
			return
		}
	}
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	roam := l.roaming()
	for {
		select {
		case <-roam:
			l.ended("roamed")
			l.leave(k, false)
			return
		case <-l.ctx.Done():
			l.leave(k, false)
			return
		case <-k.ended:
			l.ended("closed")
			for len(k.events) > 0 {
				r.event(k, <-k.events)
			}
			l.leave(k, false)
			return
		case ev := <-k.events:
			r.event(k, ev)
		case <-beat.C:
			err := k.request()
			if err == nil && !r.caught && time.Since(r.asked) > 3*time.Second {
				err = r.ask(k)
			}
			if err != nil || k.quiet() > l.plan.deaf {
				l.ended("silence")
				l.leave(k, true)
				return
			}
		}
	}
}

// ask asks the archive for what comes after the last known.
func (r *xreceiver) ask(k *xlink) error {
	r.lastID++
	r.asked = time.Now()
	return k.send(archiveQuery(r.lastID, r.cursor), nil)
}

// archiveQuery is a request for the next page.
func archiveQuery(id int, after uint64) string {
	n, place := strconv.Itoa(id), ""
	if after > 0 {
		place = "<after>" + strconv.FormatUint(after, 10) + "</after>"
	}
	return "<iq type='set' id='m" + n + "'><query xmlns='" + stanza.NSMAM + "' queryid='m" + n + "'>" +
		"<set xmlns='" + nsRSM + "'><max>100</max>" + place + "</set></query></iq>"
}

func (r *xreceiver) event(k *xlink, ev xevent) {
	_ = k.manage(ev.e) // an end will be noticed
	e := ev.e
	switch result := e.Child(stanza.NSMAM, "result"); {
	case e.Is(nsSM, "a"):
		if _, err := r.d.sm.ack(e); err != nil {
			r.load.violate("%s: %v", r.name, err)
		}
	case e.Is(stanza.NSClient, "iq"):
		r.answered(k, e)
	case result != nil:
		seq, err := strconv.ParseUint(result.Attr("id"), 10, 64)
		st := result.Child(stanza.NSForward, "forwarded").Child(stanza.NSClient, "message")
		if err != nil || st == nil {
			r.load.violate("%s: the archive gave %v", r.name, e)
			return
		}
		r.take(seq, st, ev.at, "archive")
	case e.Is(stanza.NSClient, "message"):
		r.live(e, ev.at)
	default:
		if why := goodbye(e); why != "" {
			r.load.farewell(why)
		}
	}
}

// answered takes the end of a page of the archive.
func (r *xreceiver) answered(k *xlink, e *xmlstream.Element) {
	fin := e.Child(stanza.NSMAM, "fin")
	switch {
	case e.Attr("id") != "m"+strconv.Itoa(r.lastID) || r.caught:
		return
	case e.Attr("type") == "error": // a zone is down; the beat asks again
		r.load.ended("archive " + conditionOf(e))
		return
	}
	if last, err := strconv.ParseUint(fin.Child(nsRSM, "set").ChildText(nsRSM, "last"), 10, 64); err == nil {
		r.cursor = max(r.cursor, last)
	}
	if fin.Attr("complete") != "true" {
		_ = r.ask(k)
		return
	}
	r.caught = true
	r.cursor = max(r.cursor, r.newest)
}

// placeOf is a message's place in the log of an account, zero when it does not
// say (XEP-0359).
func placeOf(e *xmlstream.Element, account string) (seq uint64) {
	for c := range e.Children() {
		if c.Is(stanza.NSSID, "stanza-id") && c.Attr("by") == account {
			seq, _ = strconv.ParseUint(c.Attr("id"), 10, 64)
		}
	}
	return seq
}

// live takes a message as it is delivered: in one session places only rise.
func (r *xreceiver) live(e *xmlstream.Element, at time.Time) {
	seq := placeOf(e, r.d.bare())
	switch {
	case seq == 0:
		r.load.violate("%s: a message without a place: %v", r.name, e)
		return
	case seq <= r.newest:
		r.load.violate("%s: seq %d came live by XMPP after %d in one session", r.name, seq, r.newest)
	}
	r.newest = max(r.newest, seq)
	if r.caught && !r.offline {
		r.cursor = r.newest
	}
	r.take(seq, e, at, "delivery")
}

// take notes a text at its place.
func (r *xreceiver) take(seq uint64, st *xmlstream.Element, at time.Time, way string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body := st.ChildText(stanza.NSClient, "body")
	known, there := r.inbox[seq]
	if there && known != body {
		r.load.violate("%s: seq %d was %q, and now %q by %s", r.name, seq, known, body, way)
	}
	if there && way != "archive" {
		r.load.again.Add(1)
	}
	r.inbox[seq] = body
	if _, old := r.arrived[body]; !old {
		r.arrived[body] = at
	}
}
