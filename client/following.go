package client

import (
	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

// maxStrays bounds what is remembered of groups that are not followed yet.
const maxStrays = 1024

// openGroups runs with mu held, at a login: what the session before has said about
// groups does not count any more.
func (b *inbox) openGroups() {
	b.pending, b.caught, b.late = true, false, 0
	clear(b.strays)
	clear(b.joined)
	for _, s := range b.groups {
		s.must, s.shut, s.catchUp, s.base = false, false, 0, s.got
	}
}

// forgetGroups begins anew, as a device does that has been nowhere yet. It returns
// what it has forgotten.
func (b *inbox) forgetGroups() (gone []state.GroupCursor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for g := range b.groups {
		gone = append(gone, state.GroupCursor{Group: g, Gone: true})
	}
	clear(b.groups)
	return gone
}

// listedGroups takes the list of the user's groups that the server has given after a
// login. start says where a group begins that this device has not followed yet,
// unless newcomer is false and the inbox has said when the user has joined it. It
// returns where those do.
func (b *inbox) listedGroups(list []im.GroupState, newcomer bool, start func(*im.GroupState) uint64) (begun []state.GroupCursor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	begin := func(g im.GroupID, at uint64) *stream {
		begun = append(begun, state.GroupCursor{Group: g, Seq: at})
		return b.follow(g, at)
	}
	for i := range list {
		st := &list[i]
		if !st.Me.Role.In() {
			continue
		}
		g := st.Group.ID
		s, at := b.groups[g], start(st)
		if since, ok := b.joined[g]; ok && !newcomer {
			at = since
		}
		switch {
		case s == nil:
			s = begin(g, min(at, st.Head))
		case st.Head < s.base:
			b.rewind(s, st.Head)
		}
		delete(b.joined, g)
		b.expect(s, st.Head)
	}
	for g, since := range b.joined { // the list is older than that
		b.expect(begin(g, since), since+1)
	}
	b.pending = false
	b.groupsCaughtUp()
	poke(b.lagging)
	return begun
}

// expect runs with mu held: at the login the timeline of s had come to head.
func (b *inbox) expect(s *stream, head uint64) {
	s.shut, s.want = false, max(s.want, head)
	if s.got < head {
		s.catchUp = head
		b.late++
	}
}

// groupsCaughtUp runs with mu held.
func (b *inbox) groupsCaughtUp() {
	if !b.pending && !b.caught && b.late == 0 {
		b.caught = true
		b.push(queued{ev: GroupsCaughtUp{}})
	}
}

// follow runs with mu held: entries of g above got are wanted from now on.
func (b *inbox) follow(g im.GroupID, got uint64) *stream {
	s := newStream(g, got)
	s.base = got
	s.want = max(s.want, b.strays[g])
	delete(b.strays, g)
	b.groups[g] = s
	return s
}

// membership runs with mu held. It looks at an entry of the inbox that says how the
// user stands to a group, and returns what is to be kept when the application is
// done with it. The list at login is newer than entries that are read after it:
// these change nothing then.
func (b *inbox) membership(ev *im.GroupEvent) state.GroupCursor {
	m := ev.Membership
	if m == nil || m.Version == 0 {
		return state.GroupCursor{}
	}
	s, joined := b.groups[ev.ID], ev.What == im.GroupJoined || ev.What == im.GroupCreated
	switch {
	case b.pending && s == nil:
		b.awaitList(m)
		return state.GroupCursor{}
	case m.Role.In() && s == nil:
		s = b.follow(ev.ID, m.Version-1)
	case m.Role.In() && joined && s.got < m.Version-1:
		s.jump(m.Version - 1) // he was out in between
		b.reached(s)
	case !m.Role.In() && s != nil && s.got <= m.Version:
		b.drop(s)
		return state.GroupCursor{Group: ev.ID, Gone: true}
	default:
		return state.GroupCursor{}
	}
	s.shut, s.want = false, max(s.want, m.Version)
	poke(b.lagging)
	return state.GroupCursor{Group: ev.ID, Seq: s.got}
}

// awaitList runs with mu held. Whether what an entry says still holds, the list will
// tell; a group that is not in it was joined after it.
func (b *inbox) awaitList(m *im.Membership) {
	if !m.Role.In() {
		delete(b.joined, m.Group)
		return
	}
	if _, known := b.joined[m.Group]; !known {
		b.joined[m.Group] = m.Version - 1
	}
}

// drop runs with mu held: the user is not in the group any more.
func (b *inbox) drop(s *stream) {
	delete(b.groups, s.group)
	if s.catchUp > 0 {
		b.caughtUp(s)
	}
}

// post takes entries that were pushed from the timeline of a group.
func (b *inbox) post(g im.GroupID, entries ...im.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		s := b.groups[g]
		if s == nil {
			b.stray(g, e.Seq)
			continue
		}
		b.put(s, queued{group: g, seq: e.Seq, ev: logEvent(g, e, b.self)})
		if s.behind() {
			poke(b.lagging)
		}
	}
}

// stray runs with mu held. What is said in a group may come before the news that the
// user is in it.
func (b *inbox) stray(g im.GroupID, seq uint64) {
	if _, known := b.strays[g]; known || len(b.strays) < maxStrays {
		b.strays[g] = max(b.strays[g], seq)
	}
}

// groupMoved tells how far a timeline has come; the server waits for a sync.
func (b *inbox) groupMoved(g im.GroupID, head uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.groups[g]
	if s == nil {
		b.stray(g, head)
		return
	}
	s.want, s.must = max(s.want, head), true
	poke(b.lagging)
}

// claim gives a group whose timeline has to be read to one reader, who calls release
// when he is done.
func (b *inbox) claim() (*stream, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries > lowWater {
		return nil, false // the application is behind; take comes back to it
	}
	for _, s := range b.groups {
		if s.behind() && !s.busy && !s.shut {
			s.busy = true
			poke(b.lagging) // there may be one for another reader
			return s, true
		}
	}
	return nil, false
}

// release gives a group back. shut: the server lets the user read nothing of it.
func (b *inbox) release(s *stream, shut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.busy = false
	if s.shut = s.shut || shut; s.shut && s.catchUp > 0 && b.has(s) {
		b.caughtUp(s)
	}
	if s.behind() {
		poke(b.lagging)
	}
}

// groupLag reports whether s has still to be read, and may be now.
func (b *inbox) groupLag(s *stream) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.behind() && b.entries <= lowWater && b.has(s)
}
