package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/cxx-im/cxx/imtest/proc"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// rate is one line of the table of messages.
type rate struct {
	server, over  string
	perSecond     float64
	cpu, database float64 // seconds per 100,000 messages
}

func (r rate) total() float64 { return r.cpu + r.database }

func benchXMPPMessages(ctx context.Context, o options) error {
	var all []rate
	err := eachJabber(ctx, o, "xmpp-messages", func(j *jabber) error {
		if err := j.register(ctx, 2*o.pairs); err != nil {
			return err
		}
		for _, secure := range []bool{false, true} {
			r, err := j.messages(ctx, o, secure)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	store, err := storageCost(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("\n1:1 messages, %d pairs, window %d, %d bytes, cxxd with its archive in %s:\n", o.pairs, o.window, o.size, o.engine)
	if err := printRates(all, "msg/s"); err != nil {
		return err
	}
	fmt.Printf("storage alone, the same messages without a wire: %.2f CPU-s/100k\n", store)
	for _, over := range []string{"plaintext", "tls"} {
		ours, plain, mam := find(all, "cxxd", over), find(all, "ejabberd", over), find(all, "ejabberd+mam", over)
		if ours.perSecond == 0 {
			continue
		}
		if plain.perSecond > 0 {
			fmt.Printf("%s: cxxd %.2f CPU-s/100k; ejabberd without archive plus our storage %.2f: %s\n", over, ours.total(), plain.total()+store, verdict(ours.total() < plain.total()+store))
		}
		if mam.perSecond > 0 {
			fmt.Printf("%s: cxxd %.1f times the rate of ejabberd with its archive in MariaDB; 4 wanted: %s\n", over, ours.perSecond/mam.perSecond, verdict(ours.perSecond >= 4*mam.perSecond))
		}
	}
	return nil
}

func verdict(ok bool) string {
	if ok {
		return "met"
	}
	return "missed"
}

// printRates prints a line for each server, beside that of cxxd over the same. unit is
// what was counted.
func printRates(all []rate, unit string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "server\tover\t%s\tCPU-s/100k\tserver\tdatabase\trate of cxxd\tCPU of cxxd\t\n", unit)
	for _, r := range all {
		ours := find(all, "cxxd", r.over)
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\t%.2f\t%.2f\t× %.2f\t× %.2f\t\n",
			r.server, r.over, r.perSecond, r.total(), r.cpu, r.database, ours.perSecond/r.perSecond, ours.total()/r.total())
	}
	return w.Flush()
}

func find(all []rate, server, over string) rate {
	i := slices.IndexFunc(all, func(r rate) bool { return r.server == server && r.over == over })
	if i < 0 {
		return rate{}
	}
	return all[i]
}

// messages runs the rounds; the first warms up, the median of the others counts.
func (j *jabber) messages(ctx context.Context, o options, secure bool) (rate, error) {
	over := "plaintext"
	if secure {
		over = "tls"
	}
	users, err := j.login(ctx, 2*o.pairs, secure)
	defer abortAll(users)
	if err != nil {
		return rate{}, err
	}
	var rounds []rate
	for round := range o.rounds + 1 {
		before, err := j.cost()
		if err != nil {
			return rate{}, err
		}
		plan := msgPlan{pairs: o.pairs, window: o.window, messages: o.messages, size: o.size}
		elapsed, err := runXMPP(ctx, users, plan)
		if err != nil {
			return rate{}, err
		}
		after, err := j.cost()
		if err != nil {
			return rate{}, err
		}
		used, n := after.minus(before), float64(plan.pairs*plan.messages)
		r := rate{j.name, over, n / elapsed.Seconds(), used.server.Seconds() * 1e5 / n, used.db.Seconds() * 1e5 / n}
		fmt.Printf("%s %s round %d: %.0f msg/s, CPU-s per 100k: server %.2f database %.2f total %.2f\n", r.server, r.over, round, r.perSecond, r.cpu, r.database, r.total())
		if round > 0 || o.rounds == 0 {
			rounds = append(rounds, r)
		}
	}
	slices.SortFunc(rounds, func(a, b rate) int { return int(1e3 * (a.total() - b.total())) })
	return rounds[len(rounds)/2], nil
}

func benchXMPPIdle(ctx context.Context, o options) error {
	type line struct{ plain, secure float64 }
	table := make(map[string]line)
	err := eachJabber(ctx, o, "xmpp-idle", func(j *jabber) error {
		if j.name == "ejabberd+mam" {
			return nil // the archive has no part in it
		}
		if err := j.register(ctx, o.sessions); err != nil {
			return err
		}
		var l line
		for _, m := range []struct {
			secure bool
			out    *float64
		}{{false, &l.plain}, {true, &l.secure}} {
			kib, err := j.idle(ctx, o, m.secure)
			if err != nil {
				return err
			}
			*m.out = kib
		}
		table[j.name] = l
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nidle XMPP sessions, %d, resident growth over a warm baseline:\n", o.sessions)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "server\tplaintext KiB\tTLS KiB\t")
	for _, c := range contestants {
		if l, ok := table[c.name]; ok {
			fmt.Fprintf(w, "%s\t%.1f\t%.1f\t\n", c.name, l.plain, l.secure)
		}
	}
	return w.Flush()
}

// warm is how many sessions come and go before the baseline.
const warm = 100

// idle returns KiB per session: what a server that has the accounts, and has
// served some of them since it started, grows by.
func (j *jabber) idle(ctx context.Context, o options, secure bool) (float64, error) {
	if err := j.restart(); err != nil {
		return 0, err
	}
	users, err := j.login(ctx, min(warm, o.sessions), secure)
	if err != nil {
		abortAll(users)
		return 0, err
	}
	if err := some(len(users), func(i int) error { return users[i].Close(ctx) }); err != nil {
		return 0, err
	}
	measure := func() (int64, error) {
		j.settle(ctx)
		wait(ctx, o.settle)
		u, err := proc.UsageOf(j.pid)
		return u.RSS, err
	}
	before, err := measure()
	if err != nil {
		return 0, err
	}
	users, err = j.login(ctx, o.sessions, secure)
	defer abortAll(users)
	if err != nil {
		return 0, err
	}
	after, err := measure()
	kib := float64(after-before) / float64(o.sessions) / 1024
	fmt.Printf("%s idle, tls %v: %.1f KiB per session\n", j.name, secure, kib)
	return kib, err
}

func benchXMPPLogin(ctx context.Context, o options) error {
	const users = 100
	fmt.Println()
	return eachJabber(ctx, o, "xmpp-login", func(j *jabber) error {
		if j.name == "ejabberd+mam" {
			return nil
		}
		if err := j.register(ctx, users); err != nil {
			return err
		}
		for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
			err := j.logins(ctx, o, mechanism, users)
			var u *xmpptest.Unexpected
			if errors.As(err, &u) {
				fmt.Printf("%s %s: not offered\n", j.name, mechanism)
				continue
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// logins logs users in and out again and again: a stream, SCRAM, bind.
func (j *jabber) logins(ctx context.Context, o options, mechanism string, users int) error {
	var before cost
	start, each := time.Now(), max(1, o.logins/users)
	for round := range 2 { // the first one derives the clients' keys
		if round == 1 {
			var err error
			if before, err = j.cost(); err != nil {
				return err
			}
			start = time.Now()
		}
		n := each
		if round == 0 {
			n = 1
		}
		if err := some(users, func(i int) error { return j.relogin(ctx, i, n, mechanism) }); err != nil {
			return err
		}
	}
	after, err := j.cost()
	used, n := after.minus(before), float64(users*each)
	fmt.Printf("%s %s: %.0f logins/s, CPU ms per login: server %.2f database %.2f total %.2f\n", j.name, mechanism, n/time.Since(start).Seconds(),
		used.server.Seconds()*1e3/n, used.db.Seconds()*1e3/n, (used.server+used.db).Seconds()*1e3/n)
	return err
}

func (j *jabber) relogin(ctx context.Context, user, times int, mechanism string) error {
	ctx, cancel := context.WithTimeout(ctx, xmppPatience)
	defer cancel()
	opt := j.options(user, false)
	opt.Mechanism = mechanism
	for range times {
		c, err := xmpptest.Login(ctx, opt)
		if err != nil {
			return err
		}
		if err := c.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}
