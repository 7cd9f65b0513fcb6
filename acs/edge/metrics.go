package edge

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// metrics are counted where things happen; the label values are fixed, so that
// the hot path never looks one up.
type metrics struct {
	in, out   [64]prometheus.Counter
	bytesIn   prometheus.Counter
	bytesOut  prometheus.Counter
	flushes   prometheus.Counter
	panics    prometheus.Counter
	dropped   prometheus.Counter
	accepts   prometheus.Counter
	handshake *prometheus.CounterVec
	logins    *prometheus.CounterVec
	closes    *prometheus.CounterVec

	syncRequired prometheus.Counter
	pauses       struct{ rate, backlog prometheus.Counter }
}

func newMetrics(r prometheus.Registerer, s *Server) *metrics {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cxx_edge_" + name, Help: help}, labels)
		r.MustRegister(v)
		return v
	}
	one := func(name, help string) prometheus.Counter { return counter(name, help).WithLabelValues() }
	gauge := func(name, help string, f func() int64, labels prometheus.Labels) {
		r.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: "cxx_edge_" + name, Help: help, ConstLabels: labels},
			func() float64 { return float64(f()) }))
	}
	for i, t := range transports {
		gauge("connections", "Open connections.", s.open[i].Load, prometheus.Labels{"transport": t})
	}
	gauge("sessions", "Logged-in connections.", s.sessions.Load, nil)
	gauge("handshakes_pending", "TLS handshakes that run or wait.", s.handshakes.pending, nil)

	frames := counter("frames_total", "Frames by direction and type.", "direction", "type")
	bytes := counter("bytes_total", "Bytes of frames by direction, before TLS.", "direction")
	pauses := counter("pauses_total", "Times the server stopped reading from a session.", "reason")
	m := &metrics{
		bytesIn:   bytes.WithLabelValues("in"),
		bytesOut:  bytes.WithLabelValues("out"),
		flushes:   one("flushes_total", "Writes of an outbox."),
		panics:    one("panics_total", "Handlers that panicked."),
		dropped:   one("ephemeral_dropped_total", "Presence and typing notices dropped under pressure."),
		accepts:   one("accepts_total", "Connections accepted."),
		handshake: counter("handshake_failures_total", "TLS handshakes that failed.", "reason"),
		logins:    counter("logins_total", "Login attempts by outcome: ok, or the error.", "outcome"),
		closes:    counter("closes_total", "Closed connections by reason.", "reason"),

		syncRequired: one("sync_required_total", "Times pushes to a slow connection were replaced by SyncRequired, or those of a group by Moved."),
	}
	m.pauses.rate = pauses.WithLabelValues("rate")
	m.pauses.backlog = pauses.WithLabelValues("backlog")
	for i := range m.in {
		word := "unknown"
		if n, ok := cxxpb.FrameType_name[int32(i)]; ok {
			word = strings.ToLower(strings.TrimPrefix(n, "FRAME_"))
		}
		if i == 0 {
			word = "heartbeat"
		}
		m.in[i] = frames.WithLabelValues("in", word)
		m.out[i] = frames.WithLabelValues("out", word)
	}
	for _, t := range im.Traits() {
		m.closes.WithLabelValues(reasonOf(t.Code))
	}
	return m
}

func (m *metrics) frameIn(t cxxpb.FrameType)  { m.in[t&63].Inc() }
func (m *metrics) frameOut(t cxxpb.FrameType) { m.out[t&63].Inc() }
func (m *metrics) close(reason string)        { m.closes.WithLabelValues(reason).Inc() }
func (m *metrics) login(outcome string)       { m.logins.WithLabelValues(strings.ToLower(outcome)).Inc() }
