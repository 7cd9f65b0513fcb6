package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// ParseSets checks the words that followed --set on a command line: each is
// section.key=value. It names the first word that is not.
func ParseSets(args []string) ([]string, error) {
	for _, a := range args {
		key, _, ok := strings.Cut(a, "=")
		if !ok || !isPath(strings.TrimSpace(key)) {
			return nil, fmt.Errorf("config: %q is not a setting; write section.key=value", a)
		}
	}
	return args, nil
}

func isPath(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			return false
		}
	}
	return true
}

// Set changes one key of dst by a setting section.key=value. The value is
// written as in the file; quotes around text and brackets around a list of
// plain values may be left out: nas.peers=a:1,b:2.
func Set(dst any, setting string) error {
	if _, err := ParseSets([]string{setting}); err != nil {
		return err
	}
	key, value, _ := strings.Cut(setting, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	v, ok := lookup(reflect.ValueOf(dst).Elem(), key)
	if !ok {
		return fmt.Errorf("--set %s: %s", setting, unknownKey(dst, strings.Split(key, ".")))
	}
	if isTable(v.Type()) && !strings.HasPrefix(value, "{") {
		return fmt.Errorf("--set %s: %q is a section; set one of its keys, as in %s.key=value", setting, key, key)
	}
	if isTables(v.Type()) && !strings.HasPrefix(value, "[") {
		return fmt.Errorf("--set %s: %q is a list of tables; write %s=[{key = value, …}]", setting, key, key)
	}
	text := literal(v.Type(), value)
	if strings.Contains(text, "\n") {
		return fmt.Errorf("--set %s: a value stands on one line", key)
	}
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		v.SetZero() // the setting replaces the list, it does not add to it
	}
	return decodeSet(dst, key, setting, text, v.Type())
}

// decodeSet decodes a setting like a file of one line. What is wrong with a
// value on its own line can only be its form, so the sentence says that.
func decodeSet(dst any, key, setting, text string, t reflect.Type) error {
	err := decode(dst, "", []byte(key+" = "+text))
	if err == nil {
		return nil
	}
	why := strings.TrimPrefix(err.Error(), ":1: ")
	why = strings.TrimPrefix(why, fmt.Sprintf("key %q: ", key))
	switch {
	case strings.Contains(why, "unknown key"):
	case isTables(t):
		why = fmt.Sprintf("write %s=[{key = value, …}]", key)
	case !isText(t) && t.Kind() != reflect.Struct:
		why = "write " + strings.ReplaceAll(example(t), `"`, "")
	}
	return fmt.Errorf("--set %s: %s", setting, why)
}

// literal writes a value from the command line as TOML for a key of type t.
func literal(t reflect.Type, s string) string {
	quoted := len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0]
	switch {
	case isText(t) && !quoted:
		return quote(s)
	case t.Kind() == reflect.Slice && !strings.HasPrefix(s, "["):
		return list(t.Elem(), s)
	case s == "":
		return `""`
	default:
		return s
	}
}

func list(elem reflect.Type, s string) string {
	if s == "" {
		return "[]"
	}
	parts := strings.Split(s, ",")
	for i, p := range parts {
		parts[i] = literal(elem, strings.TrimSpace(p))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// isText reports whether a value of type t stands in quotes.
func isText(t reflect.Type) bool {
	return t.Kind() == reflect.String || reflect.PointerTo(t).Implements(textUnmarshaler)
}

// quote writes s as a basic string of TOML, which knows fewer escapes than Go.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			b.WriteString(`\u` + fmt.Sprintf("%04x", r))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func formatFloat(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsAny(s, ".") {
		s += ".0"
	}
	return s
}
