package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

const (
	groupTarget  = 2.0                    // CPU seconds for 100,000 deliveries in a group, at most
	latencyLimit = 250 * time.Millisecond // until 99 of 100 deliveries, at the rate that the options say
)

// busy is a group in which many write at once, calm one in which the next message
// is sent when the one before has been acknowledged: then nothing is written
// together.
func (o *options) busy(g im.GroupID, members int) groupPlan {
	p := groupPlan{group: g, senders: min(o.senders, members), window: o.window, size: o.size}
	p.messages = max(1, o.deliveries/members/p.senders)
	return p
}

func (o *options) calm(g im.GroupID, members int) groupPlan {
	return groupPlan{group: g, senders: 1, window: 1, size: o.size, messages: max(1, o.deliveries/members)}
}

// paced is a group in which messages come at a rate, whatever becomes of those before.
func (o *options) paced(g im.GroupID, members int) groupPlan {
	p := o.busy(g, members)
	p.every = time.Duration(float64(time.Second) * float64(p.senders*members) / float64(o.rate))
	return p
}

// groupRound is what a round has used.
type groupRound struct {
	groupResult
	cost
	messages int
}

// per is CPU seconds of a part for 100,000 deliveries.
func (r *groupRound) per(d time.Duration) float64 {
	return d.Seconds() * 1e5 / float64(r.deliveries)
}

func (r *groupRound) total() time.Duration { return r.server + r.db }

func (r *groupRound) String() string {
	return fmt.Sprintf("%d messages, %.0f deliveries/s, CPU-s per 100k deliveries: server %.2f database %.2f total %.2f, delivery p50 %v p99 %v, %d pulls",
		r.messages, float64(r.deliveries)/r.elapsed.Seconds(), r.per(r.server), r.per(r.db), r.per(r.total()),
		r.latency.at(.5).Round(10*time.Microsecond), r.latency.at(.99).Round(10*time.Microsecond), r.pulls)
}

// groupRound runs a plan once.
func (c *cell) groupRound(ctx context.Context, members []*member, p groupPlan) (groupRound, error) {
	before, err := c.cost()
	if err != nil {
		return groupRound{}, err
	}
	res, err := runGroup(ctx, members, p)
	if err != nil {
		return groupRound{}, err
	}
	after, err := c.cost()
	return groupRound{groupResult: res, cost: after.minus(before), messages: p.total()}, err
}

// namedPlan is a plan under the name that it is printed with.
type namedPlan struct {
	name string
	groupPlan
}

// groupRounds runs plans in turn, round by round, prints what they gave and returns
// the median of each; one more round before them warms up.
func (c *cell) groupRounds(ctx context.Context, o options, members []*member, plans ...namedPlan) ([]groupRound, error) {
	all := make([][]groupRound, len(plans))
	for i := range o.rounds + 1 {
		for k, p := range plans {
			r, err := c.groupRound(ctx, members, p.groupPlan)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			fmt.Printf("%s, round %d: %v\n", p.name, i, &r)
			if i > 0 || o.rounds == 0 {
				all[k] = append(all[k], r)
			}
		}
	}
	medians := make([]groupRound, len(plans))
	for k, rounds := range all {
		slices.SortFunc(rounds, func(a, b groupRound) int { return int(a.total() - b.total()) })
		medians[k] = rounds[len(rounds)/2]
	}
	return medians, nil
}

// benchGroups measures groups of which everybody is online.
func benchGroups(ctx context.Context, o options) error {
	for _, n := range []int{100, 1000} {
		if err := groupOf(ctx, o, n); err != nil {
			return err
		}
	}
	return nil
}

func groupOf(ctx context.Context, o options, n int) error {
	c, groups, err := startFilled(ctx, o, fmt.Sprintf("group-%d", n), []int{n})
	if err != nil {
		return err
	}
	defer c.stop()
	members, err := c.members(ctx, n)
	if err != nil {
		return err
	}
	defer closeMembers(members)
	fmt.Printf("group of %d, all online, engine=%s durability=%s tls=1.3 text=%dB\n", n, o.engine, c.server.Ready["durability"], o.size)
	busy, calm, paced := o.busy(groups[0], n), o.calm(groups[0], n), o.paced(groups[0], n)
	for _, p := range []namedPlan{
		{fmt.Sprintf("group of %d, %d senders, window %d", n, busy.senders, o.window), busy},
		{fmt.Sprintf("group of %d, one message at a time", n), calm},
		{fmt.Sprintf("group of %d, %d deliveries/s", n, o.rate), paced},
	} {
		end := c.profileCPU(ctx, o, fmt.Sprintf("%d.%d", n, p.senders))
		rounds, err := c.groupRounds(ctx, o, members, p)
		end()
		if err != nil {
			return err
		}
		printGroup(p, &rounds[0])
	}
	return printFloor(n, o.size)
}

func printGroup(p namedPlan, r *groupRound) {
	if p.every > 0 {
		late := r.latency.at(.99)
		fmt.Printf("%s: 99 of 100 within %v; %v wanted: %s\n", p.name, late.Round(10*time.Microsecond), latencyLimit, verdict(late <= latencyLimit))
		return
	}
	per := r.per(r.total())
	fmt.Printf("%s: %.2f CPU-s per 100k deliveries; %g wanted: %s\n", p.name, per, groupTarget, verdict(per <= groupTarget))
}

// printFloor says what of a delivery is the kernel's: what is around the text of a
// message on the wire is some 80 bytes.
func printFloor(n, size int) error {
	per, err := bareWrites(n, size+80)
	if err == nil {
		fmt.Printf("a bare write to each of %d connections: %.2f CPU-s per 100k\n", n, per)
	}
	return err
}

// startFilled starts a server whose storage has users and groups.
func startFilled(ctx context.Context, o options, name string, sizes []int, extra ...string) (*cell, []im.GroupID, error) {
	c, err := newCell(o, name)
	if err != nil {
		return nil, nil, err
	}
	if err := c.start(ctx, o); err != nil { // it makes the keys of its storage
		return nil, nil, err
	}
	_ = c.server.Stop()
	groups, err := c.fill(ctx, sizes)
	if err != nil {
		c.stopDB()
		return nil, nil, err
	}
	return c, groups, c.start(ctx, o, append(extra, longIdle)...)
}

// longIdle keeps connections that only receive.
const longIdle = "cxx.idle_timeout=1h"

// profileCPU has the server profile itself for some seconds, when the options name a
// file for that; end waits for them.
func (c *cell) profileCPU(ctx context.Context, o options, suffix string) (end func()) {
	if c == nil || o.profile == "" {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		data, err := c.debug(ctx, "profile?seconds=5")
		if err == nil {
			err = os.WriteFile(o.profile+"."+suffix, data, 0o600)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: no profile:", err)
		}
	}()
	return func() { <-done }
}
