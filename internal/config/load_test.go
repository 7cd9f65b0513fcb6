package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

type zone struct {
	ID    int    `toml:"id" doc:"Number of the zone."`
	DSN   string `toml:"dsn" doc:"Where the database is."`
	Slots string `toml:"slots" doc:"Ranges of slots."`
}

func (z *zone) Validate() error {
	if z.ID < 0 {
		return errors.New("id is below 1; number the zones 1, 2, 3")
	}
	return nil
}

type limits struct {
	Frame Size    `toml:"frame" doc:"Largest frame."`
	Rate  float64 `toml:"rate" doc:"Sends a second."`
}

type section struct {
	Listen  string            `toml:"listen" doc:"Address to listen on, host:port."`
	Idle    Duration          `toml:"idle" doc:"Close a silent connection after this."`
	On      bool              `toml:"on" doc:"Whether it runs."`
	Domains []string          `toml:"domains" doc:"Domains served."`
	Ports   []int             `toml:"ports" doc:"Ports."`
	Words   map[string]string `toml:"words" doc:"Named words."`
	Limits  limits            `toml:"limits" doc:"What is too much."`
	Skipped int               // no toml tag: not a key
}

func (s section) Validate() error {
	if s.Listen == "" {
		return errors.New("listen is empty; write host:port")
	}
	return nil
}

type sample struct {
	Data  string  `toml:"data" doc:"The data directory."`
	NAS   section `toml:"nas" doc:"Network access server."`
	Zones []zone  `toml:"zone" doc:"One table for each zone."`
	Spare []zone  `toml:"spare" doc:"None by default."`
}

func defaults() *sample {
	return &sample{
		Data: "data",
		NAS: section{
			Listen: "127.0.0.1:5200", Idle: Duration(75 * time.Second), Domains: []string{"localhost"}, Ports: []int{},
			Words: map[string]string{"a": `quo"te`}, Limits: limits{Frame: 256 << 10, Rate: 20},
		},
		Zones: []zone{{ID: 1, DSN: "zone1.db", Slots: "0-16383"}},
	}
}

