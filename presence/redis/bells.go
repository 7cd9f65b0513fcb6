package redis

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cxx-im/cxx/im"
)

const (
	bellsPerMessage = 4096
	listenPing      = 3 * time.Second        // silence after which the link is probed
	listenRetry     = 250 * time.Millisecond // pause before a lost link is made again
)

// Ring sends doorbells to a node, best effort: many in one message.
func (r *Registry) Ring(ctx context.Context, to im.NodeID, bells []im.Bell) error {
	if len(bells) == 0 {
		return nil
	}
	return r.do(ctx, "ring", func(ctx context.Context) error {
		_, err := r.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for chunk := range slices.Chunk(bells, bellsPerMessage) {
				p.Publish(ctx, r.bellChannel(to), appendBells(nil, chunk))
			}
			return nil
		})
		return err
	})
}

// Listen calls ring for the doorbells of a node until ctx ends. What is rung
// while the link to Redis is down is lost.
func (r *Registry) Listen(ctx context.Context, id im.NodeID, ring func([]im.Bell)) error {
	for ctx.Err() == nil {
		err := r.listenOnce(ctx, id, ring)
		if ctx.Err() != nil {
			return nil
		}
		r.log.Debug("link for doorbells was lost", "node", id, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(listenRetry):
		}
	}
	return nil
}

func (r *Registry) listenOnce(ctx context.Context, id im.NodeID, ring func([]im.Bell)) error {
	sub := r.client.Subscribe(ctx, r.bellChannel(id))
	defer sub.Close()
	// A read does not watch ctx; closing wakes it.
	stop := context.AfterFunc(ctx, func() { sub.Close() })
	defer stop()
	silent := false
	for {
		msg, err := sub.ReceiveTimeout(ctx, listenPing)
		switch {
		case err == nil:
			silent = false
		case isTimeout(err) && !silent:
			silent = true
			err = sub.Ping(ctx)
		}
		if err != nil {
			return err
		}
		m, ok := msg.(*goredis.Message)
		if !ok {
			continue
		}
		bells, err := parseBells([]byte(m.Payload))
		if err != nil {
			r.log.Warn("a message of doorbells was not readable", "node", id, "err", err)
			continue
		}
		ring(bells)
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
