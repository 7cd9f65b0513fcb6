package shard

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// lane is a run of an index in which part of an archive query lies in the order
// of places.
type lane struct {
	table string // with the index that is to be used
	where string // begins with " AND "; empty: everything
	args  []any
	once  bool // a list of places stands in it: a text that is not seen twice
}

// lanes cuts a query in runs that have no entry in common.
func (a *archive) lanes() []lane {
	byConv := schema.ByConversation(a.d)
	others := slices.DeleteFunc(slices.Clone(a.kinds), isMessage)
	if a.peer == 0 {
		if len(others) == len(a.kinds) {
			return []lane{{table: byConv, where: " AND conv_id = 0" + kindsIn(others)}}
		}
		return []lane{a.anywhere()}
	}
	if convID(a.peer) < 0 {
		return nil
	}
	var out []lane
	for _, k := range a.kinds {
		if isMessage(k) {
			out = append(out, lane{table: byConv, where: " AND conv_id = ?", args: []any{int64(conversation(k, a.peer))}})
		}
	}
	if len(others) > 0 {
		out = append(out, lane{table: byConv, where: " AND conv_id = 0 AND peer_id = ?" + kindsIn(others), args: []any{int64(a.peer)}})
	}
	return out
}

// anywhere is what a query asks for, in the order of the whole inbox.
func (a *archive) anywhere() lane {
	l := lane{table: schema.BySeq(a.d), where: kindsIn(a.kinds)}
	if a.peer != 0 {
		l.where, l.args = " AND peer_id = ?"+l.where, []any{signed(a.peer)}
	}
	return l
}

// kindsIn has numbers in its text, of which there are few.
func kindsIn(kinds []im.Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = fmt.Sprint(uint8(k))
	}
	return " AND kind IN (" + strings.Join(words, ",") + ")"
}

// where is the condition of a lane with the bounds of the query.
func (a *archive) where(l lane) (string, []any) {
	where := "user_id = ?" + l.where
	args := append([]any{int64(a.u)}, l.args...)
	where, args = where+" AND seq > ? AND seq < ?", append(args, a.above, a.below)
	if a.timed() {
		to := a.to
		if to == 0 {
			to = math.MaxInt64
		}
		where, args = where+" AND msg_id >= ? AND msg_id <= ?", append(args, signed(a.from), signed(to))
	}
	return where, args
}

func (a *archive) timed() bool { return a.from != 0 || a.to != 0 }

// query is a statement over a lane. The databases keep texts that have arguments.
func (l lane) query(text string, args ...any) (string, []any) {
	if !l.once {
		return text, args
	}
	for _, n := range args {
		text = strings.Replace(text, "?", fmt.Sprint(n), 1)
	}
	return text, nil
}

// among is l with a list of places.
func (l lane) among(seqs []uint64) lane {
	l.where += " AND seq IN (" + idList(seqs) + ")"
	l.once = true
	return l
}

// count counts what matches between the places that the times allow.
func (a *archive) count(seqs []uint64) (int, error) {
	total := 0
	for _, l := range a.countLanes(seqs) {
		where, args := a.where(l)
		query, args := l.query("SELECT COUNT(*) FROM (SELECT 1 AS one FROM "+l.table+" WHERE "+where+" LIMIT ?) AS found", append(args, MaxCount-total)...)
		n, err := number(a.ctx, a.db, query, args...)
		if err != nil {
			return 0, err
		}
		if total += int(n); total >= MaxCount {
			break
		}
	}
	return total, nil
}

func (a *archive) countLanes(seqs []uint64) []lane {
	switch {
	case len(seqs) > 0:
		return a.pickedLanes(seqs)
	case a.peer != 0 || a.timed():
		return a.lanes()
	}
	return a.indexLanes()
}

// indexLanes is the whole inbox or timeline, in any order, by the conversation index alone.
func (a *archive) indexLanes() (out []lane) {
	byConv := schema.ByConversation(a.d)
	for _, k := range a.kinds {
		switch k {
		case im.KindMessage:
			out = append(out, lane{table: byConv, where: " AND conv_id > 0 AND conv_id < ?", args: []any{int64(schema.NoteBit)}})
		case im.KindNote:
			out = append(out, lane{table: byConv, where: " AND conv_id > ? AND conv_id < ?", args: []any{int64(schema.NoteBit), int64(schema.TimelineBit)}})
		default:
			continue
		}
		out = append(out, lane{table: byConv, where: " AND conv_id = ?", args: []any{int64(conversation(k, 0))}}) // of a timeline
	}
	if others := slices.DeleteFunc(slices.Clone(a.kinds), isMessage); len(others) > 0 {
		out = append(out, lane{table: byConv, where: " AND conv_id = 0" + kindsIn(others)})
	}
	return out
}

func (a *archive) pickedLanes(seqs []uint64) (out []lane) {
	valid := slices.DeleteFunc(slices.Clone(seqs), func(n uint64) bool { return n > math.MaxInt64 })
	slices.Sort(valid)
	for part := range slices.Chunk(slices.Compact(valid), maxSeqs) {
		out = append(out, a.anywhere().among(part))
	}
	return out
}
