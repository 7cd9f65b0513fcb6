//go:build !race

package xmlstream

import "testing"

// Under the race detector pools forget at random, hence the build tag.
func TestAllocations(t *testing.T) {
	d := NewDecoder(DefaultLimits())
	d.Feed([]byte(benchHeader))
	d.Next()
	data := []byte(benchMessage)
	if n := testing.AllocsPerRun(200, func() {
		d.Feed(data)
		d.Next()
		d.Next()
	}); n > 4.5 {
		t.Errorf("%v allocations for a message", n)
	}
	e := parsed(t, benchMessage)
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(200, func() { Append(dst, e, Client) }); n > 0 {
		t.Errorf("%v allocations to write a message", n)
	}
}
