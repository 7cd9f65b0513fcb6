package im

import (
	"strconv"
	"sync"
	"time"
)

// MsgID names a message or log entry. It comes from a hybrid logical clock:
// 41 bits of milliseconds since Epoch, 12 of counter, 10 of node. The sign bit
// stays free so that a signed database column keeps the order. It is unique in
// a cell and later than everything its ACS had seen.
type MsgID uint64

const (
	nodeBits    = 10
	counterBits = 12
	maxCounter  = 1<<counterBits - 1
	epochMillis = 1_577_836_800_000 // 2020-01-01T00:00:00Z
	maxMillis   = 1<<41 - 1         // in the year 2089
	// An id from the last year of the range is no id of ours, or of a clock so
	// wrong that following it would use up the range.
	maxSeen = (maxMillis - 366*86_400_000) << counterBits
)

// MakeMsgID builds the id of a moment; it is for tests and time searches.
func MakeMsgID(t time.Time, counter int, node NodeID) MsgID {
	ms := millis(t)
	return MsgID(uint64(ms)<<(nodeBits+counterBits) | uint64(counter&maxCounter)<<nodeBits | uint64(node&MaxNode))
}

func millis(t time.Time) int64 { return min(max(t.UnixMilli()-epochMillis, 0), maxMillis) }

// Time returns the moment the id holds, to the millisecond, in UTC.
func (m MsgID) Time() time.Time {
	return time.UnixMilli(int64(m>>(nodeBits+counterBits)) + epochMillis).UTC()
}

// Node returns the node that made the id.
func (m MsgID) Node() NodeID { return NodeID(m) & MaxNode }

// String returns m in decimal.
func (m MsgID) String() string { return strconv.FormatUint(uint64(m), 10) }

// Clock makes MsgIDs. It is safe for any goroutine.
type Clock struct {
	node NodeID
	now  func() time.Time

	mu   sync.Mutex
	last uint64 // guarded by mu: milliseconds and counter of the newest id made or seen
}

// NewClock returns the clock of a node. now is time.Now outside tests.
func NewClock(node NodeID, now func() time.Time) *Clock {
	return &Clock{node: node & MaxNode, now: now}
}

// Next returns an id later than every id made or observed before.
func (c *Clock) Next() MsgID {
	ms := millis(c.now())
	c.mu.Lock()
	defer c.mu.Unlock()
	// Milliseconds and counter are one number: a full counter carries over.
	c.last = max(c.last+1, uint64(ms)<<counterBits)
	return MsgID(c.last<<nodeBits | uint64(c.node))
}

// Observe makes later ids follow m. Everything that comes from another node or
// from a log is observed before it reaches a session, so that what the session
// answers sorts after what it had received, whatever the clocks say. What cannot
// be an id is ignored.
func (c *Clock) Observe(m MsgID) {
	seen := uint64(m) >> nodeBits
	if seen > maxSeen {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(c.last, seen)
}
