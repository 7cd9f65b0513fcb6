package xmlstream

import (
	"bytes"
	"unicode/utf8"
)

// decodeText appends the text that b stands for: references resolved, line
// ends made one newline (XML 1.0 section 2.11). In CDATA a '&' is itself.
func decodeText(dst, b []byte, cdata bool) ([]byte, *fault) {
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '&' && !cdata:
			r, n, f := reference(b[i:])
			if f != nil {
				return dst, f
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		case c == '\r':
			if i+1 == len(b) || b[i+1] != '\n' {
				dst = append(dst, '\n')
			}
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst, nil
}

// decodeValue is decodeText for attribute values, where white space that was
// written as such becomes a space (XML 1.0 section 3.3.3).
func decodeValue(dst, b []byte) ([]byte, *fault) {
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case '&':
			r, n, f := reference(b[i:])
			if f != nil {
				return dst, f
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		case '\r', '\n', '\t':
			if c != '\r' || i+1 == len(b) || b[i+1] != '\n' {
				dst = append(dst, ' ')
			}
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst, nil
}

// reference reads the reference at the start of b, n bytes long.
func reference(b []byte) (r rune, n int, f *fault) {
	end := 1
	for end < len(b) && (class[b[end]]&inName != 0 || b[end] == '#') {
		end++
	}
	if end == len(b) || b[end] != ';' || end == 1 {
		return 0, 0, errReference
	}
	name := b[1:end]
	if name[0] == '#' {
		r, f = charReference(name[1:])
		return r, end + 1, f
	}
	switch string(name) {
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "amp":
		r = '&'
	case "apos":
		r = '\''
	case "quot":
		r = '"'
	default:
		if class[name[0]]&startsName == 0 || bytes.IndexByte(name, '#') >= 0 {
			return 0, 0, errReference
		}
		return 0, 0, errEntity
	}
	return r, end + 1, nil
}

func charReference(digits []byte) (rune, *fault) {
	base := rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	if len(digits) == 0 {
		return 0, errReference
	}
	r := rune(0)
	for _, c := range digits {
		v := digit(c)
		if v >= base {
			return 0, errReference
		}
		// Beyond the last character there is no way back, but the digits
		// still have to be digits.
		r = min(r*base+v, utf8.MaxRune+1)
	}
	if !legal(r) {
		return 0, errCharRef
	}
	return r, nil
}

func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 255
}
