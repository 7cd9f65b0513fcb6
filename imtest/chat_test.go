package imtest

import (
	"path/filepath"
	"strings"
	"testing"
)

// The conversation scripts are the specification of what the product does.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.chat")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".chat"), func(t *testing.T) {
			t.Parallel()
			Play(t, f)
		})
	}
}
