// Package pep is the personal eventing service of every account (XEP-0163): the
// subset of publish-subscribe (XEP-0060) that clients use on their own and their
// contacts' addresses, and what lives in it: avatars (XEP-0084, XEP-0153,
// XEP-0398), bookmarks (XEP-0402, XEP-0048), read marks (XEP-0490), keys of
// OMEMO and whatever else clients publish.
//
// Nodes are leaves of im.Items; the configuration of a node is the leaf's. Events
// go out as signals of the publisher's session, so that the core sees to blocks.
// It leaves to c2s when a session hears last items and how presence carries the
// hash of an avatar, to package vcard the vCard itself, and to disco the queries
// about nodes, which ask Nodes and Node.
package pep

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

const (
	nsPubsub = stanza.NSPubsub
	nsOwner  = nsPubsub + "#owner"
	nsEvent  = nsPubsub + "#event"
	nsErrors = nsPubsub + "#errors"
)

// Limits. What a stanza may hold fits; what a name may hold the storage can key.
const (
	maxNode    = 512       // bytes of the name of a node or item
	maxPayload = 192 << 10 // bytes of an item's payload
	maxItems   = 2000      // items of a node: what "max" means
	maxBatch   = 100       // items of one request
	maxPeople  = 500       // subscriptions, members and groups in a configuration
	maxSubs    = 10        // of them subscriptions of one user
	maxText    = 1024      // bytes of a title and the like
	maxAnswer  = 1 << 20   // bytes of items in one answer; more goes by pages
)

// leafPrefix keeps nodes apart from what else has leaves.
const leafPrefix = "pep:"

// LeafName returns the name of the leaf that holds a node.
func LeafName(node string) string { return leafPrefix + node }

// Service answers pubsub requests to accounts. It has no state; any goroutine
// may call it.
type Service struct {
	log *slog.Logger
	now func() time.Time
	// PhotoChanged is called when what PhotoHash answers for the session's user has
	// changed, on the runner of the session; nil: nobody wants to know.
	PhotoChanged func(ctx context.Context, s iq.Session)
}

// New registers the service with a Mux.
func New(m *iq.Mux, log *slog.Logger) *Service {
	v := &Service{log: log, now: time.Now}
	const accounts = iq.Own | iq.Account
	m.Get(accounts|iq.Nobody, nsPubsub, "pubsub", v.serve(gets))
	m.Set(accounts|iq.Nobody, nsPubsub, "pubsub", v.serve(sets))
	m.Get(accounts|iq.Nobody, nsOwner, "pubsub", v.serve(ownerGets))
	m.Set(accounts|iq.Nobody, nsOwner, "pubsub", v.serve(ownerSets))
	m.Identity(iq.Server|accounts, iq.Identity{Category: "pubsub", Type: "pep"})
	for _, f := range features {
		m.Feature(iq.Server|accounts, nsPubsub+"#"+f)
	}
	m.Feature(accounts, nsPubsub, nsPubsub+"#pubsub-on-a-jid", // XEP-0060 section 9
		nsConversion, nsBookmarks+"#compat", nsBookmarks+"#compat-pep", stanza.NSMDS)
	return v
}

// features are those of XEP-0060 section 10 that hold here.
var features = []string{
	"access-open", "access-presence", "access-roster", "access-whitelist", "auto-create", "auto-subscribe",
	"config-node", "config-node-max", "create-and-configure", "create-nodes", "delete-items", "delete-nodes",
	"filtered-notifications", "instant-nodes", "item-ids", "last-published", "manage-subscriptions",
	"member-affiliation", "meta-data", "modify-affiliations", "multi-items", "persistent-items",
	"presence-notifications", "presence-subscribe", "publish", "publish-options", "purge-nodes", "retract-items",
	"retrieve-affiliations", "retrieve-default", "retrieve-items", "retrieve-subscriptions", "rsm", "subscribe",
}

// note logs the failure of what nobody waits for: what a client has caused is for
// debugging.
func (v *Service) note(s iq.Session, what string, err error) {
	if err == nil {
		return
	}
	level := slog.LevelWarn
	var client *stanza.Error
	if errors.As(err, &client) || im.CodeOf(err) == im.CodeNotFound {
		level = slog.LevelDebug
	}
	v.log.Log(context.Background(), level, what, "user", s.Core().User(), "session", s.Core().ID(), "err", err)
}
