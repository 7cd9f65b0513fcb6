package imtest

import "github.com/cxx-im/cxx/xmpp/xmpptest"

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
