// Command bench measures the server from outside: it starts cxxd with the
// engine that is asked for, drives it over the wire, and prints figures that
// can be compared between machines: CPU seconds per 100,000 messages, bytes
// per connection, CPU per login, bytes on the wire.
//
// It imports the wire format and, but for the cost of storage alone, nothing of
// the server. Traffic goes to
// loopback only. Rates depend on the machine and on what else it does; the CPU
// figures are the ones to trust.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type options struct {
	server   string
	engine   string
	dir      string
	pairs    int
	window   int
	messages int
	size     int
	conns    int
	logins   int
	sessions int
	servers  string
	rounds   int
	settle   time.Duration
	profile  string

	senders    int
	deliveries int
	rate       int
}

var benchmarks = []struct {
	name, what string
	run        func(context.Context, options) error
}{
	{"messages", "1:1 messages/s and CPU per 100k, durable, acked, delivered in order", benchMessages},
	{"idle", "bytes per idle logged-in connection, plaintext and TLS", benchIdle},
	{"login", "CPU per login by device token", benchLogin},
	{"wire", "bytes on the wire of a 20-byte text", benchWire},
	{"groups-cxx", "groups of 100 and 1,000 online members: CPU per 100k deliveries, latency", benchGroups},
	{"groups-members", "CPU per message for the same 100 online of 100, 1,000 and 10,000 members", benchGroupMembers},
	{"groups-storage", "messages/s and CPU of the storage alone, for groups", benchGroupStorage},
	{"groups-muc", "MUC: CPU per 100k deliveries in 10 rooms of 30, beside ejabberd and Prosody", benchMUC},
	{"xmpp-messages", "XMPP: 1:1 messages/s and CPU per 100k, beside ejabberd and Prosody", benchXMPPMessages},
	{"xmpp-idle", "XMPP: bytes per idle session, beside them", benchXMPPIdle},
	{"xmpp-login", "XMPP: CPU per SCRAM login, beside them", benchXMPPLogin},
}

func main() {
	var o options
	fs := flag.NewFlagSet("bench", flag.ExitOnError)
	fs.StringVar(&o.server, "server", "bin/cxxd", "server binary")
	fs.StringVar(&o.engine, "engine", "sqlite", "sqlite or mysql; mysql starts a private MariaDB")
	fs.StringVar(&o.dir, "dir", "", "working directory; empty: a temporary one, removed at the end")
	fs.IntVar(&o.pairs, "pairs", 100, "messages: pairs of users")
	fs.IntVar(&o.window, "window", 8, "messages: unacknowledged messages per sender")
	fs.IntVar(&o.messages, "messages", 1000, "messages: per sender and round")
	fs.IntVar(&o.size, "size", 100, "messages: bytes of text")
	fs.IntVar(&o.rounds, "rounds", 3, "messages, login: rounds; each is printed")
	fs.IntVar(&o.conns, "conns", 10000, "idle: connections")
	fs.DurationVar(&o.settle, "settle", 30*time.Second, "idle: wait before the second figure")
	fs.StringVar(&o.profile, "profile", "", "idle: write the server's heap profile to this file; groups: its CPU profiles")
	fs.IntVar(&o.senders, "senders", 10, "groups: members who send at once")
	fs.IntVar(&o.deliveries, "deliveries", 200000, "groups: deliveries per round")
	fs.IntVar(&o.rate, "rate", 20000, "groups-cxx: deliveries per second where the latency is measured")
	fs.StringVar(&o.servers, "servers", "cxxd,ejabberd,ejabberd+mam,prosody", "xmpp, groups-muc: the servers to measure")
	fs.IntVar(&o.sessions, "sessions", 2000, "xmpp-idle: sessions")
	fs.IntVar(&o.logins, "logins", 5000, "login: logins per round")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: bench [flags] all|xmpp|groups|NAME …")
		for _, b := range benchmarks {
			fmt.Fprintf(fs.Output(), "  %-14s %s\n", b.name, b.what)
		}
		fs.PrintDefaults()
	}
	fs.Parse(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, fs.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, names []string) error {
	if len(names) == 0 {
		return errors.New("name a benchmark, or all, xmpp or groups; bench -h lists them")
	}
	if o.engine != "sqlite" && o.engine != "mysql" {
		return fmt.Errorf("engine %q is neither sqlite nor mysql", o.engine)
	}
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "cxx-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	ran := 0
	for _, b := range benchmarks {
		for _, n := range names {
			if n != b.name && n != setOf(b.name) {
				continue
			}
			ran++
			if err := b.run(ctx, o); err != nil {
				return fmt.Errorf("%s: %w", b.name, err)
			}
		}
	}
	if ran == 0 {
		return fmt.Errorf("there is no benchmark %q; bench -h lists them", names[0])
	}
	return nil
}

// setOf returns the name that stands for a benchmark and others beside it.
func setOf(name string) string {
	for _, set := range []string{"xmpp", "groups"} {
		if strings.HasPrefix(name, set+"-") {
			return set
		}
	}
	return "all"
}
