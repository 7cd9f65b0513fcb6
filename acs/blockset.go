package acs

import (
	"slices"

	"github.com/cxx-im/cxx/im"
)

// blockSet is a block list to look addresses up in. It never changes; nil is the
// empty one.
type blockSet struct {
	addrs []im.Addr
	index map[im.Addr]struct{} // of a long list
}

// longList is from how many addresses on an index is quicker.
const longList = 16

func newBlockSet(addrs []im.Addr) *blockSet {
	if len(addrs) == 0 {
		return nil
	}
	b := &blockSet{addrs: addrs}
	if len(addrs) > longList {
		b.index = addrSet(addrs)
	}
	return b
}

func addrSet(addrs []im.Addr) map[im.Addr]struct{} {
	set := make(map[im.Addr]struct{}, len(addrs))
	for _, a := range addrs {
		set[a] = struct{}{}
	}
	return set
}

func (b *blockSet) size() int {
	if b == nil {
		return 0
	}
	return len(b.addrs)
}

// covers reports whether the list has a in it (XEP-0191 section 6): an entry
// without resource means every one, one that is only a domain everybody there.
func (b *blockSet) covers(a im.Addr) bool {
	if b == nil {
		return false
	}
	return b.has(a) || a.Resource != "" && b.has(a.Bare()) || b.has(im.Addr{Domain: a.Domain})
}

func (b *blockSet) has(a im.Addr) bool {
	if b.index == nil {
		return slices.Contains(b.addrs, a)
	}
	_, ok := b.index[a]
	return ok
}
