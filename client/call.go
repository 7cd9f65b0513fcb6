package client

import (
	"context"
	"errors"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// shortWait is the longest wait that a server may ask for before a call fails
// instead of waiting.
const shortWait = 3 * time.Second

// call asks the server, waiting for a connection and asking again when it ends
// before the answer; so it is for what may be done twice.
func (c *Client) call(ctx context.Context, call *cxxpb.Call) (*cxxpb.Reply, error) {
	for {
		r, err := c.callOnce(ctx, call)
		if errors.Is(err, errLinkDown) {
			continue
		}
		var e *im.Error
		if errors.As(err, &e) && e.RetryAfter > 0 && e.RetryAfter <= shortWait && e.Code.Trait().Reconnect {
			if sleep(ctx, e.RetryAfter) == nil {
				continue
			}
		}
		return r, err
	}
}

// callOnce asks at most once: a connection that ends before the answer leaves
// open what happened.
func (c *Client) callOnce(ctx context.Context, call *cxxpb.Call) (*cxxpb.Reply, error) {
	s, err := c.online(ctx)
	if err != nil {
		return nil, err
	}
	return s.call(ctx, call)
}

// done is call for what has no result of its own.
func (c *Client) do(ctx context.Context, call *cxxpb.Call) error {
	_, err := c.call(ctx, call)
	return err
}
