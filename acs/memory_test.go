package acs

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
)

// memory is what a worldStore keeps for tests that write: contacts, block lists
// and inboxes. Users of the world have ids up to mostUser.
type memory struct {
	GroupStore                          // nil: tests of groups run on package shard
	logs       map[im.UserID][]im.Entry // guarded by worldStore.mu, as all here
	blocked    map[im.UserID][]im.Addr
	reads      map[string]int // calls by method
	gone       map[im.UserID]bool
	cursors    map[im.UserID]uint64
	fails      map[string]error // by method
}

const mostUser im.UserID = 99

func (f *worldStore) enter(method string) error {
	f.before(method)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reads == nil {
		f.reads = make(map[string]int)
	}
	f.reads[method]++
	return f.fails[method]
}

func (f *worldStore) failing(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails == nil {
		f.fails = make(map[string]error)
	}
	f.fails[method] = err
}

func (f *worldStore) calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads[method]
}

func (f *worldStore) logLocked(u im.UserID, entries []im.Entry) []im.Entry {
	if f.logs == nil {
		f.logs = make(map[im.UserID][]im.Entry)
	}
	for i := range entries {
		entries[i].Seq = uint64(len(f.logs[u]) + 1)
		f.logs[u] = append(f.logs[u], entries[i])
	}
	return entries
}

func (f *worldStore) log(u im.UserID) []im.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.logs[u])
}

func unknown(u im.UserID) error { return im.Errorf(im.CodeNotFound, "no user %d", u) }

func (f *worldStore) AccountByID(_ context.Context, u im.UserID) (im.Account, error) {
	if err := f.enter("account"); err != nil {
		return im.Account{}, err
	}
	if u > mostUser {
		return im.Account{}, unknown(u)
	}
	return im.Account{ID: u, Addr: addrOf(u), Disabled: f.gone[u]}, nil
}

func (f *worldStore) AccountByAddr(ctx context.Context, a im.Addr) (im.Account, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(a.Local, "u"), 10, 64)
	if err != nil {
		_ = f.enter("account")
		return im.Account{}, unknown(0)
	}
	return f.AccountByID(ctx, im.UserID(n))
}

