package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Load fills dst, a pointer to a struct of sections that holds the defaults:
// first from file (none when file is empty), then from sets, each of the form
// section.key=value. Then every section with a Validate method checks itself.
// All that is wrong is returned in one error, each on a line of its own that
// names the file and line, or the setting, and what to do.
func Load(dst any, file string, sets []string) error {
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("config: cannot read the configuration file: %w", err)
		}
		if err := decode(dst, file, data); err != nil {
			return err
		}
	}
	for _, s := range sets {
		if err := Set(dst, s); err != nil {
			return err
		}
	}
	return validate(dst)
}

// decode reads TOML strictly into dst; name stands for the file in errors.
func decode(dst any, name string, data []byte) error {
	if err := bareDurations(dst, name, data); err != nil {
		return err
	}
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(dst)
	if err == nil {
		return nil
	}
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) {
		var all []error
		for i := range missing.Errors {
			row, _ := missing.Errors[i].Position()
			all = append(all, fmt.Errorf("%s:%d: %s", name, row, unknownKey(dst, missing.Errors[i].Key())))
		}
		return errors.Join(all...)
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		row, _ := bad.Position()
		if key := strings.Join(bad.Key(), "."); key != "" {
			return fmt.Errorf("%s:%d: key %q: %s", name, row, key, plain(dst, key, bad))
		}
		return fmt.Errorf("%s:%d: %s", name, row, plain(dst, "", bad))
	}
	return fmt.Errorf("%s: %w", name, err)
}

// plain takes the library's name off the sentence, and says in words of this
// file's reader what a key of another type takes.
func plain(dst any, key string, err error) string {
	s := strings.TrimPrefix(err.Error(), "toml: ")
	if !strings.Contains(s, "cannot decode") && !strings.Contains(s, "cannot store") {
		return s
	}
	if t := typeAt(dst, key); t != nil {
		return "write " + example(t)
	}
	return s
}

// unknownKey is the sentence for a key that no section has.
func unknownKey(dst any, key []string) string {
	full := strings.Join(key, ".")
	s := fmt.Sprintf("unknown key %q", full)
	if near := nearest(full, Keys(dst)); near != "" {
		s += fmt.Sprintf("; did you mean %q?", near)
	}
	return s + ` (cxxd config lists every key)`
}

// nearest returns the name with the fewest edits from s, or none when all are
// too far to be a slip of the fingers.
func nearest(s string, names []string) string {
	best, most := "", len(s)/3+1
	for _, n := range names {
		if d := distance(s, n); d < most {
			best, most = n, d
		}
	}
	return best
}

// distance counts the single-byte edits between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
