package mam

import (
	"context"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/rsm"
	"github.com/cxx-im/cxx/xmpp/stanza"
)

// mostScanned and mostBytes bound what one request may look at: filters that the
// core does not know are applied here.
const (
	mostScanned = 20_000   // entries
	mostBytes   = 64 << 20 // of their text and elements
)

// chunk is how many entries are read at once when there are filters of ours.
const chunk = 200

// page is what was found.
type page struct {
	entries []im.Entry // ascending
	more    bool       // what matches goes on beyond the page
	count   int        // of all that match, or rsm.None
}

// reader collects a page.
type reader struct {
	src   Source
	q     im.ArchiveQuery
	keep  []Filter
	limit int
	bytes int // left; the first entry is taken whatever its size
	page
}

func (r *reader) add(keep Filter) {
	if keep != nil {
		r.keep = append(r.keep, keep)
	}
}

func (r *reader) keeps(e *im.Entry) (bool, error) {
	for _, keep := range r.keep {
		if ok, err := keep(e); !ok {
			return false, err
		}
	}
	return true, nil
}

// read fills the page. With filters of ours the number of all is not known, and
// a full page has to look for one that follows.
func (r *reader) read(ctx context.Context) error {
	filtered := len(r.keep) > 0
	r.count = rsm.None
	r.q.Count = (r.q.Count || r.limit == 0) && !filtered
	r.q.Limit = r.limit
	if filtered {
		r.q.Limit = max(r.limit+1, chunk)
	}
	if r.limit == 0 {
		return r.any(ctx)
	}
	for scanned, bytes := 0, 0; ; {
		p, err := r.src.Archive(ctx, r.q)
		if err != nil {
			return err
		}
		if r.q.Count {
			r.count, r.q.Count = p.Count, false
		}
		full, err := r.take(p.Entries)
		if err != nil {
			return err
		}
		r.more = r.more || p.More
		if full || !p.More || len(p.Entries) == 0 {
			break
		}
		scanned, bytes = scanned+len(p.Entries), bytes+size(p.Entries...)
		if scanned > mostScanned || bytes > mostBytes {
			if len(r.entries) > 0 {
				break // a short page, from which the client goes on
			}
			return stanza.Errorf(stanza.ResourceConstraint, "too much to look through; ask for a shorter time")
		}
		r.more = false
		r.skip(p.Entries)
	}
	if r.q.Newest {
		slices.Reverse(r.entries)
	}
	return nil
}

// any reads how many there are, or whether there is one, and no entries.
func (r *reader) any(ctx context.Context) error {
	if r.q.Count {
		p, err := r.src.Archive(ctx, r.q)
		r.count, r.more = p.Count, p.Count > 0
		return err
	}
	r.limit = 1
	err := r.read(ctx)
	r.more, r.entries = len(r.entries) > 0, nil
	return err
}

// take adds entries in the order of the query; true: the page is full.
func (r *reader) take(entries []im.Entry) (full bool, err error) {
	for i := range entries {
		e := &entries[i]
		if r.q.Newest {
			e = &entries[len(entries)-1-i]
		}
		ok, err := r.keeps(e)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		size := size(*e)
		if len(r.entries) == r.limit || len(r.entries) > 0 && size > r.bytes {
			r.more = true
			return true, nil
		}
		r.entries = append(r.entries, *e)
		r.bytes -= size
	}
	return len(r.entries) == r.limit && len(r.keep) == 0, nil
}

func size(list ...im.Entry) (n int) {
	for i := range list {
		n += len(list[i].Text) + len(list[i].Ext)
	}
	return n
}

// skip moves the query behind entries.
func (r *reader) skip(entries []im.Entry) {
	if r.q.Newest {
		r.q.Before = entries[0].Seq
		return
	}
	r.q.After = entries[len(entries)-1].Seq
}
