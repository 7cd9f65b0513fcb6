package presence

import (
	"hash/maphash"
	"maps"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Seen is what a client was told last of the resources of each contact: a few
// bytes for each resource that it believes to be there. The zero Seen has told
// nothing; set it back to that when the client becomes unavailable.
type Seen struct{ users map[im.UserID][]told }

// told is one resource that the client believes to be available.
type told struct {
	resource string
	sum      uint64 // of its presence
}

var seed = maphash.MakeSeed()

// Update returns the stanzas that tell the client how a contact is now: available
// for each resource that is new or has changed, unavailable for each that is gone
// (RFC 6121 sections 4.2.2, 4.4.2 and 4.5.2). contact is his bare address.
func (s *Seen) Update(p im.UserPresence, contact, to im.Addr) []*xmlstream.Element {
	before := s.users[p.User]
	var out []*xmlstream.Element
	var now []told
	for _, r := range visible(p.Resources) {
		t := told{r.Resource, sum(r.Presence)}
		now = append(now, t)
		if !slices.Contains(before, t) {
			out = append(out, Write(r.Presence, at(contact, r.Resource), to))
		}
	}
	for _, t := range before {
		if !slices.ContainsFunc(now, func(n told) bool { return n.resource == t.resource }) {
			out = append(out, Write(last(p, t.resource, len(before) == 1), at(contact, t.resource), to))
		}
	}
	s.keep(p.User, now)
	return out
}

func (s *Seen) keep(u im.UserID, now []told) {
	if len(now) == 0 {
		delete(s.users, u)
		return
	}
	if s.users == nil {
		s.users = make(map[im.UserID][]told)
	}
	s.users[u] = now
}

// Knows reports whether the client believes that some resource of u is there.
func (s *Seen) Knows(u im.UserID) bool { return len(s.users[u]) > 0 }

// Users lists those of whom the client believes that some resource is there.
func (s *Seen) Users() []im.UserID { return slices.Collect(maps.Keys(s.users)) }

// Snapshot returns how a contact is without regard to what the client was told
// before, for the answer to a probe (section 4.3.2): available for each resource,
// or unavailable from the bare address when there is none.
func Snapshot(p im.UserPresence, contact, to im.Addr) []*xmlstream.Element {
	var out []*xmlstream.Element
	for _, r := range visible(p.Resources) {
		out = append(out, Write(r.Presence, at(contact, r.Resource), to))
	}
	if out == nil {
		out = append(out, Write(im.Presence{Status: offlineStatus(p)}, contact, to))
	}
	return out
}

// visible are the resources that are available, each once: of two sessions of one
// device the younger counts.
func visible(all []im.SessionInfo) []im.SessionInfo {
	out := make([]im.SessionInfo, 0, len(all))
	for _, r := range all {
		if r.Presence.Show <= im.ShowInvisible || r.Resource == "" {
			continue
		}
		i := slices.IndexFunc(out, func(o im.SessionInfo) bool { return o.Resource == r.Resource })
		switch {
		case i < 0:
			out = append(out, r)
		case out[i].DeviceEpoch < r.DeviceEpoch:
			out[i] = r
		}
	}
	return out
}

// last is how a resource went: with its last words when it is still known, or
// when they are the contact's; the invisible say none.
func last(p im.UserPresence, resource string, only bool) im.Presence {
	for _, r := range p.Resources {
		if r.Resource == resource {
			return r.Presence
		}
	}
	if only {
		return im.Presence{Status: offlineStatus(p)}
	}
	return im.Presence{}
}

func offlineStatus(p im.UserPresence) string {
	if p.Show != im.ShowOffline {
		return ""
	}
	return p.Status
}

func at(a im.Addr, resource string) im.Addr {
	a.Resource = resource
	return a
}

func sum(p im.Presence) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteByte(byte(p.Show))
	h.WriteByte(byte(p.Priority))
	h.WriteString(p.Status)
	h.WriteByte(0xff) // no byte of UTF-8
	h.WriteString(p.Ext)
	return h.Sum64()
}
