package im

import (
	"math"
	"testing"
)

// The vectors are part of the storage format: a change here means that every
// account is looked for in the wrong place.
func TestSlotOfIsStable(t *testing.T) {
	for _, c := range []struct {
		domain, name string
		want         Slot
	}{
		{"example.org", "alice", 10500},
		{"example.org", "bob", 11372},
		{"example.org", "carol", 6104},
		{"example.com", "alice", 11056},
		{"", "", 2790},
		{"localhost", "alice", 6878},
		{"пример.рф", "пётр", 476},
		{"example.org", "user-000001", 266},
		{"a", "bc", 3333},
		{"ab", "c", 11034},
	} {
		if got := SlotOf(c.domain, c.name); got != c.want {
			t.Errorf("SlotOf(%q, %q) = %d, want %d", c.domain, c.name, got, c.want)
		}
	}
}

// With n names the numbers per 1/16 of the slots must look random: chi-squared
// with 15 degrees of freedom stays below 40 but for one time in two thousand,
// and the names are fixed.
func TestSlotOfSpreads(t *testing.T) {
	const n, parts = 100_000, 16
	var count [parts]int
	for i := range n {
		name := "user" + UserID(i).String()
		count[int(SlotOf("example.org", name))*parts/Slots]++
	}
	chi := 0.0
	for _, c := range count {
		d := float64(c) - n/parts
		chi += d * d / (n / parts)
	}
	if chi > 40 {
		t.Errorf("chi-squared is %.1f: %v", chi, count)
	}
}

func TestUserID(t *testing.T) {
	for _, s := range []Slot{0, 1, 8191, Slots - 1} {
		for _, r := range []uint64{0, 1, IDRandomMask, math.MaxUint64} {
			u := MakeUserID(s, r)
			if u.Slot() != s {
				t.Errorf("MakeUserID(%d, %x).Slot() = %d", s, r, u.Slot())
			}
			if u>>idBits != 0 {
				t.Errorf("MakeUserID(%d, %x) = %x needs more than 52 bits", s, r, uint64(u))
			}
			if GroupID(u).Slot() != s {
				t.Errorf("GroupID slot = %d", GroupID(u).Slot())
			}
		}
	}
	for u, want := range map[UserID]bool{0: false, 1: true, 1<<52 - 1: true, 1 << 52: false, math.MaxUint64: false} {
		if u.Valid() != want {
			t.Errorf("UserID(%d).Valid() = %v", u, u.Valid())
		}
	}
}

func TestSlotsAreContiguousRangesOfIDs(t *testing.T) {
	if a, b := MakeUserID(6, IDRandomMask), MakeUserID(7, 0); a+1 != b {
		t.Errorf("slot 6 ends at %d and slot 7 begins at %d", a, b)
	}
}

func TestClientID(t *testing.T) {
	c, err := ParseClientID("000102030405060708090a0b0c0d0eFF")
	if err != nil {
		t.Fatal(err)
	}
	if c.IsZero() || c.String() != "000102030405060708090a0b0c0d0eff" {
		t.Errorf("got %s", c)
	}
	if !(ClientID{}).IsZero() {
		t.Error("the zero id must be zero")
	}
	for _, bad := range []string{"", "00", "000102030405060708090a0b0c0d0e0", "000102030405060708090a0b0c0d0e0f0", "zz0102030405060708090a0b0c0d0e0f"} {
		if _, err := ParseClientID(bad); err == nil {
			t.Errorf("ParseClientID(%q) gave no error", bad)
		}
	}
}

func TestCode(t *testing.T) {
	if got := Code([]byte{0, 1, 2, 3, 255}); got != "000g40zz" {
		t.Errorf("Code = %q", got)
	}
}
