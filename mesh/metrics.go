package mesh

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/proto/cxxpb"
)

// reason is why a link ended or a frame was not taken: one closed list, the
// same words in metrics, logs and tests.
type reason string

const (
	endSilent    reason = "silent"      // nothing came for dead_after
	endStalled   reason = "stalled"     // nothing could be written for dead_after
	endClosed    reason = "closed"      // by the peer
	endBroken    reason = "broken"      // an error of the network
	endMalformed reason = "malformed"   // bytes that are no frame of ours
	endReplaced  reason = "replaced"    // the peer has dialled again
	endNewer     reason = "newer_epoch" // the peer has a later incarnation
	endOverflow  reason = "overflow"    // sessions could not be announced; a new link starts from a snapshot
	endShutdown  reason = "shutdown"    // of this node

	dropDown  reason = "link_down"
	dropFull  reason = "queue_full"
	dropLarge reason = "too_large"
)

type metrics struct {
	links    prometheus.Gauge
	queued   prometheus.GaugeFunc
	opened   prometheus.Counter
	ended    *prometheus.CounterVec // by reason
	refused  prometheus.Counter
	failed   prometheus.Counter
	sent     frameCounters
	received frameCounters
	dropped  *prometheus.CounterVec // by reason
	out      prometheus.Counter
	in       prometheus.Counter
	writes   prometheus.Counter
}

// frameCounters has the counter of each frame type at hand; the last one is
// for types that this version does not know.
type frameCounters [frameOther + 1]prometheus.Counter

const frameOther = frameRooms + 1

func (c *frameCounters) inc(t cxxpb.FrameType) {
	if t < 0 || int(t) >= len(c) || c[t] == nil {
		t = cxxpb.FrameType(len(c) - 1)
	}
	c[t].Inc()
}

var frameNames = map[cxxpb.FrameType]string{
	frameDeliver: "deliver", frameSessions: "sessions", frameKick: "kick", frameSignal: "signal",
	frameBells: "bells", frameBlocks: "blocks", frameDeliverPost: "post", frameRooms: "rooms", frameOther: "other",
}

func newMetrics(reg prometheus.Registerer, queued func() float64) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "cxx_mesh_" + name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cxx_mesh_" + name, Help: help}, []string{label})
	}
	sent := vec("frames_sent_total", "Envelopes queued for peers, by type.", "type")
	received := vec("frames_received_total", "Frames received from peers, by type.", "type")
	m := &metrics{
		links:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "cxx_mesh_links", Help: "Links that are up."}),
		queued:  prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cxx_mesh_queued_bytes", Help: "Bytes that wait for peers."}, queued),
		opened:  counter("links_opened_total", "Links that came up."),
		ended:   vec("links_ended_total", "Links that ended, by reason.", "reason"),
		refused: counter("hellos_refused_total", "Connections of peers that were refused."),
		failed:  counter("dials_failed_total", "Attempts to reach a peer that failed."),
		dropped: vec("frames_dropped_total", "Envelopes that were not taken, by reason.", "reason"),
		out:     counter("sent_bytes_total", "Bytes written to peers, before TLS."),
		in:      counter("received_bytes_total", "Bytes read from peers, after TLS."),
		writes:  counter("writes_total", "Writes to peers; each carries all that had gathered."),
	}
	for t, name := range frameNames {
		m.sent[t] = sent.WithLabelValues(name)
		m.received[t] = received.WithLabelValues(name)
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.links, m.queued, m.opened, m.ended, m.refused, m.failed, m.dropped, m.out, m.in, m.writes, sent, received,
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
