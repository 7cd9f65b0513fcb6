package c2s

import (
	"bytes"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const nsCSI = "urn:xmpp:csi:0"

// csi holds back what an inactive client need not be woken for (XEP-0352). Of
// one sender's presences or chat states only the newest is kept.
type csi struct {
	inactive bool
	held     [][]byte
	from     []string // sender and kind of each
}

// clientState is <active/> or <inactive/>.
func (s *session) clientState(e *xmlstream.Element) {
	switch e.Local {
	case "inactive":
		s.csi.inactive = true
	case "active":
		s.csi.inactive = false
		s.release()
	}
}

// deliver writes presence or a chat state, now or when the client is active.
func (s *session) deliver(data []byte) {
	if !s.csi.inactive {
		s.write(data, 0)
		return
	}
	key := holdKey(data)
	for i, k := range s.csi.from {
		if k == key {
			s.csi.held = append(append(s.csi.held[:i:i], s.csi.held[i+1:]...), data)
			s.csi.from = append(append(s.csi.from[:i:i], s.csi.from[i+1:]...), key)
			return
		}
	}
	s.csi.held, s.csi.from = append(s.csi.held, data), append(s.csi.from, key)
	if len(s.csi.held) > s.srv.cfg.HoldInactive {
		s.release()
	}
}

// holdKey names whose state data is: the kind of the stanza and its sender.
func holdKey(data []byte) string {
	kind, rest, _ := bytes.Cut(data, []byte(" "))
	if i := bytes.Index(rest, []byte("from='")); i >= 0 {
		rest = rest[i+6:]
		if j := bytes.IndexByte(rest, '\''); j >= 0 {
			return string(kind[1:]) + " " + string(rest[:j])
		}
	}
	return string(data)
}

// release writes what was held back, in its order.
func (s *session) release() {
	for _, data := range s.csi.held {
		s.write(data, 0)
	}
	s.csi.held, s.csi.from = nil, nil
}
