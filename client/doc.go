// Package client is the C-XX client: it signs in, stays connected, and gives an
// application the user's inbox as one stream, each entry once and in order.
//
// It finds a server through NAS, reconnects by itself, keeps what the user
// sends until it is acknowledged, heals gaps from the log, and asks the server
// for everything else. It draws nothing and decides nothing for the user;
// cmd/cxx and other programs do. All methods of Client are safe for any
// goroutine, except that one goroutine at a time calls Next.
//
//	c, err := client.Dial(ctx, client.Options{
//		NAS: []string{"im.example.org:7000"}, Addr: "alice@example.org",
//		Password: "…", StateDir: "/home/alice/.local/state/app",
//	})
//	defer c.Close()
//	bob, err := c.Resolve(ctx, "bob@example.org")
//	ack, err := c.Send(ctx, bob, "hello")
//	for ev, err := range c.Events(ctx) { … }
package client
