package pep

import (
	"slices"
	"strconv"

	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

const (
	formConfig  = nsPubsub + "#node_config"
	formOptions = nsPubsub + "#publish-options"
	formMeta    = nsPubsub + "#meta-data"
)

// field is one field of the configuration form (XEP-0060 section 16.4.4).
type field struct {
	name, typ, label string
	options          []string
	get              func(c *config) []string
	set              func(c *config, x *form.Field) error
}

var fields = []field{
	choice("access_model", "Who may subscribe and read", []string{accessOpen, accessPresence, accessRoster, accessWhitelist},
		func(c *config) *string { return &c.Access }),
	{
		name: "pubsub#roster_groups_allowed", typ: form.ListMulti, label: "Groups of contacts that may subscribe and read",
		get: func(c *config) []string { return c.Groups },
		set: func(c *config, x *form.Field) error { return setGroups(c, x.Values) },
	},
	{
		name: "pubsub#max_items", typ: form.TextSingle, label: "How many items are kept; max for as many as possible",
		get: func(c *config) []string { return []string{formatMax(c.MaxItems)} },
		set: func(c *config, x *form.Field) (err error) { c.MaxItems, err = parseMax(x.Value()); return err },
	},
	flag("persist_items", "Keep items", func(c *config) *bool { return &c.Persist }),
	choice("send_last_published_item", "When to send the last item", []string{lastNever, lastSub, lastPresence},
		func(c *config) *string { return &c.Last }),
	flag("deliver_notifications", "Send events", func(c *config) *bool { return &c.Notify }),
	flag("deliver_payloads", "Send payloads with events", func(c *config) *bool { return &c.Payloads }),
	flag("notify_retract", "Tell when items are removed", func(c *config) *bool { return &c.NotifyRetract }),
	flag("notify_delete", "Tell when the node is deleted", func(c *config) *bool { return &c.NotifyDelete }),
	flag("notify_config", "Tell when the configuration changes", func(c *config) *bool { return &c.NotifyConfig }),
	choice("itemreply", "Who is named as publisher of items", []string{"owner", "publisher", "none"},
		func(c *config) *string { return &c.ItemReply }),
	line("title", "Title", func(c *config) *string { return &c.Title }),
	line("description", "Description", func(c *config) *string { return &c.Description }),
	line("type", "Type of the payloads", func(c *config) *string { return &c.Type }),
	constant("publish_model", "publishers"),
	constant("node_type", "leaf"),
}

// ignored are fields of other services that change nothing here.
var ignored = []string{
	"item_expire", "max_payload_size", "notification_type", "presence_based_delivery", "purge_offline", "tempsub",
	"subscribe", "notify_sub", "language", "contact", "body_xslt", "dataform_xslt", "publish_node_full",
}

func choice(name, label string, options []string, at func(*config) *string) field {
	return field{
		name: "pubsub#" + name, typ: form.ListSingle, label: label, options: options,
		get: func(c *config) []string { return []string{*at(c)} },
		set: func(c *config, x *form.Field) error {
			if !slices.Contains(options, x.Value()) {
				return refused(name)
			}
			*at(c) = x.Value()
			return nil
		},
	}
}

func flag(name, label string, at func(*config) *bool) field {
	return field{
		name: "pubsub#" + name, typ: form.Boolean, label: label,
		get: func(c *config) []string { return []string{form.FormatBool(*at(c))} },
		set: func(c *config, x *form.Field) error {
			b, ok := x.Bool()
			if !ok {
				return refused(name)
			}
			*at(c) = b
			return nil
		},
	}
}

func line(name, label string, at func(*config) *string) field {
	return field{
		name: "pubsub#" + name, typ: form.TextSingle, label: label,
		get: func(c *config) []string { return []string{*at(c)} },
		set: func(c *config, x *form.Field) error {
			if len(x.Value()) > maxText {
				return refused(name)
			}
			*at(c) = x.Value()
			return nil
		},
	}
}

func constant(name, value string) field {
	return field{
		name: "pubsub#" + name, typ: form.ListSingle, options: []string{value},
		get: func(*config) []string { return []string{value} },
		set: func(_ *config, x *form.Field) error {
			if x.Value() != value {
				return refused(name)
			}
			return nil
		},
	}
}

// refused says that a field has a value that cannot be (sections 8.1.2, 8.2.5.2).
func refused(name string) error {
	if name == "access_model" {
		return fail(stanza.NotAcceptable, "unsupported-access-model", "the access model is not supported here")
	}
	return stanza.Errorf(stanza.NotAcceptable, "the value of pubsub#"+name+" is not possible")
}

func setGroups(c *config, groups []string) error {
	if len(groups) > maxPeople || slices.ContainsFunc(groups, func(g string) bool { return len(g) > maxText }) {
		return refused("roster_groups_allowed")
	}
	c.Groups = slices.Sorted(slices.Values(groups))
	return nil
}

func formatMax(n int) string {
	if n == 0 {
		return "max"
	}
	return strconv.Itoa(n)
}

// parseMax reads a number of items. More than there may be is "max".
func parseMax(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	switch {
	case s == "max" || err == nil && n > maxItems:
		return 0, nil
	case err != nil || n == 0:
		return 0, refused("max_items")
	}
	return int(n), nil
}

// lookup finds a field; known is true for those without effect too.
func lookup(name string) (f *field, known bool) {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i], true
		}
	}
	rest, ok := cutPubsub(name)
	return nil, name == "FORM_TYPE" || ok && slices.Contains(ignored, rest)
}

func cutPubsub(name string) (string, bool) {
	const prefix = "pubsub#"
	if len(name) < len(prefix) || name[:len(prefix)] != prefix {
		return "", false
	}
	return name[len(prefix):], true
}
