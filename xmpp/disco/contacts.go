package disco

import (
	"fmt"
	"net/url"

	"github.com/cxx-im/cxx/xmpp/form"
)

// The forms of a server.
const (
	formServer   = "http://jabber.org/network/serverinfo" // XEP-0157
	formSoftware = "urn:xmpp:dataforms:softwareinfo"      // XEP-0232
)

// Contacts is how to reach those who run the server (XEP-0157): addresses such as
// mailto:abuse@example.org or xmpp:admin@example.org.
type Contacts struct {
	Abuse    []string `toml:"abuse" doc:"addresses for reports of abuse, such as mailto:abuse@example.org or xmpp:admin@example.org (XEP-0157)"`
	Admin    []string `toml:"admin" doc:"addresses of the administrators"`
	Feedback []string `toml:"feedback" doc:"addresses for what users have to say"`
	Sales    []string `toml:"sales" doc:"addresses for sales"`
	Security []string `toml:"security" doc:"addresses for security concerns"`
	Status   []string `toml:"status" doc:"addresses that say how the service is"`
	Support  []string `toml:"support" doc:"addresses for help"`
}

func (c Contacts) fields() []form.Field {
	return []form.Field{
		{Var: "abuse-addresses", Values: c.Abuse},
		{Var: "admin-addresses", Values: c.Admin},
		{Var: "feedback-addresses", Values: c.Feedback},
		{Var: "sales-addresses", Values: c.Sales},
		{Var: "security-addresses", Values: c.Security},
		{Var: "status-addresses", Values: c.Status},
		{Var: "support-addresses", Values: c.Support},
	}
}

// Validate names the address that is none (section 3).
func (c Contacts) Validate() error {
	for _, f := range c.fields() {
		for _, v := range f.Values {
			if u, err := url.Parse(v); err != nil || u.Scheme == "" {
				return fmt.Errorf("%s: %q is no URI; write for instance \"mailto:admin@example.org\"", f.Var, v)
			}
		}
	}
	return nil
}

// forms returns what the server says of itself besides (XEP-0128).
func (o Options) forms() []*form.Form {
	var out []*form.Form
	f := form.New(form.TypeResult, formServer)
	for _, x := range o.Contacts.fields() {
		if len(x.Values) > 0 {
			x.Type = form.ListMulti
			f.Add(x)
		}
	}
	if len(f.Fields) > 1 {
		out = append(out, f)
	}
	if o.Version != "" {
		out = append(out, form.New(form.TypeResult, formSoftware).Add(
			form.Field{Var: "software", Values: []string{o.Name}},
			form.Field{Var: "software_version", Values: []string{o.Version}}))
	}
	return out
}
