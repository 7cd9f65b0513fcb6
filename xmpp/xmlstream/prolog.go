package xmlstream

import (
	"bytes"
	"strings"
)

// target reads the name after "<?"; only "xml" goes on.
func (d *Decoder) target(c byte) {
	const name = "xml"
	at := d.pos - d.base - d.mark
	switch {
	case at < len(name) && c == name[at]:
	case at == len(name) && class[c]&isSpace != 0:
		d.state = inDecl
	default:
		d.fail(errInstruction)
	}
}

// declaration reads the XML declaration to its end (RFC 6120 section 11.5).
func (d *Decoder) declaration(c byte) {
	d.pos++
	if c != '>' {
		return
	}
	body, ok := bytes.CutSuffix(d.raw(d.run(d.pos-1)), []byte("?"))
	if !ok {
		d.fail(errDeclaration)
		return
	}
	if f := checkDeclaration(string(body[len("xml"):])); f != nil {
		d.fail(f)
		return
	}
	d.lead, d.again = false, false
	d.finish(inProlog)
}

// checkDeclaration reads the pseudo attributes (XML 1.0 production 23).
func checkDeclaration(s string) *fault {
	version, s, ok := pseudo(s, "version")
	if !ok || version != "1.0" {
		return errDeclaration
	}
	if encoding, rest, ok := pseudo(s, "encoding"); ok {
		if !strings.EqualFold(encoding, "utf-8") {
			return errEncoding
		}
		s = rest
	}
	if standalone, rest, ok := pseudo(s, "standalone"); ok {
		if standalone != "yes" && standalone != "no" {
			return errDeclaration
		}
		s = rest
	}
	if strings.Trim(s, " \t\r\n") != "" {
		return errDeclaration
	}
	return nil
}

// pseudo cuts ` name="value"` from the start of s.
func pseudo(s, name string) (value, rest string, ok bool) {
	const space = " \t\r\n"
	t := strings.TrimLeft(s, space)
	if len(t) == len(s) || !strings.HasPrefix(t, name) {
		return "", s, false
	}
	t, ok = strings.CutPrefix(strings.TrimLeft(t[len(name):], space), "=")
	t = strings.TrimLeft(t, space)
	if !ok || t == "" || t[0] != '"' && t[0] != '\'' {
		return "", s, false
	}
	end := strings.IndexByte(t[1:], t[0])
	if end < 0 {
		return "", s, false
	}
	return t[1 : end+1], t[end+2:], true
}
