package acs

import "github.com/prometheus/client_golang/prometheus"

// metrics are the figures of the core. Reasons for which something was not
// done live are one closed list; the same words stand in logs and tests.
type metrics struct {
	sessions  prometheus.Gauge
	sent      prometheus.Counter
	refused   *prometheus.CounterVec // by code
	pushed    prometheus.Counter
	gaps      prometheus.Counter
	behind    prometheus.Counter
	forwarded prometheus.Counter
	doorbells *prometheus.CounterVec // by reason
	dropped   *prometheus.CounterVec // ephemeral things, by reason
}

const (
	reasonLinkDown  = "link_down"
	reasonBellsFull = "doorbells_full"
	reasonRegistry  = "registry_down"
)

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "cxx_acs_" + name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "cxx_acs_" + name, Help: help}, []string{label})
	}
	m := &metrics{
		sessions:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "cxx_acs_sessions", Help: "Open sessions on this node."}),
		sent:      counter("messages_committed_total", "Messages committed for sessions of this node."),
		refused:   vec("messages_refused_total", "Messages that were not committed, by error code.", "code"),
		pushed:    counter("entries_pushed_total", "Inbox entries handed to connections."),
		gaps:      counter("gap_reads_total", "Reads of the log because a push was missing."),
		behind:    counter("sessions_behind_total", "Times a connection did not keep up and was told to sync."),
		forwarded: counter("envelopes_forwarded_total", "Entries forwarded to peers."),
		doorbells: vec("doorbells_total", "Entries announced by a doorbell instead of a forward, by reason.", "reason"),
		dropped:   vec("ephemeral_dropped_total", "Signals and notices that were dropped, by reason.", "reason"),
	}
	if reg != nil {
		reg.MustRegister(m.sessions, m.sent, m.refused, m.pushed, m.gaps, m.behind, m.forwarded, m.doorbells, m.dropped)
	}
	return m
}
