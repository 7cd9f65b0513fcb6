package nas

import "time"

// bucket is a token bucket. Its tokens may go below zero: that is a queue, and
// how far below says how long the next one waits. Its owner guards it.
type bucket struct {
	tokens float64
	at     time.Time // when tokens was right
}

func fullBucket(burst float64, now time.Time) bucket { return bucket{tokens: burst, at: now} }

// refill brings the bucket to now. A clock that goes back adds nothing.
func (b *bucket) refill(rate, burst float64, now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(burst, b.tokens+rate*d.Seconds())
	}
	b.at = now
}

// wait is how long a taker waits for his token; the bucket is refilled.
func (b *bucket) wait(rate float64) time.Duration {
	if b.tokens >= 1 {
		return 0
	}
	return time.Duration((1 - b.tokens) / rate * float64(time.Second))
}
