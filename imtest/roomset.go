package imtest

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

// What XMPP clients of scripts do about a room: members, settings, archive.

func init() {
	for name, do := range map[string]xmppVerb{
		"role": roomRole, "give": roomGive, "invite": roomInvite, "decline": roomDecline, "join": roomJoin, "leave": roomLeave,
		"let": roomLet, "set": roomSet, "destroy": roomDestroy, "said": roomSaid, "moderate": roomModerate,
	} {
		xmppVerbs[name] = do
	}
}

// stanzaID is how rooms name a message, of the arguments "team $1".
func (p *player) stanzaID(args []string) string {
	p.t.Helper()
	return strconv.FormatUint(p.seq(p.user(args[0]), args[1]), 10)
}

func (c *XMPP) ask(ctx context.Context, team, payload string) error {
	_, err := c.IQ(ctx, "set", room(team), payload)
	return err
}

func reason(p *player, args []string) string {
	if len(args) == 0 {
		return ""
	}
	return "<reason>" + escaped(p.text(args[0])) + "</reason>"
}

// role team bob admin ["reason"]: an affiliation
func roomRole(ctx context.Context, p *player, c *XMPP, args []string) error {
	return c.ask(ctx, args[0], "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='"+args[2]+"' jid='"+p.address(args[1])+"'>"+reason(p, args[3:])+"</item></query>")
}

// give team Nick visitor ["reason"]: a role in the room
func roomGive(ctx context.Context, p *player, c *XMPP, args []string) error {
	return c.ask(ctx, args[0], "<query xmlns='http://jabber.org/protocol/muc#admin'><item role='"+args[2]+"' nick='"+escaped(p.word(args[1]))+"'>"+reason(p, args[3:])+"</item></query>")
}

// invite team bob [directly] ["reason"]
func roomInvite(ctx context.Context, p *player, c *XMPP, args []string) error {
	if len(args) > 2 && args[2] == "directly" { // XEP-0249
		return c.request(ctx, "<message id='%s' to='"+p.address(args[1])+"'><x xmlns='jabber:x:conference' jid='"+room(args[0])+"'/></message>")
	}
	return c.request(ctx, "<message id='%s' to='"+room(args[0])+"'><x xmlns='"+stanza.NSMUCUser+"'><invite to='"+p.address(args[1])+"'>"+reason(p, args[2:])+"</invite></x></message>")
}

// decline team alice: does not want to come
func roomDecline(ctx context.Context, p *player, c *XMPP, args []string) error {
	return c.request(ctx, "<message id='%s' to='"+room(args[0])+"'><x xmlns='"+stanza.NSMUCUser+"'><decline to='"+p.address(args[1])+"'/></x></message>")
}

const nsMUCRegister = "http://jabber.org/protocol/muc#register"

// dataForm is a form that is submitted: about what, and its fields as name=value.
func dataForm(about string, fields ...string) string {
	out := "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>" + about + "</value></field>"
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		out += "<field var='" + name + "'><value>" + escaped(value) + "</value></field>"
	}
	return out + "</x>"
}

// join team ["Nick"]: registers as a member (XEP-0045 section 7.10)
func roomJoin(ctx context.Context, p *player, c *XMPP, args []string) error {
	nick := c.User()
	if len(args) > 1 {
		nick = p.text(args[1])
	}
	return c.ask(ctx, args[0], "<query xmlns='jabber:iq:register'>"+dataForm(nsMUCRegister, "muc#register_roomnick="+nick)+"</query>")
}

// leave team: is no member any more
func roomLeave(ctx context.Context, _ *player, c *XMPP, args []string) error {
	return c.ask(ctx, args[0], "<query xmlns='jabber:iq:register'><remove/></query>")
}

// let team bob yes: answers who has asked to join
func roomLet(ctx context.Context, p *player, c *XMPP, args []string) error {
	allow := map[string]string{"yes": "1", "no": "0"}[args[2]]
	return c.request(ctx, "<message id='%s' to='"+room(args[0])+"'>"+dataForm(nsMUCRegister, "muc#jid="+p.address(args[1]), "muc#register_allow="+allow)+"</message>")
}

// own are the fields of the configuration that XEP-0045 does not have.
var own = []string{"approval", "history", "keep_days", "mention_all"}

// set team membersonly=1 roomname="Tea" …: configures it; with no field it is opened as
// it is
func roomSet(ctx context.Context, p *player, c *XMPP, args []string) error {
	var fields []string
	for _, w := range args[1:] {
		name, value, _ := strings.Cut(w, "=")
		prefix := "muc#roomconfig_"
		if slices.Contains(own, name) {
			prefix = "{https://github.com/cxx-im/cxx#rooms}"
		}
		fields = append(fields, prefix+name+"="+p.word(value))
	}
	return c.ask(ctx, args[0], "<query xmlns='http://jabber.org/protocol/muc#owner'>"+dataForm("http://jabber.org/protocol/muc#roomconfig", fields...)+"</query>")
}

// destroy team ["reason"]
func roomDestroy(ctx context.Context, p *player, c *XMPP, args []string) error {
	return c.ask(ctx, args[0], "<query xmlns='http://jabber.org/protocol/muc#owner'><destroy>"+reason(p, args[1:])+"</destroy></query>")
}

// moderate team $1 ["reason"]: takes back what somebody has said
func roomModerate(ctx context.Context, p *player, c *XMPP, args []string) error {
	return c.ask(ctx, args[0], "<moderate xmlns='urn:xmpp:message-moderate:1' id='"+p.stanzaID(args)+"'><retract xmlns='urn:xmpp:message-retract:1'/>"+reason(p, args[2:])+"</moderate>")
}

// said team "one" retracted "two": the archive holds these messages
func roomSaid(ctx context.Context, p *player, c *XMPP, args []string) error {
	id := c.ID()
	err := c.Client.Send("%s", "<iq type='set' id='"+id+"' to='"+room(args[0])+"'><query xmlns='"+stanza.NSMAM+"' queryid='"+id+"'/></iq>")
	var got []string
	for err == nil {
		var e *xmlstream.Element
		e, err = c.Take(ctx, func(e *xmlstream.Element) bool {
			return e.Attr("id") == id || e.Child(stanza.NSMAM, "result").Attr("queryid") == id
		})
		switch {
		case err != nil:
		case e.Local == "message":
			got = append(got, archived(e.Child(stanza.NSMAM, "result"))...)
		case e.Attr("type") == "error":
			return &xmpptest.Refused{Stanza: e}
		case !slices.Equal(got, args[1:]):
			p.fail("the archive of %s gives %s %q", args[0], c.Name, got)
		default:
			return nil
		}
	}
	return err
}

// archived is what a result of the archive holds, if it is a message.
func archived(result *xmlstream.Element) []string {
	m := result.Child("urn:xmpp:forward:0", "forwarded").Child(stanza.NSClient, "message")
	switch {
	case m.Child(stanza.NSClient, "body") != nil:
		return []string{strconv.Quote(m.ChildText(stanza.NSClient, "body"))}
	case m.Child("urn:xmpp:message-retract:1", "retracted") != nil:
		return []string{"retracted"}
	}
	return nil
}
