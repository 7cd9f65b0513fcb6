package c2s

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	sessions prometheus.Gauge
	resumed  prometheus.Counter
	behind   prometheus.Counter
	dropped  prometheus.Counter
	panics   prometheus.Counter
	logins   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "cxx", Subsystem: "xmpp", Name: name, Help: help})
	}
	m := &metrics{
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "cxx", Subsystem: "xmpp", Name: "sessions", Help: "XMPP sessions, those that wait to be resumed included."}),
		resumed:  counter("resumed_total", "Sessions that were resumed."),
		behind:   counter("behind_total", "Times a client did not keep up and was fed from the log."),
		dropped:  counter("dropped_total", "Presences and signals dropped because a client did not keep up."),
		panics:   counter("panics_total", "Handlers that panicked."),
		logins:   prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "cxx", Subsystem: "xmpp", Name: "logins_total", Help: "Sessions bound, by way of binding."}, []string{"way"}),
	}
	if reg != nil {
		reg.MustRegister(m.sessions, m.resumed, m.behind, m.dropped, m.panics, m.logins)
	}
	return m
}
