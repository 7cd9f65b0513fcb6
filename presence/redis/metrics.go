package redis

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	ops     *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	down    prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		ops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cxx_presence_redis_ops_total",
			Help: "Operations on Redis by kind and outcome: ok, failed, refused by the breaker, canceled.",
		}, []string{"op", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "cxx_presence_redis_op_seconds",
			Help:    "Time an operation on Redis took.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1},
		}, []string{"op"}),
		down: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cxx_presence_redis_down",
			Help: "1 while the breaker keeps calls from Redis.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.ops, m.seconds, m.down)
	}
	return m
}
