package redis

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/presence/presencetest"
)

// The benchmarks report what 100k sessions cost on either side, in CPU-seconds.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			r := open(b, randomPrefix())
			all := make([]im.SessionInfo, size)
			i := 0
			cost(b, r, size, func(ctx context.Context) error {
				for j := range all {
					i++
					all[j] = presencetest.Session(im.UserID(i%20000), presencetest.Node(1, 5), im.SessionID(i%40000))
				}
				return r.Put(ctx, all)
			})
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			r := open(b, randomPrefix())
			for id := range im.NodeID(10) {
				if _, err := r.Announce(b.Context(), presencetest.Node(id+1, 5), time.Hour); err != nil {
					b.Fatal(err)
				}
			}
			var all []im.SessionInfo
			for i := range 2000 {
				all = append(all, presencetest.Session(im.UserID(i/2), presencetest.Node(im.NodeID(i%10+1), 5), im.SessionID(i)))
			}
			if err := r.Put(b.Context(), all); err != nil {
				b.Fatal(err)
			}
			users := make([]im.UserID, size)
			for i := range users {
				users[i] = im.UserID(i)
			}
			cost(b, r, size, func(ctx context.Context) error {
				_, err := r.Lookup(ctx, users)
				return err
			})
		})
	}
}

// cost runs op and reports the CPU of both sides for 100,000 items.
func cost(b *testing.B, r *Registry, items int, op func(context.Context) error) {
	b.Helper()
	server, client := redisCPU(b, r), ownCPU(b)
	n := 0
	for b.Loop() {
		if err := op(b.Context()); err != nil {
			b.Fatal(err)
		}
		n += items
	}
	per := 1e5 / float64(n)
	b.ReportMetric((redisCPU(b, r)-server)*per, "redis-s/100k")
	b.ReportMetric((ownCPU(b)-client)*per, "own-s/100k")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "items/s")
	forget(b, r)
}

func redisCPU(b *testing.B, r *Registry) float64 {
	b.Helper()
	info, err := r.client.Info(b.Context(), "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	sum := 0.0
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			v, _ := strconv.ParseFloat(value, 64)
			sum += v
		}
	}
	return sum
}

func ownCPU(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
