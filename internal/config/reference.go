package config

import (
	"encoding"
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// Reference writes every key of dst, a pointer to a struct of sections filled
// with defaults, as a TOML file with the doc tag of each key above it. Each
// line of heading becomes a comment at the top. The result can be loaded and
// gives the defaults again.
func Reference(dst any, heading string) string {
	var b strings.Builder
	comment(&b, heading, "")
	writeTable(&b, reflect.ValueOf(dst).Elem(), "", "")
	return b.String()
}

func comment(b *strings.Builder, text, prefix string) {
	if text == "" {
		return
	}
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(strings.TrimRight(prefix+"# "+line, " ") + "\n")
	}
}

// writeTable writes plain keys first, because in TOML what follows a [table]
// belongs to it. prefix goes before every line ("# " for an example).
func writeTable(b *strings.Builder, v reflect.Value, path, prefix string) {
	var tables []field
	for _, f := range fields(v) {
		if isTable(f.value.Type()) || isTables(f.value.Type()) {
			tables = append(tables, f)
			continue
		}
		comment(b, f.doc, prefix)
		fmt.Fprintf(b, "%s%s = %s\n", prefix, f.name, render(f.value))
	}
	for _, f := range tables {
		name := path + f.name
		b.WriteString("\n")
		comment(b, f.doc, prefix)
		if isTable(f.value.Type()) {
			fmt.Fprintf(b, "%s[%s]\n", prefix, name)
			writeTable(b, f.value, name+".", prefix)
			continue
		}
		writeTables(b, f.value, name, prefix)
	}
}

// writeTables writes a list of tables; one that is empty by default is shown
// by an example that is commented out.
func writeTables(b *strings.Builder, v reflect.Value, name, prefix string) {
	if v.Len() == 0 {
		prefix = "# "
		v = reflect.MakeSlice(v.Type(), 1, 1)
	}
	for i := range v.Len() {
		fmt.Fprintf(b, "%s[[%s]]\n", prefix, name)
		writeTable(b, v.Index(i), name+".", prefix)
	}
}

// render writes one value as TOML.
func render(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return `""`
		}
		return render(v.Elem())
	}
	if _, ok := v.Interface().(Secret); ok {
		return `""` // never shown, and none has a default
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			text = nil
		}
		return quote(string(text))
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Float32, reflect.Float64:
		return formatFloat(v.Float())
	case reflect.Slice, reflect.Array:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = render(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		return renderMap(v)
	default:
		return fmt.Sprint(v.Interface())
	}
}

func renderMap(v reflect.Value) string {
	var parts []string
	for it := v.MapRange(); it.Next(); {
		parts = append(parts, quote(it.Key().String())+" = "+render(it.Value()))
	}
	sort.Strings(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}
