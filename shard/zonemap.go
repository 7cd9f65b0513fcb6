package shard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
)

// slotRange is a run of slots, both ends included, in one zone.
type slotRange struct {
	From, To int
	Zone     im.ZoneID
}

// zoneMap says which zone holds which slots. Its ranges are sorted, and cover
// every slot exactly once; neighbours of one zone are joined, so that two equal
// maps are equal slices.
type zoneMap []slotRange

// parseSlots reads "0-8191,9000,10000-10999".
func parseSlots(s string) ([]slotRange, error) {
	var out []slotRange
	for part := range strings.SplitSeq(s, ",") {
		a, b, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			b = a
		}
		from, err1 := strconv.ParseUint(strings.TrimSpace(a), 10, 16)
		to, err2 := strconv.ParseUint(strings.TrimSpace(b), 10, 16)
		if err1 != nil || err2 != nil || from > to || to >= im.Slots {
			return nil, fmt.Errorf("slots has %q; write ranges inside 0-%d, for example 0-8191", strings.TrimSpace(part), im.Slots-1)
		}
		out = append(out, slotRange{From: int(from), To: int(to)})
	}
	return out, nil
}

func configuredMap(zones []ZoneConfig) (zoneMap, error) {
	if len(zones) == 0 {
		return nil, errors.New("no [[storage.zone]] is configured; a cell needs at least one")
	}
	var m zoneMap
	seen := make(map[im.ZoneID]bool)
	for _, z := range zones {
		if seen[z.ID] {
			return nil, fmt.Errorf("zone %d is configured twice; give each [[storage.zone]] its own id", z.ID)
		}
		seen[z.ID] = true
		ranges, err := parseSlots(z.Slots)
		if err != nil {
			return nil, fmt.Errorf("zone %d: %w", z.ID, err)
		}
		for _, r := range ranges {
			m = append(m, slotRange{From: r.From, To: r.To, Zone: z.ID})
		}
	}
	return m.normal()
}

// normal sorts and joins m, and refuses gaps and overlaps.
func (m zoneMap) normal() (zoneMap, error) {
	slices.SortFunc(m, func(a, b slotRange) int { return cmp.Compare(a.From, b.From) })
	var out zoneMap
	next := 0
	for _, r := range m {
		if r.From < next {
			return nil, fmt.Errorf("slots %d-%d are in zone %d and in zone %d; every slot belongs to exactly one zone",
				r.From, min(r.To, next-1), out[len(out)-1].Zone, r.Zone)
		}
		if r.From > next {
			return nil, fmt.Errorf("slots %d-%d are in no zone; add them to the slots of one [[storage.zone]]", next, r.From-1)
		}
		if n := len(out); n > 0 && out[n-1].Zone == r.Zone {
			out[n-1].To = r.To
		} else {
			out = append(out, r)
		}
		next = r.To + 1
	}
	if next != im.Slots {
		return nil, fmt.Errorf("slots %d-%d are in no zone; add them to the slots of one [[storage.zone]]", next, im.Slots-1)
	}
	return out, nil
}

// String shows m as the configuration would.
func (m zoneMap) String() string {
	var b strings.Builder
	for i, r := range m {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d-%d in zone %d", r.From, r.To, r.Zone)
	}
	return b.String()
}
