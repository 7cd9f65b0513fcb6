package mam

import (
	"slices"
	"strconv"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/form"
	"github.com/cxx-im/cxx/xmpp/rsm"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// query is what a client asks for.
type query struct {
	id   string
	flip bool // the page in reverse order (section 4.3.4)
	page rsm.Request

	with          im.Addr // zero: any
	from, to      im.MsgID
	after, before uint64
	ids           []uint64
	known         []uint64 // all that must be in the archive
}

// mostIDs is how many single messages can be asked for at once.
const mostIDs = 250

// field reads one field of the form (section 4.1).
type field func(q *query, f *form.Field) error

var fields = map[string]field{
	"FORM_TYPE":         func(*query, *form.Field) error { return nil },
	"with":              (*query).readWith,
	"start":             (*query).readStart,
	"end":               (*query).readEnd,
	"after-id":          (*query).readAfter,
	"before-id":         (*query).readBefore,
	"ids":               (*query).readIDs,
	"include-groupchat": (*query).readGroupchat,
}

// parse reads a <query/>.
func parse(e *xmlstream.Element) (*query, error) {
	q := &query{id: e.Attr("queryid"), flip: e.Child(stanza.NSMAM, "flip-page") != nil}
	if e.Attr("node") != "" { // section 6.1.3
		return nil, stanza.Errorf(stanza.FeatureNotImplemented, "this archive has no nodes")
	}
	if x := form.Child(e); x != nil {
		if err := q.readForm(x); err != nil {
			return nil, err
		}
	}
	var err error
	if q.page, err = rsm.Parse(e); err != nil {
		return nil, err
	}
	if loose := e.ChildText(stanza.NSMAM, "after"); loose != "" && q.page.After == "" {
		q.page.After = loose // profanity 0.13 forgets the <set/> around it
	}
	if q.page.Index > 0 { // XEP-0059 section 2.6
		return nil, stanza.Errorf(stanza.FeatureNotImplemented, "pages of the archive are asked for by id")
	}
	if err := q.bound(q.page.After, q.above); err != nil {
		return nil, err
	}
	if err := q.bound(q.page.Before, q.below); err != nil {
		return nil, err
	}
	return q, nil
}

func (q *query) readForm(x *xmlstream.Element) error {
	f, err := form.Submitted(x, stanza.NSMAM)
	if err != nil {
		return err
	}
	for i := range f.Fields {
		read, ok := fields[f.Fields[i].Var]
		if !ok { // section 4.1.5
			return stanza.Errorf(stanza.FeatureNotImplemented, "a field of the form is not known here")
		}
		if err := read(q, &f.Fields[i]); err != nil {
			return err
		}
	}
	return nil
}

func (q *query) readWith(f *form.Field) (err error) {
	if f.Value() == "" {
		return nil
	}
	if q.with, err = im.ParseAddr(f.Value()); err != nil {
		return stanza.Errorf(stanza.JIDMalformed, "the field with is no address")
	}
	return nil
}

func (q *query) readStart(f *form.Field) error {
	at, err := moment(f)
	if err == nil && !at.IsZero() {
		// Ids are exact to the millisecond; what lies between two is of the later.
		q.from = im.MakeMsgID(at.Add(time.Millisecond-1), 0, 0)
	}
	return err
}

func (q *query) readEnd(f *form.Field) error {
	at, err := moment(f)
	if err == nil && !at.IsZero() {
		q.to = im.MakeMsgID(at, 1<<16-1, im.MaxNode)
	}
	return err
}

// moment reads a DateTime of XEP-0082, zero when the field is empty.
func moment(f *form.Field) (time.Time, error) {
	if f.Value() == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, f.Value())
	if err != nil {
		return at, stanza.Errorf(stanza.BadRequest, "the field "+f.Var+" is no time of XEP-0082")
	}
	return at, nil
}

func (q *query) readAfter(f *form.Field) error { return q.bound(f.Value(), q.above) }

func (q *query) readBefore(f *form.Field) error { return q.bound(f.Value(), q.below) }

// bound narrows the query by an id, if there is one.
func (q *query) bound(id string, narrow func(uint64)) error {
	if id == "" {
		return nil
	}
	n, err := q.know(id)
	if err == nil {
		narrow(n)
	}
	return err
}

func (q *query) above(n uint64) { q.after = max(q.after, n) }

func (q *query) below(n uint64) {
	if q.before == 0 || n < q.before {
		q.before = n
	}
}

func (q *query) readIDs(f *form.Field) error {
	if len(f.Values) > mostIDs {
		return stanza.Errorf(stanza.PolicyViolation, "at most "+strconv.Itoa(mostIDs)+" ids at once")
	}
	for _, v := range f.Values {
		n, err := q.know(v)
		if err != nil {
			return err
		}
		q.ids = append(q.ids, n)
	}
	slices.Sort(q.ids)
	q.ids = slices.Compact(q.ids)
	return nil
}

// readGroupchat reads what makes no difference: messages of rooms are in the
// archives of the rooms (section 4.1.4).
func (q *query) readGroupchat(f *form.Field) error {
	if _, ok := f.Bool(); !ok {
		return stanza.Errorf(stanza.BadRequest, "the field include-groupchat is true or false")
	}
	return nil
}

// know reads the id of an entry, which must be in the archive (section 4.1.3).
// What is no id of ours is in no archive.
func (q *query) know(id string) (uint64, error) {
	n, err := strconv.ParseUint(id, 10, 63)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != id {
		return 0, errNotFound
	}
	q.known = append(q.known, n)
	return n, nil
}

var errNotFound = stanza.Errorf(stanza.ItemNotFound, "the archive has no message of that id")

// archive is q as the core reads it.
func (q *query) archive() im.ArchiveQuery {
	return im.ArchiveQuery{After: q.after, Before: q.before, From: q.from, To: q.to, Seqs: q.ids, Newest: q.page.Backwards}
}
