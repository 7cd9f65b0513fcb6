package imtest

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

func loopbackTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// xmppVerb is something that an XMPP client of a script can do besides sending
// stanzas.
type xmppVerb func(ctx context.Context, p *player, c *XMPP, args []string) error

var xmppVerbs = map[string]xmppVerb{
	"send":         xmppSend,
	"show":         xmppShow,
	"subscribe":    subscription("subscribe"),
	"subscribed":   subscription("subscribed"),
	"unsubscribe":  subscription("unsubscribe"),
	"unsubscribed": subscription("unsubscribed"),
	"features":     xmppFeatures,
	"archive":      xmppArchive,
	"password":     xmppPassword,
	"acked":        func(ctx context.Context, _ *player, c *XMPP, _ []string) error { return c.Sync(ctx) },
	"disconnect":   func(_ context.Context, _ *player, c *XMPP, _ []string) error { c.Abort(); return nil },
	"close":        func(ctx context.Context, _ *player, c *XMPP, _ []string) error { return c.Close(ctx) },
	"ends":         xmppEnds,
}

// connectXMPP makes a client, or brings one back: "bob xmpp@2 sm carbons".
func (p *player) connectXMPP(name string, node int, words []string) {
	p.t.Helper()
	c := p.xmpp[name]
	if c == nil {
		c = &XMPP{Name: name, t: p.t}
		c.password = Password(c.User())
		p.xmpp[name] = c
		p.t.Cleanup(c.drop)
	}
	p.names.put(c.User(), p.started().Account(c.User()))
	want := ""
	if n := len(words); n >= 2 && words[n-2] == "fails" {
		want, words = words[n-1], words[:n-2]
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), Patience)
	defer cancel()
	err := c.connect(ctx, p.cell.Node(node), words)
	if want != "" {
		if refusal(err) != want {
			p.fail("%s connected with %v; want %s", name, err, want)
		}
		return
	}
	p.check(err)
	if !strings.Contains(" "+strings.Join(words, " ")+" ", " raw ") {
		p.cell.Shown(p.user(c.User()), xmppResource(c), true)
	}
}

// device returns the device of a client of either protocol.
func (p *player) device(name string) im.DeviceID {
	p.t.Helper()
	if c := p.clients[name]; c != nil {
		return c.device
	}
	if c := p.xmpp[name]; c != nil {
		for _, s := range p.cell.nodes[0].node.Core().Known(p.user(c.User())) {
			if s.Resource == xmppResource(c) {
				return s.Device
			}
		}
	}
	p.fail("%s has no device", name)
	return 0
}

func xmppResource(c *XMPP) string {
	_, resource, _ := strings.Cut(c.JID, "/")
	return resource
}

// actXMPP carries out a line of an XMPP client: a stanza to send, what it must
// receive, or a verb.
func (p *player) actXMPP(c *XMPP, line string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), Patience)
	defer cancel()
	if strings.HasPrefix(line, "<") {
		p.check(c.Client.Send("%s", p.fill(line)))
		return
	}
	verb, rest, _ := strings.Cut(line, " ")
	args := split(rest)
	if verb == "receives" {
		p.receivesXMPP(ctx, c, strings.TrimSpace(rest))
		return
	}
	do := xmppVerbs[verb]
	if do == nil {
		p.fail("no XMPP client can %s", verb)
	}
	want := ""
	if n := len(args); n >= 2 && args[n-2] == "fails" {
		want, args = args[n-1], args[:n-2]
	}
	err := do(ctx, p, c, args)
	switch {
	case want == "":
		p.check(err)
	case refusal(err) != want:
		p.fail("%s: %s gave %v; want %s", c.Name, verb, err, want)
	}
}

func (p *player) receivesXMPP(ctx context.Context, c *XMPP, pattern string) {
	p.t.Helper()
	if pattern == "nothing" {
		p.check(c.RoundTrip(ctx))
		p.leftXMPP(c)
		return
	}
	want, err := xmpptest.ParsePattern(pattern)
	p.check(err)
	if _, err = c.Take(ctx, func(e *xmlstream.Element) bool { return want.Match(e, p.vars) }); err != nil {
		p.fail("%s did not receive %s: %v; what there was:%s", c.Name, pattern, err, xmpptest.List(c.Heard()))
	}
}

func (p *player) leftXMPP(c *XMPP) {
	p.t.Helper()
	if rest := c.rest(); len(rest) > 0 {
		p.fail("the script does not say that %s receives\n\t%s", c.Name, strings.Join(rest, "\n\t"))
	}
}

// endXMPP wants nothing to be left at the clients that are connected.
func (p *player) endXMPP() {
	p.t.Helper()
	for _, c := range p.xmpp {
		if c.Client == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(p.t.Context(), Patience)
		_ = c.RoundTrip(ctx) // it may have ended
		cancel()
		p.leftXMPP(c)
	}
}

var nameOfVar = regexp.MustCompile(`\$\w+`)

