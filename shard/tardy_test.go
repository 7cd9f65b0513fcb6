package shard

import (
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

// What has waited too long is told why: contract clause 10 wants
// ZONE_UNAVAILABLE when the database did not answer meanwhile, also when it does
// again by now.
func TestTardy(t *testing.T) {
	z := &zone{id: 1}
	z.met = newMetrics(nil).zone(z, false)
	now := time.Now()
	early, late := &op{at: now.Add(-3 * time.Second)}, &op{at: now.Add(-time.Second)}
	if err := z.tardy(early); im.CodeOf(err) != im.CodeOverloaded {
		t.Errorf("behind others: %v", err)
	}
	z.lost = now.Add(-2 * time.Second)
	if err := z.tardy(early); im.CodeOf(err) != im.CodeZoneUnavailable {
		t.Errorf("while the database was out of reach: %v", err)
	}
	if err := z.tardy(late); im.CodeOf(err) != im.CodeOverloaded {
		t.Errorf("after it had come back: %v", err)
	}
}
