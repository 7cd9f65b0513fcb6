package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Command lines that say too little or too much. None of them makes anything.
func TestBadCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		says []string
	}{
		{"no such command", []string{"serv"}, []string{`"serv"`, `did you mean "serve"?`, "cxxd --help"}},
		{"no such user command", []string{"user", "ad"}, []string{`did you mean "add"?`, "cxxd user --help"}},
		{"no such flag", []string{"serve", "--prot", "1"}, []string{"--prot", "cxxd serve --help"}},
		{"a word too many", []string{"serve", "extra-word"}, []string{`"extra-word"`, "section.key=value"}},
		{"no setting", []string{"serve", "--set", "nonsense"}, []string{`"nonsense"`, "section.key=value"}},
		{"unknown key", []string{"serve", "--set", "cxx.lissten=127.0.0.1:1"}, []string{`unknown key "cxx.lissten"`, `did you mean "cxx.listen"?`, "cxxd config"}},
		{"a section", []string{"serve", "--set", "server=3"}, []string{"is a section", "server.key=value"}},
		{"missing file", []string{"serve", "--config", "missing.toml"}, []string{"missing.toml", "cannot read the configuration file"}},
		{"add without anything", []string{"user", "add"}, []string{"ADDR --password-file FILE"}},
		{"add without a password", []string{"user", "add", "alice@localhost"}, []string{"--password-file FILE"}},
		{"missing password file", []string{"user", "add", "alice@localhost", "--password-file", "missing"}, []string{"password file cannot be read", "missing"}},
		{"password file is a directory", []string{"user", "add", "alice@localhost", "--password-file", "."}, []string{"is a directory"}},
		{"import without a file", []string{"user", "import"}, []string{"write cxxd user import FILE"}},
		{"import of a directory", []string{"user", "import", "."}, []string{"is a directory"}},
		{"revoke what is no device", []string{"user", "revoke"}, []string{"ADDR [DEVICE]"}},
		{"status of nothing", []string{"status"}, []string{"no server is running", "--data"}},
		{"drain of nothing", []string{"drain"}, []string{"no server is running", "--data"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir() // where the command would make its data directory
			unchanged(t, dir, func() {
				refused(t, cxxd(t, c.args, in(dir)), c.says...)
			})
		})
	}
	if r := cxxd(t, nil); r.code != 0 || r.err != "" || len(r.out) < 500 {
		t.Errorf("cxxd without arguments: %+v; want the help", r)
	}
}

// Configurations that cannot work. None of them makes anything.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		file string
		sets []string
		says []string
	}{
		{"unknown key", "[server]\n\nnodee = 3\n", nil, []string{`c.toml:3: unknown key "server.nodee"`, `did you mean "server.node"?`}},
		{"unknown section", "[sever]\nnode = 1\n", nil, []string{`c.toml:1: unknown key "sever"`, `did you mean "server"?`}},
		{"two unknown keys", "[cxx]\nfoobar = 1\n[nas]\nbarfoo = 2\n", nil, []string{"c.toml:2: ", "c.toml:4: "}},
		{"no TOML", "[server\nnode = 1\n", nil, []string{"c.toml:1: "}},
		{"binary", "\x00\xff", nil, []string{"c.toml:1: "}},
		{"key twice", "[server]\nnode = 1\nnode = 2\n", nil, []string{"c.toml:3: ", "node"}},
		{"text for a number", "[server]\nnode = \"one\"\n", nil, []string{`c.toml:2: key "server.node"`, "write a whole number"}},
		{"text for a list", "[cxx]\nlisten = \"127.0.0.1:1\"\n", nil, []string{`c.toml:2: key "cxx.listen"`, "write a list"}},
		{"a bare duration", "[server]\ndrain_spread = 5\n", nil, []string{"c.toml:2: ", `such as "30s"`}},
		{"values in two sections", "[log]\nlevel = \"loud\"\n[server]\nnode = 0\n", nil, []string{"in [log]: level", "choose debug, info, warn or error", "in [server]: node is 0; choose 1 to 1023"}},
		{"slots in no zone", "[[storage.zone]]\nid = 1\ndriver = \"sqlite\"\npath = \"a\"\nslots = \"0-5\"\n", nil, []string{"slots 6-16383 are in no zone"}},
		{"unknown driver", "[[storage.zone]]\nid = 1\ndriver = \"oracle\"\nslots = \"0-16383\"\n", nil, []string{`"oracle"`, "sqlite or mysql"}},
		{"no dsn", "[[storage.zone]]\nid = 1\ndriver = \"mysql\"\nslots = \"0-16383\"\n", nil, []string{"give one of dsn and dsn_file"}},
		{"weak hashing", "", []string{"auth.scram_iterations=1"}, []string{"scram_iterations is 1", "choose"}},
		{"set a word for a number", "", []string{"server.node=x"}, []string{"--set server.node=x: write a whole number"}},
		{"set a word for a yes", "", []string{"cxx.allow_plaintext=maybe"}, []string{"write true or false"}},
		{"set no size", "", []string{"cxx.max_frame=x"}, []string{"is not a size such as"}},
		{"set no duration", "", []string{"server.drain_spread=5"}, []string{"is not a duration such as"}},
		{"no domain", "", []string{"server.domains="}, []string{"domains is empty", "example.org"}},
		{"bad domain", "", []string{"server.domains=a_b"}, []string{`"a_b" is not a domain name`}},
		{"certificate without a key", "", []string{"tls.cert=x.pem"}, []string{"cert and key go together"}},
		{"no port", "", []string{"cxx.listen=localhost"}, []string{`"localhost" is not host:port`}},
		{"http without a host", "", []string{"http.listen=5280"}, []string{`"5280"`, "host:port"}},
		{"admin without a host", "", []string{"admin.listen=5290"}, []string{`"5290"`, "host:port"}},
		{"admin off loopback", "", []string{"admin.listen=0.0.0.0:0"}, []string{"[admin]", "loopback", "tunnel or proxy"}},
		{"http off loopback", "", []string{"http.listen=0.0.0.0:0"}, []string{"without TLS", "http.tls = true", "http.proxied = true"}},
		{"plaintext off loopback", "", []string{"cxx.plaintext=0.0.0.0:0", "cxx.allow_plaintext=true"}, []string{"cxx.plaintext", "is not a loopback address"}},
		{"plaintext without permission", "", []string{"cxx.plaintext=127.0.0.1:0"}, []string{"allow_plaintext"}},
		{"nas plaintext off loopback", "", []string{"nas.listen=0.0.0.0:0", "nas.plaintext=true"}, []string{"nas.plaintext", "127.0.0.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, elsewhere := filepath.Join(t.TempDir(), "data"), t.TempDir()
			var args []string
			for _, s := range c.sets {
				args = append(args, "--set", s)
			}
			if c.file != "" {
				args = append(args, "--config", write(t, elsewhere, "c.toml", c.file))
			}
			refused(t, cxxd(t, serveArgs(dir, args...)), c.says...)
			refused(t, cxxd(t, append([]string{"check", "--data", dir}, args...)), c.says...)
			if _, err := os.Stat(dir); err == nil {
				t.Error("the data directory was made")
			}
		})
	}
}
