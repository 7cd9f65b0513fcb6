package nas

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	allocations *prometheus.CounterVec
	wait        prometheus.Histogram
	live        prometheus.Gauge
	age         prometheus.Gauge
	connections prometheus.Gauge
	closed      *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		allocations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cxx_nas_allocations_total", Help: "Requests for an ACS by outcome: ok or the name of the error.",
		}, []string{"outcome"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cxx_nas_wait_seconds", Help: "Wait that came with an ACS.",
			Buckets: []float64{0, .1, .5, 1, 2, 5, 10, 20, 40},
		}),
		live: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cxx_nas_live_acs", Help: "ACS in the list, full and draining ones included.",
		}),
		age: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cxx_nas_list_age_seconds", Help: "Age of the list at the last attempt to read it.",
		}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cxx_nas_open_connections", Help: "Connections open now.",
		}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cxx_nas_closed_connections_total", Help: "Connections closed, by reason.",
		}, []string{"reason"}),
	}
	if reg != nil {
		reg.MustRegister(m.allocations, m.wait, m.live, m.age, m.connections, m.closed)
	}
	return m
}
