package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Reloader is a certificate with its key that follows the files: it looks at
// them at most once per second, when a connection comes, takes up new ones,
// and keeps the old ones while the new ones are broken. Any goroutine may call
// it.
type Reloader struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time
	current           atomic.Pointer[tls.Certificate]

	mu      sync.Mutex
	looked  time.Time // guarded by mu: when the files were last looked at
	warned  time.Time // guarded by mu: when the coming end was last logged
	cert    stamp     // guarded by mu: of what is loaded, or was found broken
	key     stamp     // guarded by mu
	refused string    // guarded by mu: the last error, logged once
}

// stamp tells whether a file has changed.
type stamp struct {
	modified time.Time
	size     int64
	mode     fs.FileMode
}

const lookEvery = time.Second

// NewReloader loads a pair of PEM files. The key file must be readable by its
// owner only.
func NewReloader(certFile, keyFile string, log *slog.Logger) (*Reloader, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	r := &Reloader{certFile: certFile, keyFile: keyFile, log: log, now: time.Now}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked = r.now()
	r.cert, r.key = stampOf(certFile), stampOf(keyFile)
	return r, r.loadLocked()
}

// Certificate returns the certificate in force. It never fails once
// NewReloader has succeeded.
func (r *Reloader) Certificate() *tls.Certificate {
	r.refresh()
	return r.current.Load()
}

// Leaf returns the certificate in force, parsed.
func (r *Reloader) Leaf() *x509.Certificate { return r.Certificate().Leaf }

// GetCertificate is for tls.Config.
func (r *Reloader) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return r.Certificate(), nil
}

// GetClientCertificate is for tls.Config.
func (r *Reloader) GetClientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return r.Certificate(), nil
}

// refresh looks at the files unless somebody has just done so or is at it.
func (r *Reloader) refresh() {
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.looked) < lookEvery {
		return
	}
	r.looked = now
	r.warnLocked(now)
	cert, key := stampOf(r.certFile), stampOf(r.keyFile)
	if cert == r.cert && key == r.key && r.refused == "" {
		return
	}
	r.cert, r.key = cert, key
	if err := r.loadLocked(); err != nil {
		if err.Error() != r.refused {
			r.log.Error("certificate was not reloaded, the old one stays in use", "err", err)
		}
		r.refused = err.Error()
		return
	}
	r.refused = ""
	r.log.Info("certificate was reloaded", "file", r.certFile, "ends", r.current.Load().Leaf.NotAfter)
}

func (r *Reloader) warnLocked(now time.Time) {
	left := r.current.Load().Leaf.NotAfter.Sub(now)
	if left > renewWhen/2 || now.Sub(r.warned) < 24*time.Hour {
		return
	}
	r.warned = now
	r.log.Warn("certificate ends soon, put a new one in its place", "file", r.certFile, "days", int(left.Hours()/24))
}

func (r *Reloader) loadLocked() error {
	if err := CheckMode(r.keyFile); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(r.certFile, r.keyFile)
	if err != nil {
		return fmt.Errorf("pki: load %s with %s: %w", r.certFile, r.keyFile, err)
	}
	if now := r.now(); now.After(pair.Leaf.NotAfter) {
		return fmt.Errorf("pki: the certificate %s ended on %s; put a new one in its place", r.certFile, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	r.current.Store(&pair)
	return nil
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size(), info.Mode()}
}
