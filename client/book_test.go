package client_test

import (
	"testing"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

const me, peer = im.UserID(1), im.UserID(2)

func msg(seq uint64, from im.UserID) client.Message {
	return client.Message{Entry: im.Entry{Seq: seq, MsgID: im.MsgID(seq * 10), Kind: im.KindMessage, From: from, Peer: peer}, Mine: from == me}
}

func summary(last uint64, unread int, readTo im.MsgID) []im.Conversation {
	return []im.Conversation{{Peer: peer, Last: msg(last, peer).Entry, Unread: unread, ReadTo: readTo}}
}

func TestBookUnread(t *testing.T) {
	read := func(upTo im.MsgID) client.Read { return client.Read{Peer: peer, Mine: true, UpTo: upTo} }
	for _, c := range []struct {
		name  string
		base  []im.Conversation
		evs   []client.Event
		want  int
		stale bool
	}{
		{"nothing", nil, nil, 0, false},
		{"two came", nil, []client.Event{msg(1, peer), msg(2, peer)}, 2, false},
		{"own messages do not count", nil, []client.Event{msg(1, me)}, 0, false},
		{"read up to the first", nil, []client.Event{msg(1, peer), msg(2, peer), read(10)}, 1, false},
		{"the mark does not go back", nil, []client.Event{msg(1, peer), read(10), read(5)}, 0, false},
		{"the summary knows three", summary(7, 3, 40), nil, 3, false},
		{"the summary had the message", summary(7, 3, 40), []client.Event{msg(7, peer)}, 3, false},
		{"and one more came", summary(7, 3, 40), []client.Event{msg(8, peer)}, 4, false},
		{"all read", summary(7, 3, 40), []client.Event{msg(8, peer), read(80)}, 0, false},
		{"the summary's read, not the new one", summary(7, 3, 40), []client.Event{msg(8, peer), read(70)}, 1, false},
		{"a mark inside the summary", summary(7, 3, 40), []client.Event{read(50)}, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := client.NewBook()
			b.Load(c.base)
			for _, ev := range c.evs {
				b.Apply(ev)
			}
			if got := b.Unread(peer); got != c.want || b.Stale() != c.stale {
				t.Errorf("unread %d, stale %v; want %d, %v", got, b.Stale(), c.want, c.stale)
			}
		})
	}
}

func TestBookKeepsWhatCameDuringALoad(t *testing.T) {
	b := client.NewBook()
	b.Apply(msg(7, peer))
	b.Apply(msg(8, peer))
	b.Apply(client.Read{Peer: peer, UpTo: 60})
	b.Load(summary(7, 1, 60))
	if b.Unread(peer) != 2 || b.Get(peer).Last.Seq != 8 || b.Get(peer).PeerTo != 60 {
		t.Errorf("unread %d, last %d", b.Unread(peer), b.Get(peer).Last.Seq)
	}
	if list := b.List(); len(list) != 1 || list[0].Unread != 2 {
		t.Errorf("%+v", list)
	}
}
