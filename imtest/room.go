package imtest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// What XMPP clients of scripts say and hear in rooms. Rooms are named as groups are.

func init() {
	for name, do := range map[string]xmppVerb{
		"enter": roomEnter, "exit": roomExit, "called": roomNick, "say": roomSay, "subject": roomSubject, "hears": roomHears,
		"sees": roomSees, "told": roomTold, "whisper": roomWhisper, "seen": roomSeen, "retract": roomRetract,
	} {
		xmppVerbs[name] = do
	}
}

// room is the address of a room, and with a nickname of somebody in it.
func room(name string, nick ...string) string {
	return strings.Join(append([]string{name + "@conference." + Domain}, nick...), "/")
}

// word takes the quotes off, if there are any.
func (p *player) word(w string) string {
	p.t.Helper()
	if strings.HasPrefix(w, `"`) {
		return p.text(w)
	}
	return w
}

func escaped(text string) string { return string(xmlstream.AppendText(nil, text)) }

// submit sends a stanza in which %s is an id, and waits for what done recognizes, or for
// the refusal of the stanza.
func (c *XMPP) submit(ctx context.Context, xml string, done func(id string, e *xmlstream.Element) bool) error {
	id := c.ID()
	if err := c.Client.Send("%s", strings.Replace(xml, "%s", id, 1)); err != nil {
		return err
	}
	e, err := c.Take(ctx, func(e *xmlstream.Element) bool {
		return e.Attr("type") == "error" && e.Attr("id") == id || done(id, e)
	})
	if err == nil && e.Attr("type") == "error" {
		err = &xmpptest.Refused{Stanza: e}
	}
	return err
}

// request is submit for what the server answers only if it refuses it.
func (c *XMPP) request(ctx context.Context, xml string) error {
	ping := c.ID()
	xml += "<iq type='get' id='" + ping + "' to='" + Domain + "'><ping xmlns='urn:xmpp:ping'/></iq>"
	answered := func(_ string, e *xmlstream.Element) bool { return e.Local == "iq" && e.Attr("id") == ping }
	err := c.submit(ctx, xml, answered)
	if refused := new(xmpptest.Refused); errors.As(err, &refused) {
		_, ended := c.Take(ctx, func(e *xmlstream.Element) bool { return answered("", e) })
		return errors.Join(err, ended)
	}
	return err
}

// statuses are the status codes of what a room says.
func statuses(e *xmlstream.Element) (out []string) {
	x := e.Child(stanza.NSMUCUser, "x")
	if x == nil {
		return nil
	}
	for s := range x.Children() {
		if s.Local == "status" {
			out = append(out, s.Attr("code"))
		}
	}
	return out
}

// enter team [Nick] [password]: waits for the subject
func roomEnter(ctx context.Context, p *player, c *XMPP, args []string) error {
	nick, password := c.User(), ""
	if len(args) > 1 {
		nick = p.word(args[1])
	}
	if len(args) > 2 {
		password = "<password>" + escaped(p.word(args[2])) + "</password>"
	}
	xml := "<presence id='%s' to='" + escaped(room(args[0], nick)) + "'><x xmlns='" + stanza.NSMUC + "'>" + password + "</x></presence>"
	return c.submit(ctx, xml, func(_ string, e *xmlstream.Element) bool {
		return strings.HasPrefix(e.Attr("from"), room(args[0])) && e.Child(stanza.NSClient, "subject") != nil && e.Child(stanza.NSClient, "body") == nil
	})
}

// exit team: leaves it; waits until a visitor is forgotten
func roomExit(ctx context.Context, p *player, c *XMPP, args []string) error {
	err := c.submit(ctx, "<presence id='%s' type='unavailable' to='"+room(args[0], "me")+"'/>", func(_ string, e *xmlstream.Element) bool {
		return e.Attr("type") == "unavailable" && strings.HasPrefix(e.Attr("from"), room(args[0])) && slices.Contains(statuses(e), "110")
	})
	p.cell.Until(func() bool {
		g, err := p.cell.store.GroupByAddr(ctx, im.Addr{Local: args[0], Domain: "conference." + Domain})
		if err != nil {
			return true // there is no such room any more
		}
		m, err := p.cell.store.Member(ctx, g.ID, p.user(c.User()))
		return err == nil && !m.Passing
	}, "%s is still a visitor of %s", c.Name, args[0])
	return err
}

