package main

import (
	"context"
	"fmt"
	"slices"
)

const (
	mucRooms     = 10
	mucOccupants = 30

	mucTarget = 4.0 // CPU seconds for 100,000 deliveries, at most
	mucHoped  = 2.5 // times the CPU of cxxd that ejabberd uses, at least
)

// mucLoads are how rooms are used: in busy ones a few speak at once, in calm ones the
// next message is sent when the one before has come back, so that little is written
// together.
var mucLoads = []struct {
	name     string
	speakers int
	window   func(o options) int
}{
	{"busy", 3, func(o options) int { return o.window }},
	{"calm", 1, func(options) int { return 1 }},
}

// benchMUC measures rooms in which some speak and everybody listens, with the same
// load for each server.
func benchMUC(ctx context.Context, o options) error {
	var all []rate
	err := eachJabber(ctx, o, "groups-muc", func(j *jabber) error {
		if err := j.register(ctx, mucRooms*mucOccupants); err != nil {
			return err
		}
		for _, secure := range []bool{false, true} {
			r, err := j.rooms(ctx, o, secure)
			if err != nil {
				return err
			}
			all = append(all, r...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return printRooms(all, o)
}

func printRooms(all []rate, o options) error {
	fmt.Printf("\nMUC, %d rooms of %d, %d bytes; busy: %d speak in each, window %d; calm: one message of a room at a time; cxxd with its archive in %s:\n",
		mucRooms, mucOccupants, o.size, mucLoads[0].speakers, o.window, o.engine)
	if err := printRates(all, "deliveries/s"); err != nil {
		return err
	}
	for _, r := range all {
		ours := find(all, "cxxd", r.over)
		switch {
		case ours.total() == 0:
		case r.server == "cxxd":
			fmt.Printf("%s: %.2f CPU-s per 100k deliveries; %g wanted: %s\n", r.over, r.total(), mucTarget, verdict(r.total() <= mucTarget))
		default:
			times := r.total() / ours.total()
			fmt.Printf("%s: %s uses %.1f times the CPU of cxxd; %g hoped for: %s\n", r.over, r.server, times, mucHoped, verdict(times >= mucHoped))
		}
	}
	return nil
}

// rooms fills rooms and measures each load in them.
func (j *jabber) rooms(ctx context.Context, o options, secure bool) ([]rate, error) {
	over := "plaintext"
	if secure {
		over = "tls"
	}
	users, err := j.login(ctx, mucRooms*mucOccupants, secure)
	defer abortAll(users)
	if err != nil {
		return nil, err
	}
	rooms := make([]*mucRoom, mucRooms)
	err = some(mucRooms, func(i int) (err error) {
		name := fmt.Sprintf("%s%d", over, i)
		rooms[i], err = enter(ctx, name+"@conference."+xmppDomain, users[i*mucOccupants:(i+1)*mucOccupants])
		return err
	})
	if err != nil {
		return nil, err
	}
	// What is said of those who came is read before the load begins.
	if err := some(len(users), func(i int) error { return users[i].RoundTrip(ctx) }); err != nil {
		return nil, err
	}
	var all []rate
	for _, load := range mucLoads {
		p := mucPlan{rooms: rooms, speakers: load.speakers, msgPlan: msgPlan{window: load.window(o), size: o.size}}
		p.messages = max(1, o.deliveries/(mucRooms*mucOccupants*load.speakers))
		end := j.cell.profileCPU(ctx, o, over+"."+load.name)
		r, err := j.roomRounds(ctx, o, over+" "+load.name, p)
		end()
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// roomRounds runs the rounds of a load; the first warms up, the median of the others
// counts.
func (j *jabber) roomRounds(ctx context.Context, o options, over string, p mucPlan) (rate, error) {
	var rounds []rate
	for round := range o.rounds + 1 {
		r, err := j.roomRound(ctx, p)
		if err != nil {
			return rate{}, err
		}
		r.over = over
		fmt.Printf("%s %s round %d: %.0f deliveries/s, CPU-s per 100k: server %.2f database %.2f total %.2f\n", r.server, r.over, round, r.perSecond, r.cpu, r.database, r.total())
		if round > 0 || o.rounds == 0 {
			rounds = append(rounds, r)
		}
	}
	slices.SortFunc(rounds, func(a, b rate) int { return int(1e3 * (a.total() - b.total())) })
	return rounds[len(rounds)/2], nil
}

func (j *jabber) roomRound(ctx context.Context, p mucPlan) (rate, error) {
	before, err := j.cost()
	if err != nil {
		return rate{}, err
	}
	elapsed, err := runRooms(ctx, p)
	if err != nil {
		return rate{}, err
	}
	after, err := j.cost()
	used, n := after.minus(before), float64(p.deliveries())
	return rate{server: j.name, perSecond: n / elapsed.Seconds(), cpu: used.server.Seconds() * 1e5 / n, database: used.db.Seconds() * 1e5 / n}, err
}
