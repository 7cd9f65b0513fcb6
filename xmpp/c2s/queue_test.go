package c2s

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

func TestQueueHandlesInOrderOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		var inside atomic.Int32
		var got []uint64
		q.init(func(batch []event) {
			if inside.Add(1) > 1 {
				t.Error("two runners at once")
			}
			for i := range batch {
				got = append(got, batch[i].entry.Seq)
			}
			inside.Add(-1)
		})
		q.post(event{kind: evEntry, entry: &im.Entry{Seq: 1}})
		synctest.Wait()
		if got != nil {
			t.Fatal("an event was handled before start")
		}
		q.start()
		for seq := uint64(2); seq <= 500; seq++ {
			q.post(event{kind: evEntry, entry: &im.Entry{Seq: seq}})
		}
		synctest.Wait()
		for i, seq := range got {
			if seq != uint64(i)+1 {
				t.Fatalf("place %d holds %d", i, seq)
			}
		}
		if len(got) != 500 {
			t.Fatalf("%d of 500 were handled", len(got))
		}
	})
}

// What others send is refused when too much waits; what the session itself does
// is not.
func TestQueueLimitsWhatOthersSend(t *testing.T) {
	var q queue
	q.init(func([]event) {})
	e := event{kind: evEntry, entry: &im.Entry{Text: string(make([]byte, 1000))}}
	n := 0
	for q.postWithin(10_000, e) {
		n++
	}
	if n != 7 {
		t.Errorf("%d events of 1,300 bytes fitted into 10,000", n)
	}
	if !q.post(event{kind: evCall}) {
		t.Error("a call was refused")
	}
	q.close()
	if q.post(event{kind: evCall}) || q.postWithin(1<<30, e) {
		t.Error("a closed queue took an event")
	}
	q.start()
	q.wait()
}

// A client whose stanzas are not settled is not read on (contract section 3).
func TestQueueHoldsTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		q.init(func([]event) {})
		q.start()
		var sent atomic.Int32
		go func() {
			for q.postStanza(stanza.New("message", ""), nil) {
				sent.Add(1)
			}
		}()
		synctest.Wait()
		if sent.Load() != maxOpen {
			t.Fatalf("%d stanzas were read, want %d", sent.Load(), maxOpen)
		}
		q.settled()
		synctest.Wait()
		if sent.Load() != maxOpen+1 {
			t.Fatal("a settled stanza made no room")
		}
		q.close()
		synctest.Wait()
	})
}
