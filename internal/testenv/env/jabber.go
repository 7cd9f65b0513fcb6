package env

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Jabber is another XMPP server, for comparison: plaintext, TLS from the first
// byte, and accounts made in-band, all on loopback, for the domain localhost, with
// rooms at conference.localhost.
type Jabber struct {
	*Server
	TLS string // host:port
}

// StartProsody starts Prosody in dir, without an archive.
func StartProsody(dir string) (*Jabber, error) {
	daemon, err := program("prosody")
	if err != nil {
		return nil, err
	}
	return startJabber("prosody", dir, func(j *Jabber, port, tls, cert, key string) (func() *exec.Cmd, error) {
		text := fmt.Sprintf(prosodyConfig, dir, port, tls, cert, key)
		file, err := writeIn(dir, "prosody.cfg.lua", text)
		return func() *exec.Cmd { return exec.Command(daemon, "--root", "-F", "--config", file) }, err
	})
}

const prosodyConfig = `run_as_root = true
pidfile = "%[1]s/pid"
data_path = "%[1]s/data"
certificates = "%[1]s/certs"
log = { warn = "%[1]s/prosody.log" }
interfaces = { "127.0.0.1" }
c2s_ports = { %[2]s }
c2s_direct_tls_ports = { %[3]s }
s2s_ports = {}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
allow_registration = true
authentication = "internal_hashed"
modules_enabled = { "roster", "saslauth", "tls", "disco", "ping", "register", "smacks", "offline", "carbons" }
modules_disabled = { "s2s" }
network_backend = "epoll"
VirtualHost "localhost"
ssl = { certificate = "%[4]s", key = "%[5]s" }
Component "conference.localhost" "muc"
`

// StartEjabberd starts ejabberd in dir. db is the MariaDB that keeps its
// archive, of rooms too, nil for no archive.
func StartEjabberd(dir string, db *MariaDB) (*Jabber, error) {
	erl, err := program("erl")
	if err != nil {
		return nil, err
	}
	libs, err := filepath.Glob("/usr/lib/*/ejabberd-*")
	if err != nil || len(libs) == 0 {
		return nil, fmt.Errorf("env: no ejabberd on this machine")
	}
	return startJabber("ejabberd", dir, func(j *Jabber, port, tls, cert, key string) (func() *exec.Cmd, error) {
		archive, err := ejabberdArchive(db)
		if err != nil {
			return nil, err
		}
		file, err := writeIn(dir, "ejabberd.yml", fmt.Sprintf(ejabberdConfig, port, tls, cert, key)+archive)
		return func() *exec.Cmd {
			cmd := exec.Command(erl, "-noinput", "+K", "true", "+P", "250000", "-mnesia", "dir", `"`+filepath.Join(dir, "mnesia")+`"`, "-s", "ejabberd")
			cmd.Env = append(
				os.Environ(), "HOME="+dir, "ERL_LIBS="+filepath.Dir(libs[0]), "EJABBERD_CONFIG_PATH="+file,
				"EJABBERD_LOG_PATH="+filepath.Join(dir, "ejabberd.log"), "ERL_CRASH_DUMP="+filepath.Join(dir, "crash"), "ERL_MAX_PORTS=65536",
			)
			return cmd
		}, err
	})
}

const ejabberdConfig = `hosts: [localhost]
loglevel: 3
certfiles: [%[3]q, %[4]q]
listen:
  - {port: %[1]s, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 262144, access: c2s}
  - {port: %[2]s, ip: "127.0.0.1", module: ejabberd_c2s, max_stanza_size: 262144, access: c2s, tls: true}
auth_method: internal
auth_password_format: scram
registration_timeout: infinity
access_rules:
  c2s: [allow: all]
  register: [allow: all]
shaper: {}
modules:
  mod_carboncopy: {}
  mod_disco: {}
  mod_offline: {}
  mod_ping: {}
  mod_register: {ip_access: all, access: register}
  mod_roster: {}
  mod_stream_mgmt: {}
`

// ejabberdArchive makes the tables and returns the end of the configuration.
func ejabberdArchive(db *MariaDB) (string, error) {
	if db == nil {
		return "  mod_muc: {}\n", nil
	}
	schema, err := os.ReadFile("/usr/share/ejabberd/sql/mysql.sql")
	if err != nil {
		return "", err
	}
	dsn, err := db.CreateDatabase("ejabberd")
	if err != nil {
		return "", err
	}
	conn, err := sql.Open("mysql", dsn+"?multiStatements=true")
	if err != nil {
		return "", err
	}
	defer conn.Close()
	// The driver of ejabberd cannot log in without a password.
	grant := "GRANT ALL ON ejabberd.* TO 'ejabberd'@'127.0.0.1' IDENTIFIED BY 'ejabberd';"
	if _, err := conn.Exec(grant + string(schema)); err != nil {
		return "", fmt.Errorf("env: the tables of ejabberd: %w", err)
	}
	_, port, _ := net.SplitHostPort(db.Addr())
	return "  mod_muc: {default_room_options: {mam: true}}\n  mod_mam: {db_type: sql, default: always}\nsql_type: mysql\nsql_server: \"127.0.0.1\"\nsql_port: " + port +
		"\nsql_database: ejabberd\nsql_username: ejabberd\nsql_password: ejabberd\nsql_pool_size: 10\n", nil
}

// startJabber finds ports and a certificate, and starts what prepare gives.
func startJabber(name, dir string, prepare func(j *Jabber, port, tls, cert, key string) (func() *exec.Cmd, error)) (*Jabber, error) {
	for _, sub := range []string{"data", "certs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	addr, err1 := FreeAddr()
	secure, err2 := FreeAddr()
	cert, key, err3 := localCertificate(dir)
	if err := firstOf(err1, err2, err3); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	_, tlsPort, _ := net.SplitHostPort(secure)
	j := &Jabber{TLS: secure}
	build, err := prepare(j, port, tlsPort, cert, key)
	if err != nil {
		return nil, fmt.Errorf("env: %s: %w", name, err)
	}
	j.Server = &Server{name: name, dir: dir, addr: addr, log: filepath.Join(dir, "log"), build: build, ready: func() error {
		for _, a := range []string{addr, secure} {
			if err := greets(a); err != nil {
				return err
			}
		}
		return nil
	}}
	return j, j.Start()
}

func greets(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		c.Close()
	}
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func writeIn(dir, name, text string) (string, error) {
	file := filepath.Join(dir, name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// localCertificate makes a certificate for localhost that nobody has to trust.
func localCertificate(dir string) (cert, key string, err error) {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &priv.PublicKey, priv)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return "", "", err
	}
	pair := []string{"certs/localhost.crt", "certs/localhost.key"} // Prosody goes by names
	for i, b := range []*pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: secret}} {
		if pair[i], err = writeIn(dir, pair[i], string(pem.EncodeToMemory(b))); err != nil {
			return "", "", err
		}
	}
	return pair[0], pair[1], nil
}
