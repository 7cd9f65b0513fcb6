package c2s

import (
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/message"
)

// recent remembers the ids of the last messages that the client has sent or
// seen, to know what a read mark means (XEP-0333 names messages by id, the core
// by im.MsgID). What it does not know is looked up in the archive.
type recent struct {
	list []known
	next int
}

const mostRecent = 16

type known struct {
	peer im.UserID
	id   string
	msg  im.MsgID
}

// remember notes the id of a message.
func (s *session) remember(e *im.Entry) {
	if e.Kind != im.KindMessage {
		return
	}
	k := known{e.Peer, message.ID(e), e.MsgID}
	if len(s.known.list) < mostRecent {
		s.known.list = append(s.known.list, k)
		return
	}
	s.known.list[s.known.next] = k
	s.known.next = (s.known.next + 1) % mostRecent
}

// lookBack is how far back in a conversation the archive is searched.
const lookBack = 200

// msgID finds the message of a conversation that a client calls id: by the id of
// the stanza, or by the stanza-id that we gave it. Zero: there is none.
func (s *session) msgID(peer im.UserID, id string) (im.MsgID, error) {
	if id == "" {
		return 0, nil
	}
	for _, k := range s.known.list {
		if k.peer == peer && k.id == id {
			return k.msg, nil
		}
	}
	page, err := s.core.Archive(s.ctx, im.ArchiveQuery{Kinds: []im.Kind{im.KindMessage}, Peer: peer, Newest: true, Limit: lookBack})
	if err != nil {
		return 0, err
	}
	for i := len(page.Entries) - 1; i >= 0; i-- {
		e := &page.Entries[i]
		if message.ID(e) == id || strconv.FormatUint(e.Seq, 10) == id {
			return e.MsgID, nil
		}
	}
	return 0, nil
}

// idOf finds what the client calls a message; empty: it does not know it.
func (s *session) idOf(peer im.UserID, msg im.MsgID) string {
	for _, k := range s.known.list {
		if k.peer == peer && k.msg == msg {
			return k.id
		}
	}
	page, err := s.core.Archive(s.ctx, im.ArchiveQuery{Kinds: []im.Kind{im.KindMessage}, Peer: peer, From: msg, To: msg, Limit: 1})
	if err != nil || len(page.Entries) == 0 {
		return ""
	}
	return message.ID(&page.Entries[0])
}
