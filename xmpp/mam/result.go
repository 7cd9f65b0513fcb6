package mam

import (
	"context"
	"slices"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/message"
	"github.com/cxx-im/cxx/xmpp/rsm"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Query answers a request for messages of an archive: the messages go before the
// result, which is the <fin/> that is returned. Who may read it is for the
// caller.
func (s *Service) Query(ctx context.Context, r *iq.Request, src Source) (*xmlstream.Element, error) {
	q, err := parse(r.Payload)
	if err != nil {
		return nil, err
	}
	if err := present(ctx, src, q.known); err != nil {
		return nil, err
	}
	p, err := s.find(ctx, src, q, true)
	if err != nil {
		return nil, err
	}
	results := make([]*xmlstream.Element, 0, len(p.entries))
	for i := range p.entries {
		st, err := src.Message(ctx, &p.entries[i])
		if err != nil {
			return nil, err
		}
		if st != nil {
			results = append(results, result(r, q, &p.entries[i], st))
		}
	}
	if q.flip {
		slices.Reverse(results)
	}
	r.First = append(r.First, results...)
	return fin(q, p), nil
}

// present answers item-not-found unless all ids are in the archive (sections
// 4.1.3 and 4.3.2).
func present(ctx context.Context, src Source, ids []uint64) error {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for len(ids) > 0 {
		p, err := src.Archive(ctx, im.ArchiveQuery{Seqs: ids, Limit: len(ids)})
		if err != nil {
			return err
		}
		n := len(p.Entries)
		if n == 0 || !p.More && n < len(ids) || p.Entries[n-1].Seq != ids[n-1] {
			return errNotFound
		}
		ids = ids[n:]
	}
	return nil
}

// find reads the page that q asks for, and counts all that match.
func (s *Service) find(ctx context.Context, src Source, q *query, count bool) (*page, error) {
	r := &reader{src: src, q: q.archive(), limit: s.cfg.Page, bytes: int(s.cfg.Bytes)}
	r.q.Count = count
	if q.page.Max != rsm.None {
		r.limit = min(q.page.Max, s.cfg.MaxPage)
	}
	if !q.with.IsZero() {
		keep, ok, err := src.With(ctx, q.with, &r.q)
		if err != nil || !ok {
			return &page{}, err
		}
		r.add(keep)
	}
	keep, err := src.Keep(ctx)
	if err != nil {
		return nil, err
	}
	r.add(keep)
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	return &r.page, nil
}

// result is one message of the archive (section 4.2).
func result(r *iq.Request, q *query, e *im.Entry, st *xmlstream.Element) *xmlstream.Element {
	out := stanza.New("message", "").SetAttr("from", r.To.String()).SetAttr("to", r.From.String())
	res := out.AddNew(stanza.NSMAM, "result").OptAttr("queryid", q.id).SetAttr("id", id(e))
	res.AddNew(stanza.NSForward, "forwarded").Add(message.Delay("", e.MsgID.Time()), st)
	return out
}

func id(e *im.Entry) string { return strconv.FormatUint(e.Seq, 10) }

// fin tells where the page lies (sections 4 and 4.3.2). first and last are in the
// order of the archive, whatever the order of the page.
func fin(q *query, p *page) *xmlstream.Element {
	out := xmlstream.New(stanza.NSMAM, "fin")
	if !p.more {
		out.SetAttr("complete", "true")
	}
	set := rsm.Page{Index: rsm.None, Count: p.count}
	if n := len(p.entries); n > 0 {
		set.First, set.Last = id(&p.entries[0]), id(&p.entries[n-1])
		// The last page has no index, though it is known: slixmpp takes a page that
		// ends where the whole does for the end, and pages back no further.
		if p.count != rsm.None && q.before == 0 && q.after == 0 && (!q.page.Backwards || n == p.count) {
			set.Index = 0
		}
	}
	return out.Add(set.Element())
}
