package mesh

import (
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

var scratch = sync.Pool{New: func() any { return new([]byte) }}

// Forward queues an envelope for a peer. False: the link is down or its queue
// is full, and the envelope was not taken. It never blocks. What it has taken
// may still be lost with the link.
func (m *Mesh) Forward(to im.NodeID, e im.Envelope) bool {
	m.mu.RLock()
	p := m.peers[to]
	m.mu.RUnlock()
	var l *link
	if p != nil {
		l = p.live.Load()
	}
	if l == nil {
		m.drop(dropDown)
		return false
	}
	return m.encoded(&e, func(frames []byte, t cxxpb.FrameType) bool { return l.put(m, frames, t) })
}

// Broadcast queues an envelope for all linked peers; it is encoded once. A
// link that cannot take an announcement of sessions starts again.
func (m *Mesh) Broadcast(e im.Envelope) {
	var links []*link
	m.mu.RLock()
	for _, p := range m.peers {
		if l := p.live.Load(); l != nil {
			links = append(links, l)
		}
	}
	m.mu.RUnlock()
	if len(links) == 0 {
		return
	}
	m.encoded(&e, func(frames []byte, t cxxpb.FrameType) bool {
		for _, l := range links {
			l.put(m, frames, t)
		}
		return true
	})
}

// encoded calls use with the frames of e, which it may keep no longer than the
// call.
func (m *Mesh) encoded(e *im.Envelope, use func([]byte, cxxpb.FrameType) bool) bool {
	buf := scratch.Get().(*[]byte) //nolint:forcetypeassert // see scratch
	defer scratch.Put(buf)
	frames, t := encode((*buf)[:0], e)
	if cap(frames) <= keepBytes {
		*buf = frames
	}
	if t == cxxpb.FrameType_FRAME_NONE {
		return true // an envelope with nothing in it
	}
	if (t == frameDeliver || t == frameDeliverPost || t == frameSignal) && len(frames) > maxFrame {
		m.drop(dropLarge)
		return false
	}
	return use(frames, t)
}

func (m *Mesh) drop(why reason) { m.metrics.dropped.WithLabelValues(string(why)).Inc() }

func (m *Mesh) queuedBytes() float64 {
	n := 0
	for _, p := range m.allPeers() {
		if l := p.live.Load(); l != nil {
			n += l.queue.size()
		}
	}
	return float64(n)
}
