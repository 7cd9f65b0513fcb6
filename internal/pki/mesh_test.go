package pki

import (
	"crypto/x509"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

func load(t *testing.T, dir string, id im.NodeID) *Mesh {
	t.Helper()
	f, err := EnsureMesh(dir, id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	m, err := LoadMesh(f, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMeshHandshake(t *testing.T) {
	dir := t.TempDir()
	one, two, foreign := load(t, dir, 1), load(t, dir, 2), load(t, t.TempDir(), 2)
	atServer, atClient, err := shake(t, two.MeshServerConfig(), one.MeshClientConfig(2))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := peerOf(atServer); id != 1 || err != nil {
		t.Errorf("the server sees node %d, %v", id, err)
	}
	if id, err := peerOf(atClient); id != 2 || err != nil {
		t.Errorf("the client sees node %d, %v", id, err)
	}
	if _, _, err := shake(t, two.MeshServerConfig(), one.MeshClientConfig(3)); err == nil {
		t.Error("node 2 passed for node 3")
	}
	if _, _, err := shake(t, foreign.MeshServerConfig(), one.MeshClientConfig(2)); err == nil {
		t.Error("a server of another cell was accepted")
	}
	trusting := foreign.MeshClientConfig(2)
	trusting.VerifyConnection = nil
	if _, _, err := shake(t, two.MeshServerConfig(), trusting); err == nil {
		t.Error("a client of another cell was accepted")
	}
	trusting.GetClientCertificate = nil
	if _, _, err := shake(t, two.MeshServerConfig(), trusting); err == nil {
		t.Error("a client without a certificate was accepted")
	}
}

func TestServerCertificateIsNoNode(t *testing.T) {
	dir := t.TempDir()
	f := ensure(t, dir, nil, time.Now())
	if _, err := LoadMesh(f, 1, nil); err == nil || !strings.Contains(err.Error(), "names 0 URIs") {
		t.Errorf("a server certificate as a node's: %v", err)
	}
}

func TestNodeOf(t *testing.T) {
	for uri, want := range map[string]im.NodeID{
		"cxx://cell/acs/1":     1,
		"cxx://cell/acs/1023":  1023,
		"cxx://cell/acs/0":     0,
		"cxx://cell/acs/1024":  0,
		"cxx://cell/acs/01":    0,
		"cxx://cell/acs/+1":    0,
		"cxx://cell/acs/":      0,
		"cxx://cell/acs/1/2":   0,
		"cxx://cell/acs/1?x":   0,
		"cxx://other/acs/1":    0,
		"http://cell/acs/1":    0,
		"cxx://cell/acs/65537": 0,
	} {
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		id, err := NodeOf(&x509.Certificate{URIs: []*url.URL{u}})
		if id != want || (err == nil) != (want != 0) {
			t.Errorf("%s: node %d, %v", uri, id, err)
		}
	}
	u, _ := url.Parse(NodeURI(1))
	if _, err := NodeOf(&x509.Certificate{URIs: []*url.URL{u, u}}); err == nil {
		t.Error("a certificate with two names was accepted")
	}
}

func TestEnsureMesh(t *testing.T) {
	dir := t.TempDir()
	load(t, dir, 1)
	f := MeshFiles(dir, 1)
	before, _ := os.ReadFile(f.Cert)
	load(t, dir, 1)
	if after, _ := os.ReadFile(f.Cert); string(after) != string(before) {
		t.Error("a good certificate was made anew")
	}
	if _, err := LoadMesh(f, 2, nil); err == nil || !strings.Contains(err.Error(), "this is node 2") {
		t.Errorf("another node's certificate: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "mesh", "ca.key")); err != nil {
		t.Fatal(err)
	}
	load(t, dir, 1)
	if _, err := EnsureMesh(dir, 2, time.Now()); err == nil || !strings.Contains(err.Error(), "cxxd keygen") {
		t.Errorf("without the authority's key: %v", err)
	}
	if err := os.Remove(f.CA); err != nil {
		t.Fatal(err)
	}
	if _, err := EnsureMesh(dir, 1, time.Now()); err == nil || !strings.Contains(err.Error(), "copy that here too") {
		t.Errorf("without the authority: %v", err)
	}
}
