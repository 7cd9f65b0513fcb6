package pep

import (
	"context"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// request is one pubsub request.
type request struct {
	*iq.Request
	core   im.Session
	action *xmlstream.Element // the child that says what to do
	node   string
	op     operation
	as     *asker // who asks, once that was needed
	open   bool   // he may read the node
}

// who returns the bare address of the asker.
func (r *request) who() im.Addr { return r.From.Bare() }

// own reports whether the account is the asker's.
func (r *request) own() bool { return r.Target == iq.Own }

// operation is one kind of request. Those of the owner are refused to others; a
// node is needed unless anyNode is set.
type operation struct {
	owner   bool
	anyNode bool
	run     func(v *Service, ctx context.Context, r *request) (*xmlstream.Element, error)
}

// The requests by the name of their action.
var (
	gets = map[string]operation{
		"items":         {run: (*Service).items},
		"subscriptions": {anyNode: true, run: (*Service).subscriptions},
		"affiliations":  {anyNode: true, run: (*Service).affiliations},
		"default":       {anyNode: true, run: lacks("retrieve-default-sub")},
		"options":       {anyNode: true, run: lacks("subscription-options")},
	}
	sets = map[string]operation{
		"publish":     {owner: true, run: (*Service).publish},
		"retract":     {owner: true, run: (*Service).retract},
		"create":      {owner: true, anyNode: true, run: (*Service).create},
		"subscribe":   {run: (*Service).subscribe},
		"unsubscribe": {run: (*Service).unsubscribe},
		"options":     {anyNode: true, run: lacks("subscription-options")},
	}
	ownerGets = map[string]operation{
		"configure":     {owner: true, run: (*Service).configuration},
		"default":       {owner: true, anyNode: true, run: (*Service).defaults},
		"subscriptions": {owner: true, run: (*Service).subscribers},
		"affiliations":  {owner: true, run: (*Service).affiliated},
	}
	ownerSets = map[string]operation{
		"configure":     {owner: true, run: (*Service).configure},
		"delete":        {owner: true, run: (*Service).remove},
		"purge":         {owner: true, run: (*Service).purge},
		"subscriptions": {owner: true, run: (*Service).editSubscribers},
		"affiliations":  {owner: true, run: (*Service).affiliate},
	}
)

func lacks(feature string) func(*Service, context.Context, *request) (*xmlstream.Element, error) {
	return func(*Service, context.Context, *request) (*xmlstream.Element, error) {
		return nil, unsupported(feature)
	}
}

// serve returns the handler of a table.
func (v *Service) serve(table map[string]operation) iq.Handler {
	return func(ctx context.Context, q *iq.Request) (*xmlstream.Element, error) {
		r := &request{Request: q, core: q.Session.Core()}
		if !r.find(table) {
			return nil, stanza.Errorf(stanza.BadRequest, "the pubsub request has nothing that is known here")
		}
		if r.Target == iq.Nobody {
			return nil, r.stranger()
		}
		err := r.check()
		if err != nil {
			return nil, r.hide(ctx, err)
		}
		out, err := r.op.run(v, ctx, r)
		return out, r.hide(ctx, err)
	}
}

// find looks up what the request is about.
func (r *request) find(table map[string]operation) (ok bool) {
	for c := range r.Payload.Children() {
		if r.op, ok = table[c.Local]; ok && c.Space == r.Payload.Space {
			r.action, r.node = c, c.Attr("node")
			return true
		}
	}
	return false
}

// check is what holds for every request.
func (r *request) check() error {
	switch {
	case r.op.owner && !r.own():
		return errForbidden
	case r.node == "" && !r.op.anyNode:
		return fail(stanza.BadRequest, "nodeid-required", "the request names no node")
	}
	return checkName(r.node)
}

// checkName refuses names of nodes and items that cannot be kept: those too long,
// and those that could not stand in a list of interests.
func checkName(name string) error {
	if len(name) > maxNode || strings.ContainsAny(name, "\r\n\t") {
		return stanza.Errorf(stanza.NotAcceptable, "the name of a node or item has at most 512 bytes, in one line")
	}
	return nil
}

// pubsub returns the payload of a result.
func pubsub(space string, child *xmlstream.Element) *xmlstream.Element {
	return xmlstream.New(space, "pubsub").Add(child)
}
