package auth

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	logins        *prometheus.CounterVec
	throttled     *prometheus.CounterVec
	registrations *prometheus.CounterVec
	thefts        prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cxx_auth_logins_total", Help: "Finished logins by mechanism and outcome (ok, or the error's name).",
		}, []string{"mechanism", "outcome"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cxx_auth_throttled_total", Help: "Logins slowed down or put off, by what they ran into.",
		}, []string{"by"}),
		registrations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cxx_auth_registrations_total", Help: "Tries to make an account from a client, by outcome.",
		}, []string{"outcome"}),
		thefts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cxx_auth_token_reuses_total", Help: "Devices revoked because an old token of theirs was used again.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.logins, m.throttled, m.registrations, m.thefts)
	}
	return m
}

func (m *metrics) login(mechanism, outcome string) {
	m.logins.WithLabelValues(mechanism, outcome).Inc()
}
