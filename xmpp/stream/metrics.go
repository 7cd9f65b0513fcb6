package stream

import "github.com/prometheus/client_golang/prometheus"

// metrics are counted where things happen.
type metrics struct {
	open       [len(kinds)]prometheus.Gauge
	accepts    [len(kinds)]prometheus.Counter
	handshakes *prometheus.CounterVec
	errors     *prometheus.CounterVec
	foreign    prometheus.Counter
	panics     prometheus.Counter
}

var kinds = [...]string{"tcp", "websocket", "bosh"}

func (k Kind) String() string { return kinds[k] }

func newMetrics(r prometheus.Registerer, s *Server) *metrics {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cxx_xmpp_" + name, Help: help}, labels)
		r.MustRegister(v)
		return v
	}
	open := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "cxx_xmpp_connections", Help: "Open connections."}, []string{"transport"})
	r.MustRegister(open)
	accepts := counter("accepts_total", "Connections accepted.", "transport")
	r.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "cxx_xmpp_handshakes", Help: "TLS handshakes that are computed."},
		func() float64 { return float64(len(s.shakes)) }))
	m := &metrics{
		handshakes: counter("handshake_failures_total", "TLS handshakes that failed.", "reason"),
		errors:     counter("stream_errors_total", "Streams ended with an error, by condition.", "condition"),
		foreign:    counter("foreign_total", "Connections that began with another protocol.").WithLabelValues(),
		panics:     counter("handler_panics_total", "Handlers that panicked.").WithLabelValues(),
	}
	for i, k := range kinds {
		m.open[i], m.accepts[i] = open.WithLabelValues(k), accepts.WithLabelValues(k)
	}
	return m
}
