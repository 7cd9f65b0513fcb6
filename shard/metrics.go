package shard

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	reg      prometheus.Registerer
	batch    *prometheus.HistogramVec
	commit   *prometheus.HistogramVec
	failures *prometheus.CounterVec
	open     *prometheus.GaugeVec
	relaxed  *prometheus.GaugeVec
}

// newMetrics registers with reg; nil: nowhere.
func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	zone := []string{"zone"}
	m := &metrics{
		reg: reg,
		batch: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cxx_shard_batch_changes", Help: "Changes that one transaction of a zone took.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 12),
		}, zone),
		commit: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cxx_shard_commit_seconds", Help: "Time of a transaction of a zone, from its beginning to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, zone),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cxx_shard_failures_total", Help: "Transactions that failed, and changes that were refused, by reason.",
		}, []string{"zone", "reason"}),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cxx_shard_breaker_open", Help: "1 while a zone is taken as down.",
		}, zone),
		relaxed: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cxx_shard_durability_relaxed", Help: "1 when commits of a zone promise less than a synced write.",
		}, zone),
	}
	reg.MustRegister(m.batch, m.commit, m.failures, m.open, m.relaxed)
	return m
}

type zoneMetrics struct {
	batch, commit prometheus.Observer
	failures      *prometheus.CounterVec
	open          prometheus.Gauge
}

func (m *metrics) zone(z *zone, relaxed bool) zoneMetrics {
	name := strconv.Itoa(int(z.id))
	label := prometheus.Labels{"zone": name}
	m.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cxx_shard_queue_changes", Help: "Changes that wait for the writer of a zone.", ConstLabels: label,
	}, func() float64 { return float64(z.queue.len()) }))
	m.relaxed.With(label).Set(0)
	if relaxed {
		m.relaxed.With(label).Set(1)
	}
	out := zoneMetrics{
		batch: m.batch.With(label), commit: m.commit.With(label),
		failures: m.failures.MustCurryWith(label), open: m.open.With(label),
	}
	out.breaker(false)
	return out
}

func (m zoneMetrics) committed(changes int, d time.Duration) {
	m.batch.Observe(float64(changes))
	m.commit.Observe(d.Seconds())
}

func (m zoneMetrics) refused(reason string) { m.failures.WithLabelValues(reason).Inc() }

func (m zoneMetrics) breaker(open bool) {
	m.open.Set(0)
	if open {
		m.open.Set(1)
	}
}
