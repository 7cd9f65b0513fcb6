package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// mucRoom is a room with everybody who is in it.
type mucRoom struct {
	addr      string
	occupants []*xmpptest.Client
}

const (
	nsMUC      = "http://jabber.org/protocol/muc"
	nsMUCOwner = nsMUC + "#owner"
)

// enter lets users into a room, one after the other; the first makes it.
func enter(ctx context.Context, addr string, users []*xmpptest.Client) (*mucRoom, error) {
	ctx, cancel := context.WithTimeout(ctx, xmppPatience)
	defer cancel()
	r := &mucRoom{addr, users}
	for i, c := range users {
		self := fmt.Sprintf("%s/nick%d", addr, i)
		if err := c.Send("<presence to='" + self + "'><x xmlns='" + nsMUC + "'><history maxstanzas='0'/></x></presence>"); err != nil {
			return nil, err
		}
		_, err := c.Take(ctx, func(e *xmlstream.Element) bool { return e.Is("jabber:client", "presence") && e.Attr("from") == self })
		if err != nil {
			return nil, err
		}
		if i > 0 {
			continue
		}
		if _, err := c.IQ(ctx, "set", addr, "<query xmlns='"+nsMUCOwner+"'><x xmlns='jabber:x:data' type='submit'/></query>"); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// mucPlan is the load of rooms: the first of each speak, each as msgPlan says.
type mucPlan struct {
	msgPlan
	rooms    []*mucRoom
	speakers int
}

func (p *mucPlan) deliveries() (n int) {
	for _, r := range p.rooms {
		n += len(r.occupants) * p.speakers * p.messages
	}
	return n
}

// runRooms ends when every occupant has received every message of his room, once and
// in the order of each speaker.
func runRooms(ctx context.Context, p mucPlan) (time.Duration, error) {
	stop := context.AfterFunc(ctx, func() {
		for _, r := range p.rooms {
			abortAll(r.occupants)
		}
	})
	defer stop()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	do := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if failed == nil {
					failed = err
				}
			}
		})
	}
	start := time.Now()
	for _, r := range p.rooms {
		for i, u := range r.occupants {
			c, own := u.Detach(), -1
			came := make(chan int, p.messages)
			if i < p.speakers {
				own = i
				do(func() error {
					return pumpXML(c, r.addr, "groupchat", p.msgPlan, came, func(n int) string { return number(i, n) })
				})
			}
			do(func() error {
				defer close(came)
				if err := drainRoom(c, &p, own, came); err != nil {
					return fmt.Errorf("%s, occupant %d: %w", r.addr, i, err)
				}
				return nil
			})
		}
	}
	wg.Wait()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return time.Since(start), failed
}

// drainRoom receives all that is said in a room; own is who speaks on this
// connection, -1 for nobody.
func drainRoom(c net.Conn, p *mucPlan, own int, came chan<- int) error {
	r := bodyReader{c: c, buf: make([]byte, 0, 32<<10)}
	next := make([]int, p.speakers)
	for got := 0; got < p.speakers*p.messages; {
		mine := 0
		err := r.read(func(text []byte) error {
			speaker, _, err := order(next, string(text))
			if speaker == own {
				mine++
			}
			got++
			return err
		})
		if err != nil {
			return fmt.Errorf("after %d messages: %w", got, err)
		}
		if mine > 0 {
			came <- mine
		}
	}
	return nil
}