func TestLoadFile(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string // part of the error; empty: no error
		check      func(*sample) bool
	}{
		{"empty", "", "", func(s *sample) bool { return reflect.DeepEqual(s, defaults()) }},
		{"one key", "[nas]\nidle = \"5m\"", "", func(s *sample) bool { return s.NAS.Idle.D() == 5*time.Minute && s.NAS.Listen != "" }},
		{"size as text", "[nas.limits]\nframe = \"1MiB\"", "", func(s *sample) bool { return s.NAS.Limits.Frame == 1<<20 }},
		{"size as number", "[nas.limits]\nframe = 4096", "", func(s *sample) bool { return s.NAS.Limits.Frame == 4096 }},
		{"zones replace the default", "[[zone]]\nid = 7\n[[zone]]\nid = 8\ndsn = \"x\"", "", func(s *sample) bool {
			return reflect.DeepEqual(s.Zones, []zone{{ID: 7}, {ID: 8, DSN: "x"}})
		}},
		{"unknown key", "data = \"d\"\n[nas]\n\nlisten_on = \"x\"", `t.toml:4: unknown key "nas.listen_on"`, nil},
		{"unknown key near", "[nas]\nlisen = \"x\"", `did you mean "nas.listen"?`, nil},
		{"unknown section", "\n[nsa]\nlisten = \"x\"", `t.toml:2: unknown key "nsa"`, nil},
		{"unknown in a list", "[[zone]]\nid = 1\ndns = \"x\"", `t.toml:3: unknown key "zone.dns"; did you mean "zone.dsn"?`, nil},
		{"two unknown", "x1 = 1\ny1 = 2", `t.toml:2: unknown key "y1"`, nil},
		{"bad duration", "[nas]\nidle = \"soon\"", `t.toml:2: key "nas.idle": `, nil},
		{"duration without unit", "[nas]\nidle = 30", `t.toml:2: key "nas.idle": `, nil},
		{"bad type", "[nas]\non = \"yes\"", `t.toml:2: key "nas.on": `, nil},
		{"bad type in a list", "[[zone]]\nid = 1\n[[zone]]\nid = \"2\"", `t.toml:4: key "zone.id": `, nil},
		{"syntax", "[nas]\nlisten = ", `t.toml:2: `, nil},
		{"section does not validate", "[nas]\nlisten = \"\"", `in [nas]: listen is empty`, nil},
		{"element does not validate", "[[zone]]\nid = 1\n[[zone]]\nid = -1", `in [[zone]] number 2: id is below 1`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "t.toml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := defaults()
			err := Load(s, file, nil)
			if c.want == "" {
				if err != nil || !c.check(s) {
					t.Fatalf("got %+v, error %v", s, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestLoadMissingFile(t *testing.T) {
	err := Load(defaults(), filepath.Join(t.TempDir(), "none.toml"), nil)
	if err == nil || !strings.Contains(err.Error(), "none.toml") {
		t.Fatalf("got %v, want an error that names the file", err)
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct {
		set  string
		want string
		ok   func(*sample) bool
	}{
		{"data=/srv/x y", "", func(s *sample) bool { return s.Data == "/srv/x y" }},
		{`data="quoted"`, "", func(s *sample) bool { return s.Data == "quoted" }},
		{`data=a"b\c`, "", func(s *sample) bool { return s.Data == `a"b\c` }},
		{"nas.listen=[::1]:5200", "", func(s *sample) bool { return s.NAS.Listen == "[::1]:5200" }},
		{"nas.idle=90s", "", func(s *sample) bool { return s.NAS.Idle.D() == 90*time.Second }},
		{"nas.on=true", "", func(s *sample) bool { return s.NAS.On }},
		{"nas.limits.frame=1MiB", "", func(s *sample) bool { return s.NAS.Limits.Frame == 1<<20 }},
		{"nas.limits.rate=2.5", "", func(s *sample) bool { return s.NAS.Limits.Rate == 2.5 }},
		{"nas.domains=a.example, b.example", "", func(s *sample) bool {
			return reflect.DeepEqual(s.NAS.Domains, []string{"a.example", "b.example"})
		}},
		{`nas.domains=["c"]`, "", func(s *sample) bool { return reflect.DeepEqual(s.NAS.Domains, []string{"c"}) }},
		{"nas.domains=", "", func(s *sample) bool { return len(s.NAS.Domains) == 0 }},
		{"nas.ports=1,2", "", func(s *sample) bool { return reflect.DeepEqual(s.NAS.Ports, []int{1, 2}) }},
		{`zone=[{id = 3, dsn = "a"}, {id = 4}]`, "", func(s *sample) bool {
			return reflect.DeepEqual(s.Zones, []zone{{ID: 3, DSN: "a"}, {ID: 4}})
		}},
		{"nas.lissten=x", `unknown key "nas.lissten"; did you mean "nas.listen"?`, nil},
		{"nas.on=maybe", "--set nas.on=maybe", nil},
		{"nas=x", "is a section", nil},
		{"zone=1", "is a list of tables", nil},
		{"zone.id=1", "unknown key", nil},
		{"nonsense", "write section.key=value", nil},
		{"a b=1", "write section.key=value", nil},
		{"nas.on=true\ndata=\"x\"", "one line", nil},
	} {
		t.Run(c.set, func(t *testing.T) {
			s := defaults()
			err := Load(s, "", []string{c.set})
			if c.want == "" {
				if err != nil || !c.ok(s) {
					t.Fatalf("got %+v, error %v", s, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestReferenceLoadsToTheDefaults(t *testing.T) {
	text := Reference(defaults(), "A heading\nof two lines")
	for _, want := range []string{
		"# A heading\n# of two lines\n", "# Close a silent connection after this.\nidle = \"1m15s\"\n", "[nas.limits]\n",
		"frame = \"256KiB\"\n", "[[zone]]\n", "# [[spare]]\n# # Number of the zone.\n# id = 0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the reference lacks %q:\n%s", want, text)
		}
	}
	got := &sample{}
	if err := decode(got, "reference", []byte(text)); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !reflect.DeepEqual(got, defaults()) {
		t.Fatalf("got %+v\nwant %+v", got, defaults())
	}
}

func TestSecretFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := write("good", "s3cret \n", 0o600)
	if s, err := SecretFile(good); err != nil || s.Reveal() != "s3cret" || s.String() != "***" {
		t.Fatalf("got %q, %v", s.Reveal(), err)
	}
	for path, want := range map[string]string{
		write("wide", "x", 0o640):   "chmod 600",
		write("empty", "\n", 0o600): "is empty",
		filepath.Join(dir, "none"):  "no such file",
		dir:                         "not a regular file",
	} {
		if _, err := SecretFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", path, err, want)
		}
	}
}

func TestTypes(t *testing.T) {
	for in, want := range map[string]Size{"0": 0, "4096": 4096, "256KiB": 256 << 10, "16 MiB": 16 << 20, "1GiB": 1 << 30} {
		var s Size
		if err := s.UnmarshalText([]byte(in)); err != nil || s != want {
			t.Errorf("%s: got %d, %v", in, s, err)
		}
		var back Size
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Errorf("%s does not come back from %q", in, s.String())
		}
	}
	for _, in := range []string{"", "-1", "KiB", "9999999999GiB", "1.5MiB"} {
		var s Size
		if s.UnmarshalText([]byte(in)) == nil {
			t.Errorf("%q was taken as a size", in)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", 5 * time.Minute: "5m", 2 * time.Hour: "2h", 90 * time.Second: "1m30s", 100 * time.Minute: "1h40m", 250 * time.Millisecond: "250ms",
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func FuzzConfigParse(f *testing.F) {
	f.Add("[nas]\nlisten = \"x\"\nidle = \"5m\"\n[[zone]]\nid = 1\n", "nas.idle=5m")
	f.Add("x = 1", "zone=[{id=1}]")
	f.Add("[nas.limits]\nframe = -1", `nas.words={a = "b"}`)
	f.Add("[[zone]]\n[zone.id]\n", "nas.ports=1,2,x")
	f.Fuzz(func(t *testing.T, text, set string) {
		s := defaults()
		if err := decode(s, "f.toml", []byte(text)); err != nil && !strings.HasPrefix(err.Error(), "f.toml:") {
			t.Errorf("the error does not name the file: %v", err)
		}
		if err := Set(s, set); err != nil && err.Error() == "" {
			t.Error("an error without a sentence")
		}
	})
}
