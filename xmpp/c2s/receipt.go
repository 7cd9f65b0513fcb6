package c2s

// receipt is the place of one stanza of the client's in the order in which they
// came. It is settled when the server has done with the stanza: for a message,
// when it is committed (contract 1.1).
type receipt struct {
	settled bool
	request bool // an <r/>: answer it when all before are settled
}

// inbound counts what the client has sent (XEP-0198 section 4). The runner owns
// it.
type inbound struct {
	handled uint32 // stanzas settled with all before them, since stream management was enabled
	open    []*receipt
}

// restart begins to count: what is under way was sent before stream management
// was enabled.
func (in *inbound) restart() { in.handled, in.open = 0, nil }

// next takes the place of a stanza.
func (in *inbound) next() *receipt {
	r := &receipt{}
	in.open = append(in.open, r)
	return r
}

// request takes the place of an <r/>.
func (in *inbound) request() { in.open = append(in.open, &receipt{settled: true, request: true}) }

// drain moves on over what is settled and answers the requests for an
// acknowledgement that it passes.
func (in *inbound) drain(answer func(h uint32)) {
	n := 0
	for _, r := range in.open {
		if !r.settled {
			break
		}
		n++
		if r.request {
			answer(in.handled)
			continue
		}
		in.handled++
	}
	in.open = append(in.open[:0], in.open[n:]...)
	if len(in.open) == 0 {
		in.open = nil
	}
}
