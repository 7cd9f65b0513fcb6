package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Config is the section [tls] of the configuration.
type Config struct {
	Cert  string   `toml:"cert" doc:"file with the certificate and its chain; empty: one is made under the data directory"`
	Key   string   `toml:"key" doc:"file with its private key, mode 0600"`
	Hosts []string `toml:"hosts" doc:"further host names and addresses for a certificate that is made; localhost and the served domains are always in"`
}

// DefaultConfig has the server make its own certificate.
func DefaultConfig() Config { return Config{Hosts: []string{}} }

// Validate names the key that is wrong and what to do.
func (c Config) Validate() error {
	if (c.Cert == "") != (c.Key == "") {
		return fmt.Errorf("cert and key go together: set both to your files, or neither to have a certificate made")
	}
	if _, _, err := splitHosts(c.Hosts); err != nil {
		return fmt.Errorf("hosts: %w", err)
	}
	return nil
}

// Server returns the certificate that listeners show: the operator's, or one
// made under dir for cfg.Hosts and domains. caFile is what clients have to
// trust; it is empty with the operator's own certificate.
func Server(dir string, cfg Config, domains []string, log *slog.Logger) (cert *Reloader, caFile string, err error) {
	if cfg.Cert != "" {
		cert, err = loadServer(serverFiles(dir), cfg, log)
		return cert, "", err
	}
	hosts := append(append([]string{}, domains...), cfg.Hosts...)
	files, err := EnsureServer(dir, hosts, time.Now())
	if err != nil {
		return nil, "", err
	}
	cert, err = loadServer(files, cfg, log)
	return cert, files.CA, err
}

// CheckServer tells whether Server could load the certificate that is there. It
// makes none and is content when none has been made yet.
func CheckServer(dir string, cfg Config) error {
	if f := serverFiles(dir); cfg.Cert != "" || exists(f.Cert) && exists(f.Key) {
		_, err := loadServer(f, cfg, nil)
		return err
	}
	return nil
}

// loadServer loads the operator's certificate, or else the one that was made.
func loadServer(made Files, cfg Config, log *slog.Logger) (*Reloader, error) {
	if cfg.Cert != "" {
		cert, err := NewReloader(cfg.Cert, cfg.Key, log)
		if err != nil {
			return nil, fmt.Errorf("the certificate that tls.cert and tls.key name cannot be used: %w", err)
		}
		return cert, nil
	}
	if err := CheckMode(made.Key); err != nil {
		return nil, err
	}
	cert, err := NewReloader(made.Cert, made.Key, log)
	if err != nil {
		return nil, fmt.Errorf("the server's certificate cannot be used; restore both files, or remove both to have new ones made: %w", err)
	}
	return cert, nil
}

// Files are the paths of a certificate, its key and its authority.
type Files struct {
	CA   string
	Cert string
	Key  string
}

func serverFiles(dir string) Files {
	return Files{
		CA:   filepath.Join(dir, "ca.pem"),
		Cert: filepath.Join(dir, "tls", "server.pem"),
		Key:  filepath.Join(dir, "tls", "server.key"),
	}
}

// EnsureServer sees to it that dir holds a server certificate for hosts, the
// machine's loopback names included. It makes what is missing, and makes anew
// what lacks a host or ends within 30 days. Running servers take the new
// certificate up by themselves, so a daily call keeps it fresh.
func EnsureServer(dir string, hosts []string, now time.Time) (Files, error) {
	f := serverFiles(dir)
	unlock, err := lock(dir)
	if err != nil {
		return f, err
	}
	defer unlock()
	names, ips, err := splitHosts(append([]string{"localhost", "127.0.0.1", "::1"}, hosts...))
	if err != nil {
		return f, err
	}
	old, err := readOld(f)
	if err != nil {
		return f, err
	}
	if old != nil && !exists(f.CA) && now.Before(old.NotAfter) {
		return f, nil // somebody has put a certificate here; it is not ours to replace
	}
	ca, err := openAuthority(f.CA, filepath.Join(dir, "ca.key"), "C-XX server authority", now)
	if err != nil {
		return f, err
	}
	if old != nil && ca.signed(old, now) && covers(old, names, ips) {
		return f, nil
	}
	if ca.key == nil {
		if old != nil && now.Before(old.NotAfter) {
			return f, nil // keygen leaves the authority's key with the operator
		}
		return f, fmt.Errorf("pki: %s has to be made anew, and ca.key is not in %s; run cxxd keygen where it is and copy the result here", f.Cert, dir)
	}
	t := template(now, serverLife)
	t.Subject = pkix.Name{CommonName: names[len(names)-1]}
	t.DNSNames, t.IPAddresses = names, ips
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return f, ca.issue(t, f.Cert, f.Key)
}

// readOld returns the certificate that is there, nil when it or its key is not.
func readOld(f Files) (*x509.Certificate, error) {
	if !exists(f.Cert) || !exists(f.Key) {
		return nil, nil
	}
	if err := CheckMode(f.Key); err != nil {
		return nil, err
	}
	return readCert(f.Cert)
}

func splitHosts(hosts []string) (names []string, ips []net.IP, err error) {
	seen := make(map[string]bool)
	for _, h := range hosts {
		h = strings.Trim(h, "[]")
		if ip := net.ParseIP(h); ip != nil {
			if !seen[ip.String()] {
				seen[ip.String()] = true
				ips = append(ips, ip)
			}
			continue
		}
		name, err := idna.Lookup.ToASCII(strings.TrimPrefix(h, "*."))
		if err != nil || name == "" {
			return nil, nil, fmt.Errorf("pki: %q is neither a host name nor an address; write it without a port", h)
		}
		if strings.HasPrefix(h, "*.") {
			name = "*." + name
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, ips, nil
}

func covers(cert *x509.Certificate, names []string, ips []net.IP) bool {
	have := make(map[string]bool)
	for _, n := range cert.DNSNames {
		have[n] = true
	}
	for _, ip := range cert.IPAddresses {
		have[ip.String()] = true
	}
	for _, n := range names {
		if !have[n] {
			return false
		}
	}
	for _, ip := range ips {
		if !have[ip.String()] {
			return false
		}
	}
	return true
}
