package main

import (
	"context"
	"fmt"

	"github.com/cxx-im/cxx/im"
)

// membersOnline is how many of the members are online in benchGroupMembers.
const membersOnline = 100

// benchGroupMembers measures what a message costs when of more and more members the
// same 100 are online.
func benchGroupMembers(ctx context.Context, o options) error {
	sizes := []int{100, 1000, 10000}
	c, groups, err := startFilled(ctx, o, "group-members", sizes)
	if err != nil {
		return err
	}
	defer c.stop()
	members, err := c.members(ctx, membersOnline)
	if err != nil {
		return err
	}
	defer closeMembers(members)
	for _, load := range []struct {
		name string
		plan func(im.GroupID, int) groupPlan
	}{
		{fmt.Sprintf("%d senders, window %d", o.senders, o.window), o.busy},
		{"one message at a time", o.calm},
	} {
		plans := make([]namedPlan, len(sizes))
		for i, n := range sizes {
			plans[i] = namedPlan{fmt.Sprintf("%d of %d members online, %s", membersOnline, n, load.name), load.plan(groups[i], membersOnline)}
		}
		rounds, err := c.groupRounds(ctx, o, members, plans...)
		if err != nil {
			return err
		}
		printMembers(plans, rounds)
	}
	return nil
}

// printMembers compares the groups with the smallest one, where everybody is online.
func printMembers(plans []namedPlan, rounds []groupRound) {
	var first float64
	for i, r := range rounds {
		cpu := r.total().Seconds() * 1e3 / float64(r.messages)
		if i == 0 {
			first = cpu
		}
		fmt.Printf("%s: %.3f CPU ms per message, × %.2f of the smallest group; at most × 1.2 wanted: %s\n", plans[i].name, cpu, cpu/first, verdict(cpu <= 1.2*first))
	}
}