// fill puts in what $x stands for.
func (p *player) fill(text string) string {
	return nameOfVar.ReplaceAllStringFunc(text, func(name string) string {
		if v, ok := p.vars[name]; ok {
			return v
		}
		return name
	})
}

// address turns alice/phone into alice@example.org/phone.
func (p *player) address(name string) string {
	user, resource, full := strings.Cut(name, "/")
	if full {
		return user + "@" + Domain + "/" + resource
	}
	return user + "@" + Domain
}

// send alice "hi" [id=word]
func xmppSend(_ context.Context, p *player, c *XMPP, args []string) error {
	st := stanza.New("message", "chat").SetAttr("to", p.address(args[0])).SetAttr("id", "line"+strconv.Itoa(p.line))
	if len(args) > 2 {
		st.SetAttr("id", strings.TrimPrefix(args[2], "id="))
	}
	st.Add(xmlstream.NewText(stanza.NSClient, "body", p.text(args[1])))
	return c.Client.Send("%s", stanza.Bytes(st))
}

// show away ["lunch"], show online, show offline; it waits until the cell knows
func xmppShow(ctx context.Context, p *player, c *XMPP, args []string) error {
	st := stanza.New("presence", "")
	switch show := args[0]; show {
	case "online":
	case "offline":
		st.SetAttr("type", "unavailable")
	default:
		st.Add(xmlstream.NewText(stanza.NSClient, "show", show))
	}
	if len(args) > 1 {
		st.Add(xmlstream.NewText(stanza.NSClient, "status", p.text(args[1])))
	}
	if err := c.Client.Send("%s", stanza.Bytes(st)); err != nil {
		return err
	}
	if err := c.RoundTrip(ctx); err != nil {
		return err
	}
	p.cell.Shown(p.user(c.User()), xmppResource(c), args[0] != "offline")
	return nil
}

func subscription(typ string) xmppVerb {
	return func(_ context.Context, p *player, c *XMPP, args []string) error {
		return c.Client.Send("<presence type='%s' to='%s'/>", typ, p.address(args[0]))
	}
}

// features NODE+notify …: shows itself with capabilities (XEP-0115), which the
// server asks for; done when all nodes know them
func xmppFeatures(ctx context.Context, p *player, c *XMPP, args []string) error {
	c.features = args
	if err := c.Client.Send("<presence>%s</presence>", xmpptest.Caps(args...)); err != nil {
		return err
	}
	wants := func(s im.SessionInfo) bool {
		has := strings.Split(s.Presence.Interests, "\n")
		return !slices.ContainsFunc(args, func(f string) bool {
			node, wanted := strings.CutSuffix(f, "+notify")
			return wanted && !slices.Contains(has, node)
		})
	}
	var err error
	p.cell.Until(func() bool { // the client answers the server while it waits
		err = c.RoundTrip(ctx)
		return err != nil || p.cell.everywhere(p.names.id(c.User()), true, wants)
	}, "all nodes know that %s wants %q", c.Name, args)
	return err
}

// archive [with alice] [after $1]: the results come as events
func xmppArchive(ctx context.Context, p *player, c *XMPP, args []string) error {
	form := "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>" + stanza.NSMAM + "</value></field>"
	set := ""
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "with":
			form += "<field var='with'><value>" + p.address(args[i+1]) + "</value></field>"
		case "after":
			set = "<set xmlns='" + stanza.NSRSM + "'><after>" + p.fill(args[i+1]) + "</after></set>"
		default:
			p.fail("the archive knows nothing of %s", args[i])
		}
	}
	_, err := c.IQ(ctx, "set", "", "<query xmlns='"+stanza.NSMAM+"'>"+form+"</x>"+set+"</query>")
	return err
}

// password "new": by the form that asks for the old one (XEP-0077 section 3.3)
func xmppPassword(ctx context.Context, p *player, c *XMPP, args []string) error {
	form := "<x xmlns='jabber:x:data' type='submit'>"
	for _, f := range [][2]string{
		{"FORM_TYPE", "jabber:iq:register:changepassword"}, {"username", c.User()}, {"old_password", c.password}, {"password", p.text(args[0])},
	} {
		form += "<field var='" + f[0] + "'><value>" + f[1] + "</value></field>"
	}
	_, err := c.IQ(ctx, "set", Domain, "<query xmlns='jabber:iq:register'>"+form+"</x></query>")
	if err == nil {
		c.password = p.text(args[0])
	}
	return err
}

// ends CONDITION: the server ends the stream
func xmppEnds(ctx context.Context, p *player, c *XMPP, args []string) error {
	got := ""
	for {
		e, err := c.Next(ctx)
		switch {
		case err == nil && e.Is(xmlstream.NSStreams, "error"):
			got = xmpptest.ReasonOf(e)
		case err == nil:
		case ctx.Err() == nil && (got == args[0] || args[0] == "lost"):
			c.Abort()
			return nil
		case errors.Is(err, io.EOF), ctx.Err() == nil:
			p.fail("%s: the stream ended with %q, %v; want %s", c.Name, got, err, args[0])
		default:
			return err
		}
	}
}
