package c2s

// sent is one stanza that the client has not acknowledged yet.
type sent struct {
	data []byte
	seq  uint64 // of the inbox, when it is an entry of it
}

// outbound is what was sent since stream management was enabled (XEP-0198
// section 4). The runner owns it.
type outbound struct {
	on      bool
	acked   uint32 // the client's h
	unacked []sent
	size    int  // of unacked, in bytes
	asked   bool // an <r/> is out
}

// add counts a stanza.
func (o *outbound) add(data []byte, seq uint64) {
	o.unacked = append(o.unacked, sent{data, seq})
	o.size += len(data)
}

// ack takes the client's h. It returns the highest place of the inbox that is
// acknowledged by it, zero for none; false: h counts stanzas that were never
// sent.
func (o *outbound) ack(h uint32) (seq uint64, ok bool) {
	n := int(h - o.acked) // modulo 2^32 (section 4)
	if uint64(h-o.acked) > uint64(len(o.unacked)) {
		return 0, false
	}
	for _, s := range o.unacked[:n] {
		seq = max(seq, s.seq)
		o.size -= len(s.data)
	}
	rest := o.unacked[n:]
	clear(o.unacked[:n])
	o.unacked, o.acked, o.asked = rest, h, false
	if len(rest) == 0 {
		o.unacked = nil
	}
	return seq, true
}

// count is how many stanzas were sent in all, modulo 2^32.
func (o *outbound) count() uint32 { return o.acked + uint32(len(o.unacked)) }
