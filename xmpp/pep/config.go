package pep

import (
	"encoding/json"

	"github.com/cxx-im/cxx/im"
)

// The access models (XEP-0060 section 4.5). Nobody can be asked to authorize a
// subscription here, so "authorize" is not among them.
const (
	accessOpen      = "open"
	accessPresence  = "presence"
	accessRoster    = "roster"
	accessWhitelist = "whitelist"
)

// When the last item is sent.
const (
	lastNever    = "never"
	lastSub      = "on_sub"
	lastPresence = "on_sub_and_presence"
)

// config is the configuration of a node as its leaf keeps it.
type config struct {
	Access        string   `json:"access"`
	Groups        []string `json:"groups,omitempty"` // that may read with accessRoster
	MaxItems      int      `json:"max_items"`        // zero: as many as there may be
	Persist       bool     `json:"persist"`
	Last          string   `json:"last"`
	Notify        bool     `json:"notify"`
	Payloads      bool     `json:"payloads"`
	NotifyRetract bool     `json:"notify_retract"`
	NotifyDelete  bool     `json:"notify_delete"`
	NotifyConfig  bool     `json:"notify_config"`
	ItemReply     string   `json:"item_reply,omitempty"`
	Title         string   `json:"title,omitempty"`
	Description   string   `json:"description,omitempty"`
	Type          string   `json:"type,omitempty"`
	Members       []string `json:"members,omitempty"` // bare addresses that may always read
	Subs          []string `json:"subs,omitempty"`    // addresses that have subscribed by themselves
}

// defaults is the configuration of a node that nobody has configured (XEP-0163
// section 5).
func defaults(node string) config {
	c := config{
		Access: accessPresence, MaxItems: 1, Persist: true, Last: lastPresence, Notify: true, Payloads: true,
		NotifyRetract: true, NotifyDelete: true, ItemReply: "owner",
	}
	if privateNodes[node] {
		c.Access, c.MaxItems, c.Last = accessWhitelist, 0, lastNever
	}
	return c
}

// privateNodes hold what only the owner's devices may know, even when a client
// forgets to say so (XEP-0402 section 3.3, XEP-0490 section 7).
var privateNodes = map[string]bool{nsBookmarks: true, nsLegacy: true, nsMDS: true}

// load reads the configuration of a leaf. What cannot be read is closed.
func load(l im.Leaf) config {
	c := config{}
	if json.Unmarshal(l.Config, &c) != nil || c.Access == "" {
		return config{Access: accessWhitelist, Last: lastNever}
	}
	return c
}

// store writes the configuration for a leaf.
func (c config) store() []byte {
	b, err := json.Marshal(c)
	if err != nil { // strings, numbers and booleans can be written
		panic(err)
	}
	return b
}

// keep returns how many items stay.
func (c config) keep() int {
	if c.MaxItems == 0 {
		return maxItems
	}
	return c.MaxItems
}
