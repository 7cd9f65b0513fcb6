package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// secondSignal returns a context that ends with ctx or at the next signal.
func secondSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}
