package shard

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

const (
	// MaxArchive is how many entries a page of the archive has at most.
	MaxArchive = 1000
	// MaxCount is where counting in the archive ends: what matches more often
	// is said to match so often.
	MaxCount = 10_000

	maxSeqs = 500 // places that one statement asks for
)

// Archive reads entries by content; see im.ArchiveQuery. A page ends early
// where one of Read does. A query without a limit has no entries and no More.
//
// Messages and notes with a peer are found by the conversation index, and so is
// what is no message; the rest is read in the order of places. From and To are
// turned into places first: see timeBounds.
func (s *Store) Archive(ctx context.Context, u im.UserID, q im.ArchiveQuery) (page im.ArchivePage, err error) {
	z := s.zone(u)
	err = z.read(ctx, func(ctx context.Context, db schema.Queryer) error {
		a := newArchive(ctx, db, z.db.Dialect(), u, q)
		page = im.ArchivePage{}
		if err := a.timeBounds(q.From, q.To); err != nil {
			return err
		}
		if q.Count {
			if page.Count, err = a.count(q.Seqs); err != nil {
				return err
			}
		}
		a.above, a.below = max(a.above, signed(q.After)), min(a.below, boundBelow(q.Before))
		if q.Limit <= 0 || a.above >= a.below {
			return nil
		}
		page.Entries, page.More, err = a.page(q.Seqs, min(q.Limit, MaxArchive))
		return err
	})
	if err != nil {
		return im.ArchivePage{}, err
	}
	return page, nil
}

// signed is n as a column holds it; what no column holds is the highest value.
func signed[T ~uint64](n T) int64 { return int64(min(n, math.MaxInt64)) }

func boundBelow(n uint64) int64 {
	if n == 0 {
		return math.MaxInt64
	}
	return signed(n)
}

// archive is one query of the archive.
type archive struct {
	ctx          context.Context
	db           schema.Queryer
	d            schema.Dialect
	u            im.UserID
	kinds        []im.Kind
	peer         im.UserID
	from, to     im.MsgID
	above, below int64 // places, exclusive
	newest       bool
}

func newArchive(ctx context.Context, db schema.Queryer, d schema.Dialect, u im.UserID, q im.ArchiveQuery) *archive {
	a := &archive{ctx: ctx, db: db, d: d, u: u, kinds: slices.Clone(q.Kinds), peer: q.Peer, from: q.From, to: q.To, above: signed(q.Floor), below: math.MaxInt64, newest: q.Newest}
	if len(a.kinds) == 0 {
		a.kinds = []im.Kind{im.KindMessage, im.KindNote}
	}
	slices.Sort(a.kinds)
	a.kinds = slices.Compact(a.kinds)
	return a
}

// page reads up to limit entries, ascending.
func (a *archive) page(seqs []uint64, limit int) (out []im.Entry, more bool, err error) {
	switch lanes := a.lanes(); {
	case len(seqs) > 0:
		out, more, err = a.picked(seqs, limit+1)
	case len(lanes) == 1:
		out, err = a.read(lanes[0], limit+1)
	default:
		out, more, err = a.merged(lanes, limit+1)
	}
	if err != nil {
		return nil, false, err
	}
	more = more || len(out) > limit || size(out) >= maxPageBytes
	out = out[:min(limit, len(out))]
	if a.newest {
		slices.Reverse(out)
	}
	return out, more, nil
}

// read returns entries of a lane in the direction of the query.
func (a *archive) read(l lane, limit int) ([]im.Entry, error) {
	where, args := a.where(l)
	where, args = l.query(where+a.order(), append(args, limit)...)
	return readEntries(a.ctx, a.db, l.table, limit, where, args...)
}

func (a *archive) order() string {
	if a.newest {
		return " ORDER BY seq DESC LIMIT ?"
	}
	return " ORDER BY seq LIMIT ?"
}

// merged reads of several lanes: first the places, then the entries.
func (a *archive) merged(lanes []lane, limit int) ([]im.Entry, bool, error) {
	var seqs []uint64
	for _, l := range lanes {
		where, args := a.where(l)
		err := scanAll(a.ctx, a.db, func(rows *sql.Rows) error {
			var seq uint64
			err := rows.Scan(&seq)
			seqs = append(seqs, seq)
			return err
		}, "SELECT seq FROM "+l.table+" WHERE "+where+a.order(), append(args, limit)...)
		if err != nil {
			return nil, false, err
		}
	}
	return a.at(a.inOrder(seqs), limit, lane{table: schema.BySeq(a.d)})
}

// picked reads those of seqs that match.
func (a *archive) picked(seqs []uint64, limit int) ([]im.Entry, bool, error) {
	inside := make([]uint64, 0, len(seqs))
	for _, n := range seqs {
		if n <= math.MaxInt64 && int64(n) > a.above && int64(n) < a.below {
			inside = append(inside, n)
		}
	}
	return a.at(a.inOrder(inside), limit, a.anywhere())
}

func (a *archive) inOrder(seqs []uint64) []uint64 {
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	if a.newest {
		slices.Reverse(seqs)
	}
	return seqs
}

// at reads the entries at places, which are in the direction of the query, as
// far as a page goes; more: it ended early.
func (a *archive) at(seqs []uint64, limit int, l lane) (out []im.Entry, more bool, err error) {
	for len(seqs) > 0 && len(out) < limit {
		part := seqs[:min(maxSeqs, len(seqs))]
		seqs = seqs[len(part):]
		found, err := a.read(l.among(part), limit-len(out))
		if err != nil {
			return nil, false, err
		}
		out = append(out, found...)
		if size(out) >= maxPageBytes {
			return out, true, nil
		}
	}
	return out, false, nil
}
