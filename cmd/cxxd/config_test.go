package main

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/CONFIG.md anew")

const configDoc = "../../docs/CONFIG.md"

// docs/CONFIG.md is what cxxd config prints; go test ./cmd/cxxd -update writes it.
func TestConfigDocument(t *testing.T) {
	want := "# Configuration\n\nThis is what `cxxd config` prints. A test keeps it so.\n\n```toml\n" + Reference() + "```\n"
	if *update {
		if err := os.WriteFile(configDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(configDoc)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/CONFIG.md is not what cxxd config prints; run go test ./cmd/cxxd -update")
	}
}
