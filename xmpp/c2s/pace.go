package c2s

import (
	"context"
	"time"
)

// pacer slows a client down to a rate: its stream is read no faster, so that TCP
// tells the client. The goroutine that reads owns it.
type pacer struct {
	rate, burst int
	full        time.Time // when all tokens are there again
}

// wait takes a token, as soon as there is one.
func (p *pacer) wait(ctx context.Context) {
	if p.rate == 0 {
		return
	}
	step := time.Second / time.Duration(p.rate)
	now := time.Now()
	if p.full.Before(now) {
		p.full = now
	}
	p.full = p.full.Add(step)
	over := p.full.Sub(now) - time.Duration(p.burst)*step
	if over <= 0 {
		return
	}
	t := time.NewTimer(over)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
