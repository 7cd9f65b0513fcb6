package pep

import (
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/rsm"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// window is the part of the items that a request is for (XEP-0059).
type window struct {
	rsm.Request
	asked bool // there was a set element
}

func parseWindow(parent *xmlstream.Element) (window, error) {
	r, err := rsm.Parse(parent)
	return window{r, parent.Child(stanza.NSRSM, "set") != nil}, err
}

// cut returns the part of list, and the set element that goes with it: when it
// was asked for, or when the list is too long for one answer (XEP-0060 section
// 6.5.4).
func (w window) cut(list []im.Item) ([]im.Item, *xmlstream.Element, error) {
	from, to := 0, len(list)
	place := func(id string) int { return slices.IndexFunc(list, func(i im.Item) bool { return i.ID == id }) }
	if w.After != "" {
		from = place(w.After) + 1
	}
	if w.Before != "" {
		to = place(w.Before)
	}
	if w.After != "" && from == 0 || to < 0 {
		return nil, nil, errItem
	}
	if w.Index != rsm.None {
		from = min(w.Index, len(list))
	}
	from, to = w.shrink(list, from, max(from, to))
	if !w.asked && to-from == len(list) {
		return list, nil, nil
	}
	p := rsm.Page{Index: rsm.None, Count: len(list)}
	if from < to {
		p.First, p.Last, p.Index = list[from].ID, list[to-1].ID, from
	}
	return list[from:to], p.Element(), nil
}

// shrink keeps as many items as were asked for and fit in an answer, but never
// none for being large: the first ones, or the last when paging backwards.
func (w window) shrink(list []im.Item, from, to int) (int, int) {
	n, bytes := 0, 0
	for n < to-from && (w.Max == rsm.None || n < w.Max) {
		i := from + n
		if w.Backwards {
			i = to - 1 - n
		}
		bytes += len(list[i].ID) + len(list[i].Payload)
		if bytes > maxAnswer && n > 0 {
			break
		}
		n++
	}
	if w.Backwards {
		return to - n, to
	}
	return from, from + n
}
