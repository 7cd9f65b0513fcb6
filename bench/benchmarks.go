package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/imtest/proc"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

func benchMessages(ctx context.Context, o options) error {
	c, err := startCell(ctx, o, "messages")
	if err != nil {
		return err
	}
	defer c.stop()
	users, err := c.connect(ctx, 2*o.pairs, c.tls())
	defer closeAll(users)
	if err != nil {
		return err
	}
	fmt.Printf("messages engine=%s durability=%s tls=1.3 pairs=%d window=%d text=%dB\n",
		o.engine, c.server.Ready["durability"], o.pairs, o.window, o.size)
	plan := msgPlan{pairs: o.pairs, window: o.window, messages: o.messages, size: o.size}
	for round := range o.rounds {
		before, err := c.cost()
		if err != nil {
			return err
		}
		res, err := runMessages(ctx, users, plan)
		if err != nil {
			return err
		}
		after, err := c.cost()
		if err != nil {
			return err
		}
		used := after.minus(before)
		per := func(d time.Duration) float64 { return d.Seconds() * 1e5 / float64(res.messages) }
		fmt.Printf("round %d: %d messages, %.0f msg/s, CPU-s per 100k: server %.2f database %.2f total %.2f, ack p50 %v p99 %v, delivery p50 %v p99 %v\n",
			round+1, res.messages, float64(res.messages)/res.elapsed.Seconds(),
			per(used.server), per(used.db), per(used.server+used.db),
			res.ack.at(.5).Round(10*time.Microsecond), res.ack.at(.99).Round(10*time.Microsecond),
			res.delivery.at(.5).Round(10*time.Microsecond), res.delivery.at(.99).Round(10*time.Microsecond))
	}
	return nil
}

func benchIdle(ctx context.Context, o options) error {
	for _, kind := range []string{"plaintext", "tls"} {
		if err := idle(ctx, o, kind); err != nil {
			return err
		}
	}
	return nil
}

func idle(ctx context.Context, o options, kind string) error {
	c, err := startCell(ctx, o, "idle-"+kind, "cxx.idle_timeout=10m")
	if err != nil {
		return err
	}
	defer c.stop()
	var conf *tls.Config
	if kind == "tls" {
		conf = c.tls()
		conf.ClientSessionCache = nil
	}
	// Everybody logs in once before: the accounts, and what the process keeps of
	// them without a connection, are not what is measured.
	known, err := c.connect(ctx, o.conns, conf)
	closeAll(known)
	if err != nil {
		return err
	}
	if _, err := c.collect(ctx); err != nil {
		return err
	}
	wait(ctx, o.settle)
	before, err := proc.UsageOf(c.server.Pid())
	if err != nil {
		return err
	}
	conns, err := c.connect(ctx, o.conns, conf)
	defer closeAll(conns)
	if err != nil {
		return err
	}
	now, err := proc.UsageOf(c.server.Pid())
	if err != nil {
		return err
	}
	// What is garbage of the logins goes with the next collection; the settled
	// figure is the one for sizing.
	profile, err := c.collect(ctx)
	if err != nil {
		return err
	}
	if o.profile != "" {
		if err := os.WriteFile(o.profile+"."+kind, profile, 0o600); err != nil {
			return err
		}
	}
	wait(ctx, o.settle)
	settled, err := proc.UsageOf(c.server.Pid())
	if err != nil {
		return err
	}
	per := func(u proc.Usage) float64 { return float64(u.RSS-before.RSS) / float64(o.conns) / 1024 }
	fmt.Printf("idle %s: %d logged-in connections, %.2f KiB each at once, %.2f KiB each after a collection and %v (resident growth of the whole process)\n",
		kind, o.conns, per(now), per(settled), o.settle)
	return ctx.Err()
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func benchLogin(ctx context.Context, o options) error {
	c, err := startCell(ctx, o, "login")
	if err != nil {
		return err
	}
	defer c.stop()
	const users = 100
	for _, kind := range []string{"plaintext", "tls resumed"} {
		var conf *tls.Config
		addr := c.server.Ready["plain"]
		if kind != "plaintext" {
			conf, addr = c.tls(), c.server.Ready["cxx"]
			conf.ClientSessionCache = tls.NewLRUClientSessionCache(users)
		}
		conns, err := c.connect(ctx, users, conf)
		if err != nil {
			return err
		}
		closeAll(conns)
		for round := range o.rounds {
			if err := loginRound(ctx, c, o, kind, addr, conf, conns, round); err != nil {
				return err
			}
		}
	}
	return nil
}

func loginRound(ctx context.Context, c *cell, o options, kind, addr string, conf *tls.Config, conns []*conn, round int) error {
	before, err := c.cost()
	if err != nil {
		return err
	}
	start := time.Now()
	errs := make(chan error, len(conns))
	each := o.logins / len(conns)
	for i := range conns {
		go func() {
			var err error
			for n := 0; n < each && err == nil && ctx.Err() == nil; n++ {
				conns[i], err = relogin(ctx, addr, conf, conns[i])
			}
			errs <- err
		}()
	}
	for range conns {
		if e := <-errs; e != nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	after, err := c.cost()
	if err != nil {
		return err
	}
	used := after.minus(before)
	n := float64(each * len(conns))
	fmt.Printf("login by token, %s, engine %s, round %d: %.0f logins/s, CPU ms per login: server %.3f database %.3f total %.3f\n",
		kind, o.engine, round+1, n/time.Since(start).Seconds(),
		used.server.Seconds()*1e3/n, used.db.Seconds()*1e3/n, (used.server+used.db).Seconds()*1e3/n)
	return nil
}

func relogin(ctx context.Context, addr string, conf *tls.Config, old *conn) (*conn, error) {
	c, err := dial(ctx, addr, conf)
	if err != nil {
		return old, err
	}
	defer c.Close()
	c.user, c.device, c.token = old.user, old.device, old.token
	if err := c.hello(); err != nil {
		return old, err
	}
	return c, c.login("")
}

func benchWire(context.Context, options) error {
	text := strings.Repeat("x", 20)
	user, id := uint64(1)<<51|12345, make([]byte, 16)
	msg := uint64(im.MakeMsgID(time.Now(), 1, 3))
	size := func(t cxxpb.FrameType, m proto.Message) int { return len(proto.AppendFrame(nil, t, 0, m)) }
	fmt.Printf("wire, 20-byte text: send %d B, ack %d B, push %d B, heartbeat 1 B (frames, before TLS)\n",
		size(cxxpb.FrameType_FRAME_SEND, &cxxpb.Send{Id: 1000, To: user, ClientId: id, Text: text}),
		size(cxxpb.FrameType_FRAME_SEND_ACK, &cxxpb.SendAck{Id: 1000, MsgId: msg, Seq: 100000}),
		size(cxxpb.FrameType_FRAME_PUSH, &cxxpb.Push{Entries: []*cxxpb.Entry{{Seq: 100000, MsgId: msg, From: user, Text: text}}}))
	return nil
}
