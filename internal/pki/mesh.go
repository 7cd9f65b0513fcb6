package pki

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
)

const nodePrefix = "cxx://cell/acs/"

// NodeURI is the name of a node in its certificate.
func NodeURI(id im.NodeID) string { return nodePrefix + strconv.Itoa(int(id)) }

// NodeOf reads the node that a certificate names. It must name exactly one.
func NodeOf(cert *x509.Certificate) (im.NodeID, error) {
	if len(cert.URIs) != 1 {
		return 0, fmt.Errorf("pki: the certificate of %q names %d URIs, a node's names one: %s<id>", cert.Subject.CommonName, len(cert.URIs), nodePrefix)
	}
	uri := cert.URIs[0].String()
	digits, ok := strings.CutPrefix(uri, nodePrefix)
	n, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil || n == 0 || n > uint64(im.MaxNode) || NodeURI(im.NodeID(n)) != uri {
		return 0, fmt.Errorf("pki: the certificate of %q names %q, which is no node", cert.Subject.CommonName, uri)
	}
	return im.NodeID(n), nil
}

// MeshFiles are the paths of a node's identity under dir.
func MeshFiles(dir string, id im.NodeID) Files {
	base := filepath.Join(dir, "mesh", "node-"+strconv.Itoa(int(id)))
	return Files{CA: filepath.Join(dir, "mesh", "ca.pem"), Cert: base + ".pem", Key: base + ".key"}
}

// EnsureMesh sees to it that dir holds a certificate for a node, and the
// authority that signs it. It makes what is missing; a machine that has no
// mesh/ca.key gets its certificate from `cxxd keygen` elsewhere.
func EnsureMesh(dir string, id im.NodeID, now time.Time) (Files, error) {
	f := MeshFiles(dir, id)
	unlock, err := lock(dir)
	if err != nil {
		return f, err
	}
	defer unlock()
	old, err := readOld(f)
	if err != nil {
		return f, err
	}
	if old != nil && !exists(f.CA) {
		return f, fmt.Errorf("pki: %s is there but not %s, which signed it; copy that here too", f.Cert, f.CA)
	}
	ca, err := openAuthority(f.CA, filepath.Join(dir, "mesh", "ca.key"), "C-XX mesh authority", now)
	if err != nil {
		return f, err
	}
	if old != nil && (ca.signed(old, now) || ca.key == nil) {
		return f, nil
	}
	if ca.key == nil {
		return f, fmt.Errorf("pki: there is no %s, and no mesh/ca.key in %s to make it with; run cxxd keygen where that is, and copy %s and its key here", f.Cert, dir, filepath.Base(f.Cert))
	}
	uri, err := url.Parse(NodeURI(id))
	if err != nil {
		return f, fmt.Errorf("pki: node %d: %w", id, err)
	}
	t := template(now, nodeLife)
	t.Subject = pkix.Name{CommonName: "acs " + strconv.Itoa(int(id))}
	t.URIs = []*url.URL{uri}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	return f, ca.issue(t, f.Cert, f.Key)
}

// Mesh is a node's identity towards its peers.
type Mesh struct {
	self *Reloader
	pool *x509.CertPool
}

// LoadMesh loads the identity of node id and the authority of its peers. The
// certificate and the key follow their files; the authority does not.
func LoadMesh(f Files, id im.NodeID, log *slog.Logger) (*Mesh, error) {
	self, err := NewReloader(f.Cert, f.Key, log)
	if err != nil {
		return nil, err
	}
	named, err := NodeOf(self.Leaf())
	if err != nil {
		return nil, err
	}
	if named != id {
		return nil, fmt.Errorf("pki: %s is the certificate of node %d, and this is node %d; give each node its own", f.Cert, named, id)
	}
	data, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("pki: %s holds no certificate", f.CA)
	}
	return &Mesh{self: self, pool: pool}, nil
}

// MeshServerConfig is for accepting peers: TLS 1.3, with a certificate of the
// mesh authority that names a node. Which node it may be is for the caller to
// check, with NodeOf.
func (m *Mesh) MeshServerConfig() *tls.Config {
	c := m.config()
	c.GetCertificate = m.self.GetCertificate
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs = m.pool
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		_, err := peerOf(cs)
		return err
	}
	return c
}

// MeshClientConfig is for dialling a peer: TLS 1.3, and the other side has to
// be the expected node, whatever its host name.
func (m *Mesh) MeshClientConfig(expected im.NodeID) *tls.Config {
	c := m.config()
	c.GetClientCertificate = m.self.GetClientCertificate
	// The standard check is of host names; nodes have URIs. VerifyConnection
	// below does the whole check instead: chain, validity, usage and name.
	c.InsecureSkipVerify = true //nolint:gosec // see above
	c.VerifyConnection = func(cs tls.ConnectionState) error { return m.verify(cs, expected) }
	return c
}

func (m *Mesh) verify(cs tls.ConnectionState, expected im.NodeID) error {
	id, err := peerOf(cs)
	if err != nil {
		return err
	}
	chain := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		chain.AddCert(c)
	}
	_, err = cs.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: m.pool, Intermediates: chain, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return fmt.Errorf("pki: the peer's certificate is not of this cell's mesh: %w", err)
	}
	if id != expected {
		return fmt.Errorf("pki: node %d was dialled and node %d answered", expected, id)
	}
	return nil
}

func peerOf(cs tls.ConnectionState) (im.NodeID, error) {
	if len(cs.PeerCertificates) == 0 {
		return 0, errors.New("pki: the peer has shown no certificate")
	}
	return NodeOf(cs.PeerCertificates[0])
}

func (m *Mesh) config() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{ALPNMesh},
		SessionTicketsDisabled: true, // links live long; every one shows its certificate
		// Traffic between nodes is bulk: full records from the start.
		DynamicRecordSizingDisabled: true,
	}
}
