package xmlstream

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Classes of bytes. A byte above 0x7f is judged when its run has ended.
const (
	stopsText  uint8 = 1 << iota // ends or marks a run of text
	stopsValue                   // ends or marks a run of an attribute value
	stopsCData                   // ends or marks a run of CDATA
	inName                       // may stand in a name
	startsName                   // may start a name
	oddInName                    // colon, or beyond ASCII: the name needs a second look
	isSpace                      // XML 1.0 production 3
	escaped                      // cannot be written as it is
)

var class = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c < 0x20:
			t[c] = stopsText | stopsValue | stopsCData | escaped
		case c >= 0x80:
			t[c] = inName | startsName | oddInName
		case unicode.IsLetter(rune(c)), c == '_':
			t[c] = inName | startsName
		case c == ':':
			t[c] = inName | oddInName
		case c >= '0' && c <= '9', c == '-', c == '.':
			t[c] = inName
		}
	}
	t[' '] |= isSpace
	t['\t'] = isSpace | stopsValue | escaped
	t['\n'] = isSpace | stopsValue | escaped
	t['\r'] |= isSpace
	t['<'] = stopsText | stopsValue | escaped
	t['&'] = stopsText | stopsValue | escaped
	t['>'] = stopsText | stopsCData | escaped
	t['"'] |= stopsValue
	t['\''] |= stopsValue | escaped
	return t
}()

// legal reports whether r is a Char of XML 1.0 (production 2).
func legal(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0xd800:
		return true
	case r < 0xe000:
		return false
	}
	return r < 0xfffe || (r >= 0x10000 && r <= utf8.MaxRune)
}

// checkRun looks at what the byte classes cannot see: UTF-8 and the two
// noncharacters that XML forbids. Control characters are out already.
func checkRun(b []byte) *fault {
	if !utf8.Valid(b) {
		return errUTF8
	}
	for {
		i := bytes.IndexByte(b, 0xef)
		if i < 0 {
			return nil
		}
		if b[i+1] == 0xbf && b[i+2] >= 0xbe {
			return errControl
		}
		b = b[i+3:]
	}
}

// isNCName reports whether s is a name without colon (Namespaces in XML,
// production 4).
func isNCName(s string) bool {
	if s == "" || class[s[0]]&startsName == 0 {
		return false
	}
	odd := uint8(0)
	for i := range len(s) {
		k := class[s[i]]
		if k&inName == 0 || s[i] == ':' {
			return false
		}
		odd |= k
	}
	return odd&oddInName == 0 || isWideName(s)
}

func isWideName(s string) bool {
	for i, r := range s {
		if !nameRune(r, i == 0) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// nameRune judges by the fourth and the fifth edition of XML 1.0. Most clients
// know only the fourth: a name that the fifth added would end the stream of
// whoever it is forwarded to.
func nameRune(r rune, first bool) bool {
	if r < 0x80 {
		k := class[byte(r)]
		return k&startsName != 0 || !first && k&inName != 0
	}
	return unicode.Is(wideStart, r) || !first && unicode.Is(wideInner, r)
}

// isURI reports whether a namespace has only characters that a URI has, or an
// IRI. Parsers of clients that join namespace and name by a character, such as
// a space or '}', refuse namespaces that hold it.
func isURI(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || strings.IndexByte("<>\"{}|\\^`", c) >= 0 {
			return false
		}
	}
	return true
}
