// Package nas is the network access server: it tells a client which ACS to use
// and hands it a login ticket for that ACS (package ticket). It knows the live
// ACS from the presence registry, gives them out in rotation, and spreads a
// storm of logins over time.
//
// It checks no credentials, knows no users and keeps no state that another NAS
// would need, so any number of them can run. The same answer is given over
// C-XX frames (Server) and HTTP (Handler). Package cmd/cxxd puts it together.
package nas

import (
	"context"
	"net/netip"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Nodes is the part of the presence registry that NAS reads.
type Nodes interface {
	Nodes(ctx context.Context) ([]im.Node, error)
}

// Tickets makes login tickets; ticket.Issuer does.
type Tickets interface {
	Issue(node im.NodeID, epoch uint64, now time.Time) []byte
}

// Answer is what a client gets.
type Answer struct {
	ACS          string // host:port to dial
	Ticket       []byte // for the login at that ACS only
	Alternatives []string
	Wait         time.Duration // before dialling
}

// Allocator gives answers: the common part of Server and Handler. It is safe
// for any goroutine.
type Allocator struct {
	picker  *Picker
	tickets Tickets
	sources *sources
	metrics *metrics
	now     func() time.Time
}

// NewAllocator returns an Allocator that picks from picker.
func NewAllocator(cfg Config, picker *Picker, tickets Tickets) *Allocator {
	return &Allocator{
		picker:  picker,
		tickets: tickets,
		sources: newSources(cfg.AddressRate, cfg.AddressBurst, maxSources),
		metrics: picker.metrics,
		now:     picker.now,
	}
}

// Allocate answers a client at an address. user is whose login it is for and
// may be empty; it is checked for its form only. Every error is an *im.Error:
// CodeRetryLater and CodeNoACS say when to ask again.
func (a *Allocator) Allocate(user string, from netip.Addr) (Answer, error) {
	ans, err := a.allocate(user, from)
	outcome := "ok"
	if err != nil {
		outcome = im.CodeOf(err).String()
	} else {
		a.metrics.wait.Observe(ans.Wait.Seconds())
	}
	a.metrics.allocations.WithLabelValues(outcome).Inc()
	return ans, err
}

func (a *Allocator) allocate(user string, from netip.Addr) (Answer, error) {
	now := a.now()
	if wait := a.sources.take(from, now); wait > 0 {
		return Answer{}, &im.Error{
			Code: im.CodeRateLimited, RetryAfter: wait,
			Detail: "too many requests come from your address; ask again later",
		}
	}
	if user != "" {
		if _, err := im.ParseAddr(user); err != nil {
			return Answer{}, err
		}
	}
	c, err := a.picker.Pick()
	if err != nil {
		return Answer{}, err
	}
	return Answer{
		ACS:          c.Node.CXX,
		Ticket:       a.tickets.Issue(c.Node.ID, c.Node.Epoch, now),
		Alternatives: c.Alternatives,
		Wait:         c.Wait,
	}, nil
}
