package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has used so far.
type Usage struct {
	CPU time.Duration // user and system
	RSS int64         // resident bytes
}

// UsageOf reads the figures of a process from the kernel (Linux).
func UsageOf(pid int) (Usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, err
	}
	// The name may hold spaces; what follows its parenthesis does not.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	num := func(i int) int64 { n, _ := strconv.ParseInt(fields[i], 10, 64); return n }
	const tick = time.Second / 100 // USER_HZ is 100 on every Linux
	return Usage{
		CPU: time.Duration(num(11)+num(12)) * tick,
		RSS: num(21) * int64(os.Getpagesize()),
	}, nil
}
