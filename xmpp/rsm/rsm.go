// Package rsm reads and writes result set management (XEP-0059): which page of a
// result a client wants, and which one it got.
//
// What the ids of items are is for its callers; here they are opaque and only
// their length is bounded. All functions are pure.
package rsm

import (
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// None stands for a number that was not given.
const None = -1

const (
	maxID     = 1024 // bytes of an id
	maxNumber = 1<<31 - 1
)

// Request is a <set/> of a client.
type Request struct {
	Max       int    // None: as many as the server likes; 0: only the count (section 2.7)
	Index     int    // None, or where the page begins (section 2.6)
	After     string // "": from the beginning
	Before    string // "": up to the end
	Backwards bool   // the end of what is left: <before/> was given, even empty (sections 2.3 and 2.5)
}

// Parse reads the <set/> in parent; without one nothing is asked for. The error
// is bad-request.
func Parse(parent *xmlstream.Element) (Request, error) {
	r := Request{Max: None, Index: None}
	var set *xmlstream.Element
	for c := range parent.Children() {
		if !c.Is(stanza.NSRSM, "set") {
			continue
		}
		if set != nil {
			return r, wrong("more than one set")
		}
		set = c
	}
	seen := make(map[string]bool, 4)
	for c := range set.Children() {
		if c.Space != stanza.NSRSM {
			continue
		}
		if seen[c.Local] {
			return r, wrong("more than one " + c.Local)
		}
		seen[c.Local] = true
		if err := r.read(c); err != nil {
			return r, err
		}
	}
	if r.Index != None && (seen["after"] || seen["before"]) {
		return r, wrong("a page is asked for by id or by index, not by both")
	}
	return r, nil
}

func (r *Request) read(c *xmlstream.Element) (err error) {
	switch c.Local {
	case "max":
		r.Max, err = number(c)
	case "index":
		r.Index, err = number(c)
	case "after":
		r.After, err = id(c)
	case "before":
		r.Backwards = true
		r.Before, err = id(c)
	}
	return err
}

func number(c *xmlstream.Element) (int, error) {
	s := strings.Trim(c.Text(), " \t\r\n")
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n > maxNumber || c.First() != nil {
		return None, wrong(c.Local + " is a number from 0 to " + strconv.Itoa(maxNumber))
	}
	return int(n), nil
}

func id(c *xmlstream.Element) (string, error) {
	s := c.Text()
	if len(s) > maxID || c.First() != nil {
		return "", wrong(c.Local + " is an id of at most " + strconv.Itoa(maxID) + " bytes")
	}
	return s, nil
}

func wrong(text string) error { return stanza.Errorf(stanza.BadRequest, text) }

// Page describes what the client got.
type Page struct {
	First, Last string // ids; "" for an empty page
	Index       int    // of First in the whole, None when it is not known
	Count       int    // of the whole, None when it is not known
}

// Element renders p as <set/>.
func (p Page) Element() *xmlstream.Element {
	set := xmlstream.New(stanza.NSRSM, "set")
	if p.First != "" {
		first := xmlstream.NewText(stanza.NSRSM, "first", p.First)
		if p.Index != None {
			first.SetAttr("index", strconv.Itoa(p.Index))
		}
		set.Add(first, xmlstream.NewText(stanza.NSRSM, "last", p.Last))
	}
	if p.Count != None {
		set.Add(xmlstream.NewText(stanza.NSRSM, "count", strconv.Itoa(p.Count)))
	}
	return set
}
