package acs

import (
	"cmp"
	"slices"

	"github.com/cxx-im/cxx/im"
)

// visible computes what others may see of a user from his sessions: the most
// available one; invisible counts as offline. Resources come in a fixed order.
func visible(u im.UserID, entries []*tableEntry) im.UserPresence {
	best := im.UserPresence{User: u}
	for _, e := range entries {
		p := &e.Presence
		if p.Show <= im.ShowInvisible {
			continue
		}
		if p.Show > best.Show {
			best.Show, best.Status = p.Show, p.Status
		}
		if best.Resources == nil {
			best.Resources = make([]im.SessionInfo, 0, len(entries))
		}
		best.Resources = append(best.Resources, e.SessionInfo)
	}
	slices.SortFunc(best.Resources, func(a, b im.SessionInfo) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Session, b.Session))
	})
	return best
}

// seen reports whether others see a user as being there.
func seen(entries []*tableEntry) bool {
	return slices.ContainsFunc(entries, func(e *tableEntry) bool { return e.Presence.Show > im.ShowInvisible })
}

// differs reports whether a session that was told before has to be told now. nil
// is nothing at all. A C-XX session sees the whole only.
func differs(before, now *im.UserPresence, p im.Protocol) bool {
	switch {
	case before == nil:
		return true
	case before == now:
		return false
	case before.Show != now.Show || before.Status != now.Status:
		return true
	}
	return p == im.ProtocolXMPP && !slices.EqualFunc(before.Resources, now.Resources, sameResource)
}

// sameResource compares what is shown of a session.
func sameResource(a, b im.SessionInfo) bool {
	a.Presence.Interests, b.Presence.Interests = "", ""
	return a == b
}

// withoutBlocked leaves out of a view what the watcher has blocked of its resources
// (XEP-0191 section 6). addr is the bare address of the user.
func withoutBlocked(v *im.UserPresence, addr im.Addr, list *blockSet) *im.UserPresence {
	covered := func(r im.SessionInfo) bool {
		addr.Resource = r.Resource
		return list.covers(addr)
	}
	if !slices.ContainsFunc(v.Resources, covered) {
		return v
	}
	out := im.UserPresence{User: v.User}
	for _, r := range v.Resources {
		if covered(r) {
			continue
		}
		if r.Presence.Show > out.Show {
			out.Show, out.Status = r.Presence.Show, r.Presence.Status
		}
		out.Resources = append(out.Resources, r)
	}
	return &out
}

// parting reports whether a session says something as it goes offline.
func parting(p *im.Presence) bool {
	return p.Show == im.ShowOffline && (p.Status != "" || p.Ext != "")
}
