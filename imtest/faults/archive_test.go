package faults

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// archived is a message out of the archive of an XMPP account.
type archived struct {
	seq  uint64
	body string
	from string // user
}

// readArchive reads a user's archive from the beginning as a client that was
// never there before.
func (c *cell) readArchive(ctx context.Context, user string) ([]archived, error) {
	d := c.xdevice(user, "check")
	for {
		x, err := d.open(ctx, c.acs[0])
		if err == nil {
			defer x.Abort()
			if err := x.Bind(ctx); err != nil {
				return nil, err
			}
			return pages(ctx, x)
		}
		if ctx.Err() != nil {
			return nil, err
		}
	}
}

func pages(ctx context.Context, x *xmpptest.Client) (all []archived, err error) {
	for id, after := 1, uint64(0); ; id++ {
		if err := x.Send(archiveQuery(id, after)); err != nil {
			return nil, err
		}
		answer, err := x.Take(ctx, func(e *xmlstream.Element) bool {
			return e.Is(stanza.NSClient, "iq") && e.Attr("id") == "m"+strconv.Itoa(id)
		})
		if err != nil {
			return nil, err
		}
		for _, e := range x.Heard() {
			a, err := readArchived(e)
			if err != nil {
				return nil, err
			}
			all = append(all, a)
		}
		fin := answer.Child(stanza.NSMAM, "fin")
		if fin == nil {
			return nil, fmt.Errorf("the archive answered %v", answer)
		}
		if fin.Attr("complete") == "true" {
			return all, nil
		}
		if len(all) == 0 || all[len(all)-1].seq <= after {
			return nil, errors.New("a page of the archive is empty and not the last")
		}
		after = all[len(all)-1].seq
	}
}

func readArchived(e *xmlstream.Element) (archived, error) {
	result := e.Child(stanza.NSMAM, "result")
	st := result.Child(stanza.NSForward, "forwarded").Child(stanza.NSClient, "message")
	seq, err := strconv.ParseUint(result.Attr("id"), 10, 64)
	if err != nil || st == nil {
		return archived{}, fmt.Errorf("the archive gave %v", e)
	}
	from, _, _ := strings.Cut(st.Attr("from"), "@")
	return archived{seq, st.ChildText(stanza.NSClient, "body"), from}, nil
}

// archived is C9: what XMPP shows of a user's log is what C-XX shows.
func (c *checker) archived(p *person) {
	list := c.archives[p]
	n := 0
	for _, e := range c.inboxes[p] {
		if !isMessage(e) {
			continue
		}
		if n == len(list) {
			c.lost++
			c.fail("C9 %s: %q at seq %d is not in the archive", p.name, e.Text, e.Seq)
			return
		}
		if a := list[n]; a.seq != e.Seq || a.body != e.Text || (a.from == p.name) != p.wrote(e) {
			c.fail("C9 %s: message %d is %q from %s at seq %d in the archive, and %q from %d at seq %d by C-XX", p.name, n, a.body, a.from, a.seq, e.Text, e.From, e.Seq)
			return
		}
		n++
	}
	if n < len(list) {
		c.fail("C9 %s: %q at seq %d is in the archive alone", p.name, list[n].body, list[n].seq)
	}
}

// delivered checks what came to an XMPP client against the log.
func (c *checker) delivered(r *xreceiver) {
	places := make(map[uint64]string)
	for _, e := range c.inboxes[r.person] {
		places[e.Seq] = e.Text
	}
	for seq, body := range r.inbox {
		if places[seq] != body {
			c.fail("C2 %s: seq %d came by XMPP as %q and reads %q", r.name, seq, body, places[seq])
		}
	}
}
