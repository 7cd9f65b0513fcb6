package xmpptest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xdg-go/scram"
)

const (
	nsSASL  = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsSASL2 = "urn:xmpp:sasl:2"
	nsBind2 = "urn:xmpp:bind:0"
)

// known has the mechanisms of the client, the best first.
var known = []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}

// Mechanisms lists what the server offers, by SASL or by SASL2.
func (c *Client) Mechanisms() (names []string) {
	list := c.Features.Child(nsSASL, "mechanisms")
	if c.Options.SASL2 {
		list = c.Features.Child(nsSASL2, "authentication")
	}
	for m := range list.Children() {
		if m.Local == "mechanism" {
			names = append(names, m.Text())
		}
	}
	return names
}

// Authenticate logs in by Options.Mechanism, or the best that is offered, and
// goes on to the stream features behind the login. With SASL2 it binds, too.
func (c *Client) Authenticate(ctx context.Context) error {
	mechanism, offered := c.Options.Mechanism, c.Mechanisms()
	if mechanism == "" {
		i := slices.IndexFunc(known, func(m string) bool {
			return slices.Contains(offered, m) && (!strings.HasSuffix(m, "-PLUS") || c.State() != nil)
		})
		if i < 0 {
			return fmt.Errorf("xmpptest: no known mechanism among %q", offered)
		}
		mechanism = known[i]
	}
	m, err := c.mechanism(mechanism)
	if err != nil {
		return err
	}
	first, err := m("")
	if err != nil {
		return err
	}
	if c.Options.SASL2 {
		return c.sasl2(ctx, mechanism, first, m)
	}
	if err := c.Send("<auth xmlns='%s' mechanism='%s'>%s</auth>", nsSASL, mechanism, encode(first)); err != nil {
		return err
	}
	if err := c.steps(ctx, nsSASL, m); err != nil {
		return err
	}
	return c.Restart(ctx)
}

// steps answers challenges until the server has decided.
func (c *Client) steps(ctx context.Context, space string, step func(string) (string, error)) error {
	for {
		e, err := c.Next(ctx)
		if err != nil {
			return err
		}
		text := e.Text()
		switch {
		case e.Is(space, "challenge"):
		case e.Is(space, "success"):
			c.Success = e
			if space == nsSASL2 {
				text = e.ChildText(space, "additional-data")
			}
			if text != "" {
				_, err = step(decode(text))
			}
			return err
		default:
			return &Unexpected{e}
		}
		out, err := step(decode(text))
		if err != nil {
			return err
		}
		if err := c.Send("<response xmlns='%s'>%s</response>", space, encode(out)); err != nil {
			return err
		}
	}
}

// sasl2 logs in and binds in one go.
func (c *Client) sasl2(ctx context.Context, mechanism, first string, step func(string) (string, error)) error {
	inline := c.Options.Inline
	if inline == "" {
		inline = "<bind xmlns='" + nsBind2 + "'><tag>" + escape(c.Options.Resource) + "</tag></bind>"
	}
	err := c.Send("<authenticate xmlns='%s' mechanism='%s'><initial-response>%s</initial-response>%s</authenticate>",
		nsSASL2, mechanism, encode(first), inline)
	if err != nil {
		return err
	}
	if err := c.steps(ctx, nsSASL2, step); err != nil {
		return err
	}
	c.JID = c.Success.ChildText(nsSASL2, "authorization-identifier")
	if c.Success.Child(nsSM, "resumed") != nil { // XEP-0198: the features are known
		return nil
	}
	return c.features(ctx)
}

// mechanism returns the steps of the client's side; the first is asked with "".
func (c *Client) mechanism(name string) (func(string) (string, error), error) {
	if name == "PLAIN" {
		return func(string) (string, error) { return "\x00" + c.Options.User + "\x00" + c.Options.Password, nil }, nil
	}
	base, plus := strings.CutSuffix(name, "-PLUS")
	client, err := c.scram(base)
	if err != nil {
		return nil, err
	}
	conv := client.NewConversation()
	if plus {
		if c.State() == nil {
			return nil, errors.New("xmpptest: channel binding needs TLS")
		}
		cb, err := scram.NewTLSExporterBinding(c.State())
		if err != nil {
			return nil, err
		}
		conv = client.NewConversationWithChannelBinding(cb)
	}
	return conv.Step, nil
}

func (c *Client) scram(name string) (*scram.Client, error) {
	if c.Options.SCRAM != nil {
		return c.Options.SCRAM(name), nil
	}
	return NewSCRAM(name, c.Options.User, c.Options.Password)
}

// NewSCRAM returns the client's side of a mechanism, for Options.SCRAM.
func NewSCRAM(name, user, password string) (*scram.Client, error) {
	hash := map[string]scram.HashGeneratorFcn{"SCRAM-SHA-1": scram.SHA1, "SCRAM-SHA-256": scram.SHA256, "SCRAM-SHA-512": scram.SHA512}[name]
	if hash == nil {
		return nil, fmt.Errorf("xmpptest: no mechanism %s", name)
	}
	return hash.NewClient(user, password, "")
}

// encode is base64 where nothing is "=" (RFC 6120 section 6.4.2).
func encode(s string) string {
	if s == "" {
		return "="
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

func decode(s string) string {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return ""
	}
	return string(b)
}
