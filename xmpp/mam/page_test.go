package mam

import (
	"context"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// heap is an endless archive of large messages.
type heap struct {
	Source
	text  string
	reads int
}

func (h *heap) Archive(_ context.Context, q im.ArchiveQuery) (p im.ArchivePage, err error) {
	h.reads++
	for i := range 4 {
		p.Entries = append(p.Entries, im.Entry{Seq: q.After + uint64(i) + 1, Text: h.text})
	}
	p.More = true
	return p, nil
}

// What one request looks at is bounded in bytes too: a filter that nothing passes
// must not make the server read a whole archive.
func TestLookingIsBounded(t *testing.T) {
	h := &heap{text: strings.Repeat("x", 1<<20)}
	r := reader{src: h, limit: 10, bytes: 1 << 20}
	r.add(func(*im.Entry) (bool, error) { return false, nil })
	err := r.read(t.Context())
	if err == nil || stanza.Of(err).Condition != stanza.ResourceConstraint || h.reads > mostBytes/(4<<20)+1 {
		t.Errorf("%v after %d reads", err, h.reads)
	}
	r = reader{src: h, limit: 10, bytes: 1 << 20}
	r.add(func(e *im.Entry) (bool, error) { return e.Seq == 3, nil })
	if err := r.read(t.Context()); err != nil || len(r.entries) != 1 || !r.more {
		t.Errorf("with one message at the beginning: %v, %d messages, more %v", err, len(r.entries), r.more)
	}
}
