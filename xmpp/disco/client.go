package disco

import (
	"container/list"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Limits of what is remembered of clients.
const (
	maxCached    = 1000    // verification strings
	maxInterests = 4 << 10 // bytes of the nodes that one client wants
	maxCaps      = 1 << 10 // bytes of what it says of its capabilities in a presence
)

// Client is what is known of the capabilities of one session. The zero Client
// knows nothing; the session's runner owns it.
type Client struct{ key string }

// Presence reads the capabilities in a presence that the client of s broadcasts and
// sees to it that the session's interests follow them (XEP-0115 sections 5.4 and
// 6.2, XEP-0163 section 4): out of the cache, or after asking the client. Only what
// a hash proves is remembered for others.
func (d *Disco) Presence(s iq.Session, c *Client, st *xmlstream.Element) {
	caps := st.Child(stanza.NSCaps, "c")
	hash, node, ver := caps.Attr("hash"), caps.Attr("node"), caps.Attr("ver")
	if caps == nil || ver == "" || len(hash)+len(node)+len(ver) > maxCaps {
		return // no word about it is no change (section 8.4)
	}
	key := hash + " " + ver
	if hash == "" { // the format of old (section 12) proves nothing
		key = " " + node + "#" + ver
	}
	if c.key == key {
		return
	}
	c.key = key
	if nodes, ok := d.cache.get(key); ok {
		s.Interests(nodes)
		return
	}
	question := xmlstream.New(stanza.NSInfo, "query").SetAttr("node", node+"#"+ver)
	s.Ask(question, true, func(_ context.Context, answer *xmlstream.Element) {
		d.answered(s, c, key, answer)
	})
}

// answered takes the client's word for what it wants itself, whatever the hash.
func (d *Disco) answered(s iq.Session, c *Client, key string, answer *xmlstream.Element) {
	query := answer.Child(stanza.NSInfo, "query")
	if query == nil || answer.Attr("type") != "result" {
		if c.key == key {
			c.key = "" // ask again when it says so again
		}
		return
	}
	nodes := interests(query)
	hash, ver, _ := strings.Cut(key, " ")
	if got, ok := Verify(query, hash); ok && got == ver {
		d.cache.put(key, nodes)
	}
	if c.key == key {
		s.Interests(nodes)
	}
}

// interests returns the nodes whose events a client wants, sorted.
func interests(query *xmlstream.Element) []string {
	var out []string
	for f := range query.Children() {
		if !f.Is(stanza.NSInfo, "feature") {
			continue
		}
		node, wanted := strings.CutSuffix(f.Attr("var"), "+notify")
		if wanted && node != "" && !strings.ContainsAny(node, "\n\r") {
			out = append(out, strings.Clone(node)) // not the text of the whole answer
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	size := 0
	for i, n := range out {
		if size += len(n) + 1; size > maxInterests {
			return out[:i]
		}
	}
	return out
}

// cache remembers what the newest verification strings stand for.
type cache struct {
	most int

	mu    sync.Mutex               // guards all below
	items map[string]*list.Element // of known
	order list.List                // the latest used in front
}

type known struct {
	key   string
	nodes []string
}

func newCache(most int) *cache { return &cache{most: most, items: make(map[string]*list.Element)} }

func (c *cache) get(key string) ([]string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.items[key]
	if e == nil {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(known).nodes, true
}

func (c *cache) put(key string, nodes []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items[key] != nil {
		return
	}
	if c.order.Len() >= c.most {
		oldest := c.order.Back()
		delete(c.items, c.order.Remove(oldest).(known).key)
	}
	key = strings.Clone(key)
	c.items[key] = c.order.PushFront(known{key, nodes})
}