// called team "Bobby": the own nickname
func roomNick(ctx context.Context, p *player, c *XMPP, args []string) error {
	own := room(args[0], p.text(args[1]))
	return c.submit(ctx, "<presence id='%s' to='"+escaped(own)+"'/>", func(_ string, e *xmlstream.Element) bool {
		return e.Local == "presence" && e.Attr("from") == own && slices.Contains(statuses(e), "110")
	})
}

// say team "hi" [id=word]: waits until the room has said it
func roomSay(ctx context.Context, p *player, c *XMPP, args []string) error {
	return c.speak(ctx, args[0], "<body>"+escaped(p.text(args[1]))+"</body>")
}

func (c *XMPP) speak(ctx context.Context, team, payload string) error {
	return c.submit(ctx, "<message type='groupchat' id='%s' to='"+room(team)+"'>"+payload+"</message>", func(id string, e *xmlstream.Element) bool {
		return e.Local == "message" && e.Attr("id") == id
	})
}

// subject team "tea"
func roomSubject(ctx context.Context, p *player, c *XMPP, args []string) error {
	subject := p.text(args[1])
	return c.submit(ctx, "<message type='groupchat' id='%s' to='"+room(args[0])+"'><subject>"+escaped(subject)+"</subject></message>", func(_ string, e *xmlstream.Element) bool {
		return e.Child(stanza.NSClient, "body") == nil && e.ChildText(stanza.NSClient, "subject") == subject
	})
}

// hears team Nick "hi": it has to be the next thing that is said there
func roomHears(ctx context.Context, p *player, c *XMPP, args []string) error {
	e, err := c.Take(ctx, func(e *xmlstream.Element) bool {
		return e.Attr("type") == "groupchat" && strings.HasPrefix(e.Attr("from"), room(args[0], "")) && e.Child(stanza.NSClient, "body") != nil
	})
	if err == nil && (e.Attr("from") != room(args[0], p.word(args[1])) || e.ChildText(stanza.NSClient, "body") != p.text(args[2])) {
		p.fail("%s heard %v", c.Name, e)
	}
	return err
}

// sees team Nick member/participant [307 …]: how somebody stands to the room, and the
// status codes that come with it. Presence of his from before is forgotten.
func roomSees(ctx context.Context, p *player, c *XMPP, args []string) error {
	for {
		e, err := c.Take(ctx, func(e *xmlstream.Element) bool {
			return e.Local == "presence" && e.Attr("from") == room(args[0], p.word(args[1])) && e.Attr("type") != "error"
		})
		if err != nil {
			return err
		}
		i, codes := e.Child(stanza.NSMUCUser, "x").Child(stanza.NSMUCUser, "item"), statuses(e)
		lacks := func(code string) bool { return !slices.Contains(codes, code) }
		if i.Attr("affiliation")+"/"+i.Attr("role") == args[2] && !slices.ContainsFunc(args[3:], lacks) {
			return nil
		}
	}
}

// told team 104: the room has said something about itself; told team bob member: or
// about somebody who is not there
func roomTold(ctx context.Context, p *player, c *XMPP, args []string) error {
	_, err := c.Take(ctx, func(e *xmlstream.Element) bool {
		if e.Local != "message" || e.Attr("from") != room(args[0]) {
			return false
		}
		if i := e.Child(stanza.NSMUCUser, "x").Child(stanza.NSMUCUser, "item"); i != nil {
			return i.Attr("jid") == p.address(args[1]) && i.Attr("affiliation") == args[2]
		}
		return slices.Equal(statuses(e), args[1:])
	})
	return err
}

// whisper team Nick "psst": a private message
func roomWhisper(ctx context.Context, p *player, c *XMPP, args []string) error {
	to := escaped(room(args[0], p.word(args[1])))
	return c.request(ctx, "<message type='chat' id='%s' to='"+to+"'><body>"+escaped(p.text(args[2]))+"</body></message>")
}

// seen team $1: has read up to a message
func roomSeen(ctx context.Context, p *player, c *XMPP, args []string) error {
	return c.request(ctx, "<message type='groupchat' id='%s' to='"+room(args[0])+"'><displayed xmlns='"+stanza.NSMarkers+"' id='"+p.stanzaID(args)+"'/></message>")
}

// retract team $1: takes a message back
func roomRetract(ctx context.Context, p *player, c *XMPP, args []string) error {
	return c.request(ctx, "<message type='groupchat' id='%s' to='"+room(args[0])+"'><retract xmlns='urn:xmpp:message-retract:1' id='"+p.stanzaID(args)+"'/></message>")
}
