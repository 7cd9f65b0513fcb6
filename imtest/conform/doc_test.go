package conform

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each proof that docs/XEPS.md names is there.
func TestProofsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "XEPS.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?:\b(\w+)\.)?\b((?:Test|Fuzz)[A-Z0-9]\w*)|(\S+\.chat)`)
	sources := map[string]string{}
	rows := 0
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) < 2 || !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		rows++
		for _, m := range named.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			if m[3] != "" {
				if _, err := os.Stat(filepath.Join(root, "imtest", "testdata", m[3])); err != nil {
					t.Error(err)
				}
				continue
			}
			dir := filepath.Join("xmpp", m[1])
			switch m[1] {
			case "":
				dir = filepath.Join("imtest", "conform")
			case "im":
				dir = "im"
			}
			if !strings.Contains(tests(t, sources, filepath.Join(root, dir)), "func "+m[2]+"(") {
				t.Errorf("%s has no %s", dir, m[2])
			}
		}
	}
	if rows < 60 {
		t.Errorf("the tables have %d rows", rows)
	}
}

// tests returns the text of the tests of a folder.
func tests(t *testing.T, have map[string]string, dir string) string {
	t.Helper()
	if text, ok := have[dir]; ok {
		return text
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	have[dir] = all
	return all
}
