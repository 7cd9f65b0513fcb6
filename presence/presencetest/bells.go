package presencetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// listen starts a Listen on B and returns once it hears: bells are best effort,
// so A rings a marker until it arrives. The returned channel has what is rung
// after it.
func listen(t *testing.T, c Cell, id im.NodeID) <-chan []im.Bell {
	t.Helper()
	marker := im.Bell{User: 1<<52 - 1, Seq: 1}
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan []im.Bell, 1024)
	ended := make(chan error, 1)
	go func() {
		ended <- c.B.Listen(ctx, id, func(b []im.Bell) { heard <- slices.Clone(b) })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Listen ended with %v, want nil", err)
		}
	})
	for {
		if err := c.A.Ring(t.Context(), id, []im.Bell{marker}); err != nil {
			t.Fatalf("Ring: %v", err)
		}
		select {
		case <-heard:
			out := make(chan []im.Bell, 1024)
			go func() {
				for {
					select {
					case <-ctx.Done():
						return
					case b := <-heard:
						if !slices.Contains(b, marker) {
							out <- b
						}
					}
				}
			}()
			return out
		default:
		}
	}
}

func doorbells(t *testing.T, c Cell) {
	one, two := listen(t, c, 1), listen(t, c, 2)
	first := []im.Bell{{User: 50, Seq: 1}, {User: 1<<52 - 2, Seq: 1<<64 - 1}, {User: 50, Seq: 2}}
	second := []im.Bell{{User: 51, Seq: 3}}
	for _, ring := range []struct {
		to    im.NodeID
		bells []im.Bell
	}{{1, first}, {2, second}, {1, second}} {
		if err := c.A.Ring(t.Context(), ring.to, ring.bells); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct {
		heard <-chan []im.Bell
		bells []im.Bell
	}{{one, first}, {one, second}, {two, second}} {
		if got := <-want.heard; !slices.Equal(got, want.bells) {
			t.Fatalf("heard %v, want %v", got, want.bells)
		}
	}
}

func bellsForNobody(t *testing.T, c Cell) {
	if err := c.A.Ring(t.Context(), 9, []im.Bell{{User: 50, Seq: 1}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.A.Listen(ctx, 9, func([]im.Bell) {}); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
