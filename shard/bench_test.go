package shard_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard"
)

// BenchmarkAppend is 200 users in 100 pairs; each has a window of 8 messages
// of 100 bytes under way to the other. It reports messages per second and
// CPU seconds per 100,000 messages: of this process with its part of the
// database, and of a database server whose process id CXX_TEST_MYSQL_PID names.
func BenchmarkAppend(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchAppend(b, shard.Default(), 0) })
	b.Run("mysql", func(b *testing.B) {
		pid, _ := strconv.Atoi(os.Getenv("CXX_TEST_MYSQL_PID"))
		benchAppend(b, mysqlConfig(b, 1), pid)
	})
	b.Run("mysql two zones", func(b *testing.B) {
		pid, _ := strconv.Atoi(os.Getenv("CXX_TEST_MYSQL_PID"))
		benchAppend(b, mysqlConfig(b, 2), pid)
	})
}

const (
	benchPairs  = 100
	benchWindow = 8
)

func benchAppend(b *testing.B, cfg shard.Config, serverPID int) {
	s := open(b, cfg)
	users := make([]im.UserID, 2*benchPairs)
	for i := range users {
		users[i] = create(b, s, fmt.Sprintf("user%d", i))
	}
	benchMessages(b, s, serverPID, len(users), func(i int) im.Message { return im.Message{From: users[i], To: users[i^1]} })
	p, err := s.Read(context.Background(), users[0], 0, 1)
	if err != nil || len(p.Entries) == 0 && b.N > 2000 {
		b.Fatal(p, err)
	}
}

// BenchmarkPost is the same 200 users in ten groups, each with a window of 8
// messages under way to his group. A message is one row instead of two.
func BenchmarkPost(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchPost(b, shard.Default(), 0) })
	b.Run("mysql", func(b *testing.B) {
		pid, _ := strconv.Atoi(os.Getenv("CXX_TEST_MYSQL_PID"))
		benchPost(b, mysqlConfig(b, 1), pid)
	})
}

const benchGroups = 10

func benchPost(b *testing.B, cfg shard.Config, serverPID int) {
	s := open(b, cfg)
	members := make([][]im.UserID, benchGroups)
	for i := range 2 * benchPairs {
		members[i%benchGroups] = append(members[i%benchGroups], create(b, s, fmt.Sprintf("user%d", i)))
	}
	groups := make([]im.GroupID, benchGroups)
	for i := range groups {
		groups[i] = newGroup(b, s, fmt.Sprintf("group%d", i), members[i]...).ID
	}
	benchMessages(b, s, serverPID, 2*benchPairs, func(i int) im.Message {
		return im.Message{From: members[i%benchGroups][i/benchGroups], Group: groups[i%benchGroups]}
	})
	heads, err := s.Heads(context.Background(), []im.UserID{groups[0].Log()})
	if err != nil || len(heads) != 1 || heads[0].Seq < uint64(b.N)/benchGroups/2 {
		b.Fatal(heads, err)
	}
}

// benchMessages sends b.N messages of 100 bytes. Each of some users has a window of
// them under way; next says from whom and where the messages of one are.
func benchMessages(b *testing.B, s *shard.Store, serverPID, users int, next func(user int) im.Message) {
	text := strings.Repeat("x", 100)
	clock := im.NewClock(1, time.Now)
	var wg sync.WaitGroup
	var mu sync.Mutex
	left := b.N // guarded by mu
	var sendNext func(user int)
	sendNext = func(user int) {
		mu.Lock()
		left--
		over := left < 0
		mu.Unlock()
		if over {
			wg.Done()
			return
		}
		m := next(user)
		m.MsgID, m.Text = clock.Next(), text
		rand.Read(m.ClientID[:])
		s.AppendMessage(m, func(_ im.Committed, err error) {
			if err != nil {
				b.Error(err)
			}
			sendNext(user)
		})
	}
	self, server := cpuSelf(), cpuOf(b, serverPID)
	b.ResetTimer()
	wg.Add(users * benchWindow)
	for i := range users {
		for range benchWindow {
			sendNext(i)
		}
	}
	wg.Wait()
	b.StopTimer()
	per := 100_000 / float64(b.N)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	b.ReportMetric((cpuSelf()-self).Seconds()*per, "cpu-s/100k")
	if serverPID != 0 {
		b.ReportMetric((cpuOf(b, serverPID)-server).Seconds()*per, "db-cpu-s/100k")
	}
}

func cpuSelf() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf reads what a process has used, in the kernel's ticks of 10 ms.
func cpuOf(b *testing.B, pid int) time.Duration {
	if pid == 0 {
		return 0
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// BenchmarkTokenLogin is the storage part of a login by token: one device
// changed under its lock, 64 users at a time.
func BenchmarkTokenLogin(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchLogin(b, shard.Default(), 0) })
	b.Run("mysql", func(b *testing.B) {
		pid, _ := strconv.Atoi(os.Getenv("CXX_TEST_MYSQL_PID"))
		benchLogin(b, mysqlConfig(b, 1), pid)
	})
}

func benchLogin(b *testing.B, cfg shard.Config, serverPID int) {
	s := open(b, cfg)
	ctx := context.Background()
	users := make([]im.UserID, 64)
	for i := range users {
		users[i] = create(b, s, fmt.Sprintf("user%d", i))
		_, err := s.UpdateDevices(ctx, users[i], func([]im.Device) ([]im.Device, []im.Entry, error) { return []im.Device{{ID: 1}}, nil, nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	self, server := cpuSelf(), cpuOf(b, serverPID)
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, u := range users {
		wg.Go(func() {
			for n := i; n < b.N; n += len(users) {
				if err := s.UpdateDevice(ctx, u, 1, func(d *im.Device) bool { d.Epoch++; return true }); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric((cpuSelf()-self).Seconds()*1000/float64(b.N), "cpu-ms/login")
	if serverPID != 0 {
		b.ReportMetric((cpuOf(b, serverPID)-server).Seconds()*1000/float64(b.N), "db-cpu-ms/login")
	}
}