func (f *worldStore) Contact(_ context.Context, owner, peer im.UserID) (im.Contact, error) {
	if err := f.enter("contact"); err != nil {
		return im.Contact{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.contacts[owner] {
		if c.User == peer {
			return c, nil
		}
	}
	return im.Contact{}, nil
}

func (f *worldStore) ContactsOf(_ context.Context, owners []im.UserID, peer im.UserID) (map[im.UserID]im.Contact, error) {
	if err := f.enter("contacts of"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make(map[im.UserID]im.Contact)
	for _, u := range owners {
		for _, c := range f.contacts[u] {
			if c.User == peer {
				out[u] = c
			}
		}
	}
	return out, nil
}

// LeavesOf knows everybody, and leaves of nobody.
func (f *worldStore) LeavesOf(_ context.Context, owners []im.UserID, _ []string) (map[im.UserID][]im.LeafItem, error) {
	if err := f.enter("leaves of"); err != nil {
		return nil, err
	}
	out := make(map[im.UserID][]im.LeafItem)
	for _, u := range owners {
		out[u] = nil
	}
	return out, nil
}

func (f *worldStore) UpdateContact(_ context.Context, owner, peer im.UserID, change func(*im.Contact, im.ContactCount) ([]im.Entry, error)) ([]im.Entry, error) {
	if err := f.enter("update contact of " + owner.String()); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if owner > mostUser || f.gone[owner] {
		return nil, unknown(owner)
	}
	c, others, n := im.Contact{User: peer}, []im.Contact(nil), im.ContactCount{}
	for _, k := range f.contacts[owner] {
		if k.User == peer {
			c = k
			continue
		}
		others = append(others, k)
		if k.Listed {
			n.Listed++
		}
		if k.Sub.Has(im.SubPendingIn) {
			n.PendingIn++
		}
	}
	logged, err := change(&c, n)
	if err != nil {
		return nil, err
	}
	if c.Listed || c.Sub != 0 {
		others = append(others, c)
	}
	f.contacts[owner] = others
	return f.logLocked(owner, logged), nil
}

func (f *worldStore) Blocks(_ context.Context, u im.UserID) ([]im.Addr, error) {
	if err := f.enter("blocks"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.blocked[u]), nil
}

// BlockLists answers nobody's list when it fails.
func (f *worldStore) BlockLists(ctx context.Context, users []im.UserID) (map[im.UserID][]im.Addr, error) {
	if err := f.enter("block lists"); err != nil {
		return nil, err
	}
	out := make(map[im.UserID][]im.Addr)
	for _, u := range users {
		l, err := f.Blocks(ctx, u)
		if err != nil {
			return nil, err
		}
		out[u] = l
	}
	return out, nil
}

func (f *worldStore) UpdateBlocks(_ context.Context, u im.UserID, change func([]im.Addr) (add, remove []im.Addr, log []im.Entry, err error)) ([]im.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	add, remove, log, err := change(slices.Clone(f.blocked[u]))
	if err != nil {
		return nil, err
	}
	if f.blocked == nil {
		f.blocked = make(map[im.UserID][]im.Addr)
	}
	f.blocked[u] = slices.DeleteFunc(f.blocked[u], func(a im.Addr) bool { return slices.Contains(remove, a) })
	f.blocked[u] = append(f.blocked[u], add...)
	return f.logLocked(u, log), nil
}

func (f *worldStore) AppendMessage(m im.Message, done func(im.Committed, error)) {
	if err := f.enter("append message"); err != nil {
		done(im.Committed{}, err)
		return
	}
	f.mu.Lock()
	if m.To > mostUser {
		f.mu.Unlock()
		done(im.Committed{}, unknown(m.To))
		return
	}
	e := im.Entry{MsgID: m.MsgID, Kind: im.KindMessage, From: m.From, Peer: m.From, ClientID: m.ClientID, Text: m.Text, Ext: m.Ext}
	if m.Note {
		e.Kind = im.KindNote
	}
	c := im.Committed{MsgID: m.MsgID, ToSeq: f.logLocked(m.To, []im.Entry{e})[0].Seq}
	c.FromSeq = c.ToSeq
	if m.To != m.From {
		e.Peer = m.To
		c.FromSeq = f.logLocked(m.From, []im.Entry{e})[0].Seq
	}
	f.mu.Unlock()
	done(c, nil)
}

func (f *worldStore) Append(_ context.Context, u im.UserID, entries []im.Entry) ([]im.Entry, error) {
	if err := f.enter("append"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logLocked(u, entries), nil
}

func (f *worldStore) MarkRead(_ context.Context, u, _ im.UserID, upTo im.MsgID, e im.Entry) (*im.Entry, im.MsgID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.UpTo = upTo
	return &f.logLocked(u, []im.Entry{e})[0], upTo, nil
}

func (f *worldStore) Archive(_ context.Context, u im.UserID, q im.ArchiveQuery) (p im.ArchivePage, err error) {
	if err := f.enter("archive"); err != nil {
		return p, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p.Entries = slices.Clone(f.logs[u])
	if len(p.Entries) > q.Limit {
		p.More = true
		p.Entries = p.Entries[:q.Limit]
	}
	return p, nil
}

func (f *worldStore) Delivered(_ context.Context, u im.UserID) (uint64, error) {
	if err := f.enter("delivered"); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.memory.cursors[u], nil
}

func (f *worldStore) SaveCursors(_ context.Context, list []im.DeviceCursor) error {
	if err := f.enter("save cursors"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.memory.cursors == nil {
		f.memory.cursors = make(map[im.UserID]uint64)
	}
	for _, c := range list {
		f.memory.cursors[c.User] = max(f.memory.cursors[c.User], c.Seq)
	}
	return nil
}

func (f *worldStore) EditLeaf(_ context.Context, _ im.UserID, name string, change func(im.Leaf, bool, []string) (im.LeafEdit, error)) error {
	if err := f.enter("edit leaf"); err != nil {
		return err
	}
	_, err := change(im.Leaf{Name: name}, false, nil)
	return err
}
