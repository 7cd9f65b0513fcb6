package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// field is one key of a section.
type field struct {
	name  string
	doc   string
	value reflect.Value
}

// fields lists the keys of the struct v in the order of the source. Fields
// without a toml tag, or with "-", are no keys; an embedded struct lends its own.
func fields(v reflect.Value) []field {
	var all []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			all = append(all, fields(v.Field(i))...)
		case f.IsExported() && name != "" && name != "-":
			all = append(all, field{name, f.Tag.Get("doc"), v.Field(i)})
		}
	}
	return all
}

// isTable reports whether t is written as a table of its own.
func isTable(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(textUnmarshaler)
}

// isTables reports whether t is a list of tables.
func isTables(t reflect.Type) bool { return t.Kind() == reflect.Slice && isTable(t.Elem()) }

// Keys returns every key of dst, a pointer to a struct of sections, as a
// dotted path. Keys of lists of tables appear once.
func Keys(dst any) []string {
	var all []string
	walkKeys(reflect.ValueOf(dst).Elem(), "", func(path string, _ reflect.Value) {
		all = append(all, path)
	})
	return all
}

func walkKeys(v reflect.Value, prefix string, visit func(path string, v reflect.Value)) {
	for _, f := range fields(v) {
		path := prefix + f.name
		visit(path, f.value)
		switch t := f.value.Type(); {
		case isTable(t):
			walkKeys(f.value, path+".", visit)
		case isTables(t):
			walkKeys(reflect.New(t.Elem()).Elem(), path+".", visit)
		}
	}
}

// lookup finds the value at a dotted path; lists of tables are ends.
func lookup(v reflect.Value, path string) (reflect.Value, bool) {
	head, rest, more := strings.Cut(path, ".")
	for _, f := range fields(v) {
		if f.name != head {
			continue
		}
		if !more {
			return f.value, true
		}
		if !isTable(f.value.Type()) {
			return reflect.Value{}, false
		}
		return lookup(f.value, rest)
	}
	return reflect.Value{}, false
}

// typeAt returns the type of the value at a dotted path, nil when there is none.
func typeAt(dst any, key string) (t reflect.Type) {
	walkKeys(reflect.ValueOf(dst).Elem(), "", func(path string, v reflect.Value) {
		if path == key {
			t = v.Type()
		}
	})
	return t
}

// example says in words how a value of type t is written.
func example(t reflect.Type) string {
	switch k := t.Kind(); {
	case t == durationType:
		return "a duration with a unit, such as \"30s\" or \"5m\""
	case reflect.PointerTo(t).Implements(textUnmarshaler) && k >= reflect.Int && k <= reflect.Uint64:
		return "a number, or a size such as \"256KiB\""
	case k == reflect.Bool:
		return "true or false"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "a whole number"
	case k == reflect.Float32 || k == reflect.Float64:
		return "a number"
	case isTables(t):
		return "tables, each under its own [[heading]]"
	case k == reflect.Slice:
		if isText(t.Elem()) {
			return "a list, such as [\"one\", \"two\"]"
		}
		return "a list, such as [1, 2]"
	case k == reflect.Struct || k == reflect.Map:
		return "a table, under a [heading] of its own"
	}
	return "text in quotes"
}

type validator interface{ Validate() error }

// validate asks every section, every element of a list section, and dst itself.
func validate(dst any) error {
	var all []error
	for _, f := range fields(reflect.ValueOf(dst).Elem()) {
		all = append(all, validateValue(f.value, "["+f.name+"]"))
		if isTables(f.value.Type()) {
			for i := range f.value.Len() {
				all = append(all, validateValue(f.value.Index(i), fmt.Sprintf("[[%s]] number %d", f.name, i+1)))
			}
		}
	}
	if v, ok := dst.(validator); ok {
		all = append(all, v.Validate())
	}
	return errors.Join(all...)
}

func validateValue(v reflect.Value, where string) error {
	check, ok := v.Addr().Interface().(validator)
	if !ok {
		return nil
	}
	if err := check.Validate(); err != nil {
		return fmt.Errorf("config: in %s: %w", where, err)
	}
	return nil
}
