package xmlstream

import (
	"strings"
	"unicode/utf8"
)

// AppendText appends s as character data. A character that XML does not allow
// becomes U+FFFD, so that the result is well-formed whatever s is.
func AppendText(dst []byte, s string) []byte {
	s = cleaned(s)
	from := 0
	for i := range len(s) {
		c := s[i]
		if class[c]&escaped == 0 || c == '\n' || c == '\t' || c == '\'' {
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, escape(c)...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// appendValue appends s as an attribute value between single quotes.
func appendValue(dst []byte, s string) []byte {
	s = cleaned(s)
	dst = append(dst, '\'')
	from := 0
	for i := range len(s) {
		if class[s[i]]&escaped == 0 {
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, escape(s[i])...)
		from = i + 1
	}
	dst = append(dst, s[from:]...)
	return append(dst, '\'')
}

// escape is the reference for a byte of class escaped. White space that a
// parser would change is written as a reference too.
func escape(c byte) string {
	switch c {
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '&':
		return "&amp;"
	case '\'':
		return "&apos;"
	case '\t':
		return "&#x9;"
	case '\n':
		return "&#xA;"
	case '\r':
		return "&#xD;"
	}
	return string(utf8.RuneError)
}

// cleaned returns s with everything beyond ASCII that XML does not allow as
// U+FFFD; mostly s itself.
func cleaned(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\uFFFE") && !strings.Contains(s, "\uFFFF") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && !legal(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}
