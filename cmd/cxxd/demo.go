package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/cmd/node"
)

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run a server for a moment: make two users, send messages, show them",
		Args:  wants(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
			defer cancel()
			return demo(ctx, c.OutOrStdout())
		},
	}
}

// demo does what a newcomer would do by hand, with a server of its own that
// leaves nothing behind.
func demo(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "cxx-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg := node.Default()
	cfg.NAS.Listen, cfg.CXX.Listen = "127.0.0.1:0", []string{"127.0.0.1:0"}
	cfg.XMPP.Listen, cfg.XMPP.TLSListen = nil, nil
	cfg.HTTP.Listen, cfg.Admin.Listen = "", ""
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	alice, bob := demoUser{"alice@localhost", rand.Text()}, demoUser{"bob@localhost", rand.Text()}
	if err := makeUsers(ctx, cfg, dir, quiet, alice, bob); err != nil {
		return err
	}
	n, err := node.New(ctx, node.Options{Role: node.RoleAll, Config: cfg, DataDir: dir, Version: version, Log: quiet})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- n.Run(running) }()
	defer func() {
		stop()
		if e := <-ended; err == nil {
			err = e
		}
	}()
	fmt.Fprintf(out, "a server runs for this demonstration: %s\n", n.Ready())
	return talk(ctx, out, n, alice, bob)
}

type demoUser struct{ addr, password string }

func makeUsers(ctx context.Context, cfg node.Config, dir string, log *slog.Logger, users ...demoUser) error {
	admin, done, err := node.OpenOffline(ctx, cfg, dir, log)
	if err != nil {
		return err
	}
	for _, u := range users {
		if _, e := admin.CreateUser(ctx, u.addr, u.password); e != nil {
			err = fmt.Errorf("%s: %w", u.addr, e)
		}
	}
	if e := done(); err == nil {
		err = e
	}
	return err
}

func talk(ctx context.Context, out io.Writer, n *node.Node, users ...demoUser) error {
	clients := make([]*client.Client, len(users))
	for i, u := range users {
		c, err := client.Dial(ctx, client.Options{NAS: []string{n.Addrs().NAS}, CAFile: n.CA(), Addr: u.addr, Password: u.password})
		if err != nil {
			return fmt.Errorf("%s: %w", u.addr, err)
		}
		defer c.Close()
		clients[i] = c
		fmt.Fprintf(out, "%s is online\n", u.addr)
	}
	for i, text := range []string{"Hello Bob, this is Alice.", "Hello Alice, I can read you."} {
		from, to := i, 1-i
		peer, err := clients[from].Resolve(ctx, users[to].addr)
		if err != nil {
			return err
		}
		ack, err := clients[from].Send(ctx, peer, text)
		if err != nil {
			return fmt.Errorf("%s could not send: %w", users[from].addr, err)
		}
		if err := show(ctx, out, clients[to], users[from].addr, users[to].addr, text); err != nil {
			return err
		}
		fmt.Fprintf(out, "  stored as message %d, entry %d of the sender's inbox\n", ack.MsgID, ack.Seq)
	}
	return nil
}

// show waits for the message and prints it as it was received.
func show(ctx context.Context, out io.Writer, c *client.Client, from, to, want string) error {
	for {
		e, err := c.Next(ctx)
		if err != nil {
			return fmt.Errorf("%s did not receive the message: %w", to, err)
		}
		if m, ok := e.(client.Message); ok && m.Text == want {
			fmt.Fprintf(out, "%s to %s: %s\n", from, to, m.Text)
			return nil
		}
	}
}
