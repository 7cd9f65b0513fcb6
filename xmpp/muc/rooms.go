package muc

import (
	"context"
	"strconv"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/rsm"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// mostRooms is how many rooms one answer lists.
const mostRooms = 200

// rooms lists the public rooms of a domain (section 6.3), a page at a time (XEP-0059).
func (s *Service) rooms(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	if r.Payload.Attr("node") != "" {
		return nil, errNode
	}
	q, after, err := forwards(r.Payload, "rooms")
	if err != nil {
		return nil, err
	}
	list, next, err := public(ctx, r, im.GroupID(after), pageOf(q, mostRooms))
	if err != nil {
		return nil, err
	}
	out := xmlstream.New(stanza.NSItems, "query")
	page := rsm.Page{Index: rsm.None, Count: rsm.None}
	for i := range list {
		g := &list[i]
		out.AddNew(stanza.NSItems, "item").SetAttr("jid", g.Addr.String()).OptAttr("name", g.Title)
		page.Last = strconv.FormatUint(uint64(g.ID), 10)
		if i == 0 {
			page.First = page.Last
		}
	}
	if next > 0 {
		page.Last = strconv.FormatUint(uint64(next), 10)
	}
	if next > 0 || r.Payload.Child(stanza.NSRSM, "set") != nil {
		out.Add(page.Element())
	}
	return out, nil
}

// mostPages is how many pages of the directory one request may look at: in a cell with
// many domains most groups may be of others.
const mostPages = 50

// public reads a page of the directory: of the groups of all domains those of one. next
// is where to go on; zero: that was all.
func public(ctx context.Context, r *iq.Request, after im.GroupID, limit int) (out []im.Group, next im.GroupID, err error) {
	for range mostPages {
		d, err := r.Session.Core().GroupDirectory(ctx, after, limit+1)
		if err != nil {
			return nil, 0, err
		}
		for _, g := range d.Groups {
			if g.Addr.Domain != r.To.Domain {
				continue
			}
			if len(out) == limit {
				return out, next, nil
			}
			out, next = append(out, g), g.ID
		}
		if after = d.Next; after == 0 {
			return out, 0, nil
		}
	}
	if len(out) == 0 {
		return nil, 0, stanza.Errorf(stanza.ResourceConstraint, "there are too many rooms of other domains to look through")
	}
	return out, after, nil
}

// forwards reads which page of a list is asked for: lists are in the order of numbers,
// and read in that.
func forwards(e *xmlstream.Element, what string) (q rsm.Request, after uint64, err error) {
	if q, err = rsm.Parse(e); err != nil {
		return q, 0, err
	}
	if q.Backwards || q.Index > 0 {
		return q, 0, stanza.Errorf(stanza.FeatureNotImplemented, "the list of "+what+" is read forwards, by <after/>")
	}
	if q.After != "" {
		if after, err = strconv.ParseUint(q.After, 10, 63); err != nil {
			return q, 0, stanza.Errorf(stanza.ItemNotFound, "no page of this list ends with that id")
		}
	}
	return q, after, nil
}

// pageOf is how many items a client gets.
func pageOf(q rsm.Request, most int) int {
	if q.Max == rsm.None {
		return most
	}
	return min(q.Max, most)
}
