package shard

import (
	"database/sql"
	"slices"
	"time"

	"github.com/cxx-im/cxx/im"
)

// In an inbox ids grow with the places, but for those that overtook each other
// on the way, and a message that stood in one zone until its sender tried again.
// What is out of its order by more than a day is not found by its time; by its
// place it always is.
var disorder = im.MakeMsgID(time.UnixMilli(0).AddDate(50, 0, 1), 0, 0) - im.MakeMsgID(time.UnixMilli(0).AddDate(50, 0, 0), 0, 0)

const (
	probes    = 15  // places that one step of the search looks at
	fewPlaces = 512 // are read rather than searched
)

// timeBounds narrows the places to those that may hold ids between from and to,
// so that a long inbox is not read from one end.
func (a *archive) timeBounds(from, to im.MsgID) error {
	if from == 0 && to == 0 {
		return nil
	}
	if to > 0 && from > to {
		a.below = a.above
		return nil
	}
	heads, err := readHeads(a.ctx, a.db, []im.UserID{a.u})
	if err != nil || len(heads) == 0 {
		return err
	}
	head := signed(heads[0].Seq)
	if from > disorder {
		lower, _, err := a.search(from-disorder, head)
		if err != nil {
			return err
		}
		a.above = max(a.above, lower)
	}
	if to > 0 && to < 1<<63-1-disorder {
		_, below, err := a.search(to+disorder+1, head)
		if err != nil {
			return err
		}
		if below <= head {
			a.below = below
		}
	}
	return nil
}

// search finds two places near each other, the lower with an id below x or
// before the first place, the upper with one that is not or after the last.
func (a *archive) search(x im.MsgID, head int64) (lower, upper int64, err error) {
	lower, upper = 0, head+1
	for upper-lower > fewPlaces {
		seqs, ids, err := a.probe(lower, upper)
		if err != nil || len(seqs) == 0 {
			return lower, upper, err
		}
		i := slices.IndexFunc(ids, func(id im.MsgID) bool { return id >= x })
		if i >= 0 {
			upper = seqs[i]
		} else {
			i = len(seqs)
		}
		if i > 0 {
			lower = seqs[i-1]
		}
	}
	return lower, upper, nil
}

// probe reads the ids at some places between two.
func (a *archive) probe(lower, upper int64) (seqs []int64, ids []im.MsgID, err error) {
	at := make([]uint64, probes)
	for i := range at {
		at[i] = uint64(lower + (upper-lower)*int64(i+1)/(probes+1))
	}
	err = scanAll(a.ctx, a.db, func(rows *sql.Rows) error {
		var seq int64
		var id im.MsgID
		err := rows.Scan(&seq, &id)
		seqs, ids = append(seqs, seq), append(ids, id)
		return err
	}, "SELECT seq, msg_id FROM inbox WHERE user_id = "+a.u.String()+" AND seq IN ("+idList(at)+") ORDER BY seq")
	return seqs, ids, err
}
