package faults

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/cxx-im/cxx/internal/testenv/env"
)

var (
	seedFlag = flag.Uint64("seed", 0, "seed of the schedule; 0: a new one, which is printed")
	longFlag = flag.Duration("long", 0, "run the soak for this long")
	racyFlag = flag.Bool("racy", false, "build the server with the race detector")
	keepFlag = flag.Bool("keep", false, "keep the directory of the cell with all logs and data")
)

// shared is the cell of all tests, which run one after the other: each leaves
// it whole, and uses users of its own.
var shared *cell

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if shared != nil {
		for _, line := range shared.stop() {
			fmt.Println("FAIL: a server logged:", line)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// theCell returns the cell, whole: every process runs, every link is up.
func theCell(t *testing.T) *cell {
	t.Helper()
	if os.Getenv(env.VarMySQL) == "" {
		t.Skipf("%s is not set, so MariaDB and Redis may be missing here; make test installs and starts them", env.VarMySQL)
	}
	if testing.Short() {
		t.Skip("a cell of processes takes a while to start; run without -short")
	}
	if shared == nil {
		c, err := newCell()
		shared = c
		if err != nil {
			t.Fatal(err)
		}
	}
	shared.whole(t)
	t.Cleanup(func() {
		if t.Failed() {
			shared.tails(t)
		}
	})
	return shared
}

// seeded returns the source of chance of a test and prints its seed.
func seeded(t *testing.T) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1e6
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
