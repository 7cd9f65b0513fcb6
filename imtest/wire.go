package imtest

import (
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// Wants waits until every running node knows that the session with a resource
// wants to hear of a node of PEP.
func (c *Cell) Wants(u im.UserID, resource, leaf string) {
	c.t.Helper()
	for _, at := range c.nodes {
		if at.stop == nil {
			continue
		}
		c.Until(func() bool {
			return slices.ContainsFunc(at.node.Core().Known(u), func(s im.SessionInfo) bool {
				return s.Resource == resource && slices.Contains(strings.Fields(s.Presence.Interests), leaf)
			})
		}, "node %d knows that resource %s wants %s", at.id, resource, leaf)
	}
}

// XMPP returns how a client of a user, or of user/resource, reaches the node;
// the user gets an account when he has none. The words are those of scripts:
// tls, starttls, ws, bosh.
func (n *Node) XMPP(name string, words ...string) xmpptest.Options {
	n.cell.t.Helper()
	c := &XMPP{Name: name}
	c.password = Password(c.User())
	n.cell.Account(c.User())
	o, err := c.options(n, words)
	if err != nil {
		n.cell.t.Fatal(err)
	}
	return o
}

// XMPPAddr is where the node takes XMPP with STARTTLS.
func (n *Node) XMPPAddr() string { return n.node.Addrs().XMPP }

// HTTPAddr is where the node takes WebSocket and BOSH.
func (n *Node) HTTPAddr() string { return n.node.Addrs().HTTP }
