package client

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

const (
	backoffFirst = time.Second
	backoffMost  = time.Minute
	// steadyAfter is how long a session must have lived for its end to count as
	// the first failure again; a server that drops sessions soon after login
	// would otherwise be hammered.
	steadyAfter = 30 * time.Second
)

// backoff is full jitter: a random wait below a bound that doubles. Thousands
// of clients that lose a server at one moment come back spread out.
type backoff struct {
	n    int
	rand func() float64
}

// next returns how long to wait; never less than the server has asked for.
func (b *backoff) next(retryAfter time.Duration) time.Duration {
	bound := backoffMost
	if b.n < 6 {
		bound = backoffFirst << b.n
	}
	b.n++
	jitter := time.Duration(b.rand() * float64(bound))
	if retryAfter <= 0 {
		return jitter
	}
	return retryAfter + min(jitter, retryAfter)
}

func (b *backoff) reset() { b.n = 0 }

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func allocateFrame(a im.Addr) []byte {
	return proto.AppendFrame(nil, cxxpb.FrameType_FRAME_ALLOCATE, 0, &cxxpb.Allocate{Id: 1, Addr: a.String()})
}
