package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// bareDurations refuses a duration written as a number. The TOML library would
// store it as nanoseconds, because a Duration is an integer underneath. So the
// text is first read into a shadow of dst, in which durations are strings and
// everything else is anything.
func bareDurations(dst any, name string, data []byte) error {
	shadow := reflect.New(shadowOf(reflect.TypeOf(dst).Elem()))
	var bad *toml.DecodeError
	if err := toml.Unmarshal(data, shadow.Interface()); !errors.As(err, &bad) || len(bad.Key()) == 0 {
		return nil // the real decoding has better words for anything else
	}
	key := strings.Join(bad.Key(), ".")
	if !isDuration(dst, key) {
		return nil
	}
	row, _ := bad.Position()
	return fmt.Errorf("%s:%d: key %q: a duration is text with a unit, such as \"30s\" or \"5m\"", name, row, key)
}

func isDuration(dst any, key string) bool {
	found := false
	walkKeys(reflect.ValueOf(dst).Elem(), "", func(path string, v reflect.Value) {
		found = found || path == key && v.Type() == durationType
	})
	return found
}

var durationType = reflect.TypeFor[Duration]()

func shadowOf(t reflect.Type) reflect.Type {
	switch {
	case t == durationType:
		return reflect.TypeFor[string]()
	case isTables(t):
		return reflect.SliceOf(shadowOf(t.Elem()))
	case !isTable(t):
		return reflect.TypeFor[any]()
	}
	var list []reflect.StructField
	for i, f := range fields(reflect.New(t).Elem()) {
		list = append(list, reflect.StructField{
			Name: fmt.Sprintf("F%d", i),
			Type: shadowOf(f.value.Type()),
			Tag:  reflect.StructTag(fmt.Sprintf("toml:%q", f.name)),
		})
	}
	return reflect.StructOf(list)
}
