package lint

import (
	"go/token"
	"slices"
	"strings"
	"testing"
)

// tiers says what of ours each part of the tree may import besides itself and
// the leaves in internal. The longest matching folder counts; a part that is
// not here may import nothing of ours but im, so that a new one has to be
// entered. Tests and packages of tests are free.
var tiers = map[string][]string{
	"im":       {},
	"proto":    {"im"},
	"presence": {"im"},
	"shard":    {"im"},
	"mesh":     {"im", "proto"},
	"nas":      {"im", "proto", "presence"},
	"acs":      {"im"},
	"acs/auth": {"im"},
	"acs/edge": {"im", "proto"},
	"web":      {"im"},
	"xmpp":     {"im"},
	"client":   {"im", "proto"},
	"cmd":      {"*"},
	"bench":    {"*"},
	"imtest":   {"*"},
	"deploy":   {"*"},
	"internal": {"im"},
}

// servers may be started by whoever runs a cell, never by the product.
var mayStartServers = []string{"bench", "imtest", "cmd", "deploy", "internal"}

// homes says which parts of the tree may see a family of packages.
var homes = []struct {
	prefix string
	parts  []string
	why    string
}{
	{"google.golang.org/protobuf", wire, "protobuf types stay at the wire; convert to im types"},
	{"github.com/planetscale/vtprotobuf", wire, "protobuf types stay at the wire; convert to im types"},
	{"github.com/cxx-im/cxx/proto/cxxpb", wire, "protobuf types stay at the wire; convert to im types"},
}

var wire = []string{"proto", "acs/edge", "mesh", "client", "nas", "bench", "cmd", "imtest"}

func TestImportTiers(t *testing.T) {
	module, all := tree(t)
	for _, s := range all {
		if s.test || strings.HasSuffix(s.dir(), "test") {
			continue
		}
		s.imports(func(p string, at token.Pos) {
			ours, ok := strings.CutPrefix(p, module+"/")
			if !ok {
				return
			}
			if why := refuse(s.dir(), ours); why != "" {
				t.Errorf("%s: %s may not import %s: %s", s.at(at), s.dir(), ours, why)
			}
		})
	}
}

// refuse says why package from may not import package to; empty: it may.
func refuse(from, to string) string {
	mine, theirs := part(from), part(to)
	allowed := append(tiers[mine], mine)
	switch {
	case mine == "":
		return "the folder is not in the table of internal/lint; enter it"
	case within(to, "internal/testenv"):
		if !slices.Contains(mayStartServers, mine) {
			return "only tests start servers"
		}
		return ""
	case mine == "im" && to != "im":
		return "im imports nothing of ours"
	case theirs == "internal", slices.Contains(allowed, "*"), slices.Contains(allowed, theirs):
		return ""
	}
	return "allowed are " + strings.Join(allowed, ", ") + " and internal"
}

// part is the longest entry of tiers that holds dir.
func part(dir string) string {
	best := ""
	for p := range tiers {
		if within(dir, p) && len(p) > len(best) {
			best = p
		}
	}
	return best
}

func within(dir, folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }

func TestTypesStayAtHome(t *testing.T) {
	_, all := tree(t)
	for _, s := range all {
		s.imports(func(p string, at token.Pos) {
			for _, h := range homes {
				if within(p, h.prefix) && !slices.ContainsFunc(h.parts, func(part string) bool { return within(s.dir(), part) }) {
					t.Errorf("%s: import of %s: %s", s.at(at), p, h.why)
				}
			}
		})
	}
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"im", "internal/config", false},
		{"acs", "im", true},
		{"acs", "internal/config", true},
		{"acs", "shard", false},
		{"acs", "acs/edge", false},
		{"acs/edge", "acs", false},
		{"acs/edge", "proto/cxxpb", true},
		{"shard/mysql", "shard/schema", true},
		{"shard", "internal/testenv/env", false},
		{"shard", "proto", false},
		{"nas/ticket", "presence", true},
		{"cmd/cxxd", "shard/mysql", true},
		{"internal/pki", "im", true},
		{"internal/pki", "proto", false},
		{"brandnew", "im", false},
	} {
		if why := refuse(c.from, c.to); (why == "") != c.ok {
			t.Errorf("%s imports %s: %q", c.from, c.to, why)
		}
	}
}
