package sasl

import (
	"slices"
	"strings"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const (
	plain = "PLAIN"
	plus  = "-PLUS"
)

// Features is what the stream offers: both profiles and the channel bindings.
// Without a secure channel it is nothing (RFC 6120 section 5.3.4).
func (n *Negotiation) Features() []*xmlstream.Element {
	all := n.mechanisms()
	if len(all) == 0 {
		return nil
	}
	out := []*xmlstream.Element{
		list(NS, "mechanisms", all),
		list(NS2, "authentication", all).Add(n.inline()),
	}
	if cb := n.bindings(); cb != nil {
		out = append(out, cb)
	}
	return out
}

func list(space, name string, mechanisms []string) *xmlstream.Element {
	e := xmlstream.New(space, name)
	for _, m := range mechanisms {
		e.Add(xmlstream.NewText(space, "mechanism", m))
	}
	return e
}

// mechanisms is what is offered, the strongest first: who binds to the channel
// is safe from someone in between whatever the hash. A certificate goes first, as
// only a client that prefers it shows one (RFC 6120 section 6.3.4).
func (n *Negotiation) mechanisms() []string {
	if !n.cfg.Secure {
		return nil
	}
	all := n.cfg.Logins.Mechanisms(n.cfg.Binding)
	weaker := func(a, b string) int {
		return boolInt(!strings.HasSuffix(a, plus)) - boolInt(!strings.HasSuffix(b, plus))
	}
	all = append(slices.SortedStableFunc(slices.Values(all), weaker), plain)
	if len(n.identities()) > 0 {
		all = slices.Insert(all, 0, external)
	}
	return all
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// bindings is the list of XEP-0440, without which a client has to guess.
func (n *Negotiation) bindings() *xmlstream.Element {
	e := xmlstream.New(NSCB, "sasl-channel-binding")
	for _, b := range []struct {
		name string
		data []byte
	}{
		{"tls-exporter", n.cfg.Binding.Exporter},
		{"tls-server-end-point", n.cfg.Binding.ServerEnd},
	} {
		if len(b.data) > 0 {
			e.AddNew(NSCB, "channel-binding").SetAttr("type", b.name)
		}
	}
	if len(e.Nodes) == 0 {
		return nil
	}
	return e
}

// inline is what can be asked for along with a login (XEP-0388 section 2.1).
func (n *Negotiation) inline() *xmlstream.Element {
	e := xmlstream.New(NS2, "inline")
	if n.cfg.Resume {
		e.AddNew(NSSM, "sm")
	}
	if n.cfg.Bind != nil {
		in := e.AddNew(NSBind2, "bind").AddNew(NSBind2, "inline")
		for _, f := range n.cfg.Bind {
			in.AddNew(NSBind2, "feature").SetAttr("var", f)
		}
	}
	if fast := n.fast(); len(fast) > 0 {
		e.Add(list(NSFast, "fast", fast))
	}
	if len(e.Nodes) == 0 {
		return nil
	}
	return e
}

// fast is the mechanisms that a token can be had for (XEP-0484 section 3.1).
func (n *Negotiation) fast() []string {
	if !n.cfg.Fast || !n.cfg.Secure {
		return nil
	}
	return n.cfg.Logins.FastMechanisms(n.cfg.Binding)
}
