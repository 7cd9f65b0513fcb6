package c2s

import "bytes"

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
	gone    int    // stanzas behind it that shed has forgotten
	unacked []sent // behind these
	size    int    // of unacked, in bytes
	asked   bool   // an <r/> is out
	mark    uint32 // how many were sent before it
	news    bool   // more than answers was sent since
	since   int    // stanzas sent since
}

// add counts a stanza.
func (o *outbound) add(data []byte, seq uint64) {
	o.unacked = append(o.unacked, sent{data, seq})
	o.size += len(data)
	o.news = o.news || seq > 0 || !bytes.HasPrefix(data, iqStart)
	o.since++
}

var iqStart = []byte("<iq ")

// askEvery is after how many answers an <r/> goes out. Nothing is lost with one
// that the client does not get, as it asks again; and a client that has to say
// <a/> behind each waits for the delayed acknowledgement of TCP before its next
// request gets out.
const askEvery = 16

// ask reports whether it is time for an <r/>, which goes out then; pressing:
// something waits for room.
func (o *outbound) ask(pressing bool) bool {
	if !o.on || o.asked || len(o.unacked) == 0 || !pressing && !o.news && o.since < askEvery {
		return false
	}
	o.out()
	return true
}

// out notes that an <r/> goes out.
func (o *outbound) out() { o.asked, o.mark, o.news, o.since = true, o.count(), false, 0 }

// again has the client asked about all that is sent again.
func (o *outbound) again() { o.asked, o.news = false, true }

// ack takes the client's h. It returns the highest place of the inbox that is
// acknowledged by it, zero for none; false: h counts stanzas that were never
// sent.
func (o *outbound) ack(h uint32) (seq uint64, ok bool) {
	n := int(h - o.acked) // modulo 2^32 (section 4)
	if uint64(h-o.acked) > uint64(o.gone+len(o.unacked)) {
		return 0, false
	}
	known := min(n, o.gone)
	o.gone -= known
	o.acked, o.asked = h, false
	return o.forget(n - known), true
}

// forget drops the oldest n stanzas and returns the highest place of the inbox
// among them.
func (o *outbound) forget(n int) (seq uint64) {
	for _, s := range o.unacked[:n] {
		seq = max(seq, s.seq)
		o.size -= len(s.data)
	}
	rest := o.unacked[n:]
	clear(o.unacked[:n])
	o.unacked = rest
	if len(rest) == 0 {
		o.unacked = nil
	}
	return seq
}

// shed makes room when a client counts less than it gets, as @xmpp/client does,
// which leaves out the answers to its requests. It has had all before the <r/>
// that it has just answered. Until h says so too, the session cannot be resumed.
func (o *outbound) shed() (seq uint64) {
	n := int(int32(o.mark-o.acked)) - o.gone
	if n <= 0 {
		return 0
	}
	o.gone += n
	return o.forget(n)
}

// count is how many stanzas were sent in all, modulo 2^32.
func (o *outbound) count() uint32 { return o.acked + uint32(o.gone+len(o.unacked)) }
