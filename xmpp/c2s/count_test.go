package c2s

import "testing"

// XEP-0198 section 4: h counts stanzas that are handled with all before them,
// and for us handled is committed (contract 1.1).
func TestInboundCountsSettledInOrder(t *testing.T) {
	var in inbound
	var told []uint32
	answer := func(h uint32) { told = append(told, h) }
	a, b := in.next(), in.next()
	in.request()
	c := in.next()
	in.request()
	b.settled = true
	in.drain(answer)
	if in.handled != 0 || told != nil {
		t.Fatalf("the second was counted before the first: h=%d, told %v", in.handled, told)
	}
	a.settled = true
	in.drain(answer)
	if in.handled != 2 || len(told) != 1 || told[0] != 2 {
		t.Fatalf("h=%d, told %v", in.handled, told)
	}
	c.settled = true
	in.drain(answer)
	if in.handled != 3 || len(told) != 2 || told[1] != 3 || in.open != nil {
		t.Fatalf("h=%d, told %v", in.handled, told)
	}
	in.handled = 1<<32 - 1 // section 4: h wraps around
	in.next().settled = true
	in.drain(answer)
	if in.handled != 0 {
		t.Errorf("h=%d after 2^32 stanzas", in.handled)
	}
}

func TestInboundRestart(t *testing.T) {
	var in inbound
	early := in.next()
	in.restart() // <enable/> came while it was under way
	early.settled = true
	in.drain(func(uint32) {})
	if in.handled != 0 {
		t.Errorf("a stanza from before <enable/> was counted: h=%d", in.handled)
	}
}

func TestOutboundAck(t *testing.T) {
	o := outbound{on: true, acked: 1<<32 - 2}
	for seq := uint64(5); seq <= 8; seq++ {
		o.add([]byte("x"), seq%2*seq)
	}
	if seq, ok := o.ack(0); !ok || seq != 5 || len(o.unacked) != 2 || o.size != 2 {
		t.Fatalf("seq %d, ok %v, %d left of %d bytes", seq, ok, len(o.unacked), o.size)
	}
	if _, ok := o.ack(3); ok {
		t.Error("h beyond what was sent was taken") // section 4: handled-count-too-high
	}
	if _, ok := o.ack(1<<32 - 1); ok {
		t.Error("h that goes back was taken")
	}
	if seq, ok := o.ack(2); !ok || seq != 7 || o.unacked != nil || o.size != 0 || o.count() != 2 {
		t.Errorf("seq %d, ok %v, %d left of %d bytes, count %d", seq, ok, len(o.unacked), o.size, o.count())
	}
}

// XEP-0198 section 4: when the client is asked is up to the server. It is asked
// about messages at once, again when its answer does not cover all of them, and
// about answers to its requests now and then.
func TestOutboundAsk(t *testing.T) {
	o := outbound{on: true}
	want := func(when string, ask bool) {
		t.Helper()
		if got := o.ask(false); got != ask {
			t.Errorf("%s: asked is %v", when, got)
		}
	}
	want("nothing was sent", false)
	o.add([]byte("<message/>"), 0)
	want("a message", true)
	want("it was asked already", false)
	o.add([]byte("<presence/>"), 0)
	want("no answer yet", false)
	o.ack(1)
	want("one is left", true)
	o.ack(2)
	for range askEvery - 1 {
		o.add([]byte("<iq type='result' id='1'/>"), 0)
		want("an answer to a request", false)
	}
	o.add([]byte("<iq type='result' id='1'/>"), 0)
	want("many answers", true)
	o.ack(3)
	want("a client that counts wrong is not asked again and again", false)
	if !o.ask(true) {
		t.Error("not asked when it is pressing")
	}
	o.again()
	want("resumed", true)
}

// A client that counts less than it gets costs no memory, and may still be right
// later.
func TestOutboundShed(t *testing.T) {
	o := outbound{on: true, acked: 1<<32 - 2}
	for range 4 {
		o.add([]byte("xx"), 0)
	}
	o.add([]byte("xx"), 7)
	o.out()
	o.add([]byte("xx"), 8)
	if _, ok := o.ack(1<<32 - 1); !ok {
		t.Fatal("refused")
	}
	if seq := o.shed(); seq != 7 || o.gone != 4 || o.size != 2 || len(o.unacked) != 1 || o.count() != 4 {
		t.Errorf("seq %d, %d gone, %d left of %d bytes, count %d", seq, o.gone, len(o.unacked), o.size, o.count())
	}
	if o.shed(); o.gone != 4 || len(o.unacked) != 1 {
		t.Error("more was forgotten than was asked about")
	}
	if _, ok := o.ack(5); ok {
		t.Error("h beyond what was sent was taken")
	}
	if seq, ok := o.ack(1); !ok || seq != 0 || o.gone != 2 || o.count() != 4 {
		t.Errorf("seq %d, ok %v, %d gone, count %d", seq, ok, o.gone, o.count())
	}
	if seq, ok := o.ack(4); !ok || seq != 8 || o.gone != 0 || o.size != 0 || o.count() != 4 {
		t.Errorf("seq %d, ok %v, %d gone, count %d", seq, ok, o.gone, o.count())
	}
}
