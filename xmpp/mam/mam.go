// Package mam lets clients read archives (XEP-0313): the account's, which is its
// log of messages, and with the same Query any other that is kept in order. It
// keeps the archiving preferences (XEP-0441).
//
// The log itself is the core's, and how an entry reads as a stanza is for
// package message. Package c2s serves the handlers.
package mam

import (
	"context"
	"fmt"
	"time"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// Config is what of the configuration concerns archives.
type Config struct {
	Page    int         `toml:"page" doc:"messages of the archive that a client gets at once when it does not say how many"`
	MaxPage int         `toml:"max_page" doc:"most messages of the archive that a client gets at once"`
	Bytes   config.Size `toml:"page_size" doc:"bytes of text and elements after which a page of the archive ends, however few messages it has"`
}

// Default returns the defaults.
func Default() Config { return Config{Page: 100, MaxPage: 250, Bytes: 256 << 10} }

// Validate names the key that is wrong and what to do.
func (c Config) Validate() error {
	switch {
	case c.MaxPage < 1 || c.MaxPage > 1000:
		return fmt.Errorf("max_page is %d; choose 1 to 1000", c.MaxPage)
	case c.Page < 1 || c.Page > c.MaxPage:
		return fmt.Errorf("page is %d; choose 1 to max_page, which is %d", c.Page, c.MaxPage)
	case c.Bytes < 1<<10:
		return fmt.Errorf("page_size is %d bytes; choose at least 1KiB", c.Bytes)
	}
	return nil
}

// Service answers for archives. Any goroutine may call it.
type Service struct {
	cfg Config
	now func() time.Time
}

// New returns a Service; now is time.Now outside tests.
func New(cfg Config, now func() time.Time) *Service { return &Service{cfg, now} }

const (
	nsExtended  = stanza.NSMAM + "#extended"
	nsGroupchat = stanza.NSMAM + "#groupchat-field"
)

// Register makes m answer for the archives of accounts.
func (s *Service) Register(m *iq.Mux) {
	for name, h := range map[string]struct{ get, set iq.Handler }{
		"query":    {Fields, s.own},
		"metadata": {s.metadata, nil},
		"prefs":    {s.prefs, s.setPrefs},
	} {
		m.Get(iq.Own, stanza.NSMAM, name, h.get)
		m.Get(iq.Account|iq.Nobody, stanza.NSMAM, name, refuse)
		if h.set != nil {
			m.Set(iq.Own, stanza.NSMAM, name, h.set)
			m.Set(iq.Account|iq.Nobody, stanza.NSMAM, name, refuse)
		}
	}
	m.Feature(iq.Own|iq.Server, stanza.NSMAM, nsExtended, nsGroupchat)
	m.Feature(iq.Own|iq.Server, stanza.NSSID)
}

// refuse answers for the archive of somebody else, whether he exists or not
// (XEP-0313 section 8.1).
func refuse(context.Context, *iq.Request) (*xmlstream.Element, error) {
	return nil, stanza.Errorf(stanza.Forbidden, "the archive of another account")
}

// Filter says whether an entry is among what was asked for, where the core
// cannot know.
type Filter func(e *im.Entry) (bool, error)

// Source is an archive.
type Source interface {
	// Archive reads entries, as im.Messenger does.
	Archive(ctx context.Context, q im.ArchiveQuery) (im.ArchivePage, error)
	// With narrows q to what was exchanged with an address (section 4.1.1) and
	// returns what q cannot say, nil when it says all. False: there is nothing.
	With(ctx context.Context, a im.Addr, q *im.ArchiveQuery) (keep Filter, ok bool, err error)
	// Keep returns what of the archive is shown, nil when all is.
	Keep(ctx context.Context) (Filter, error)
	// Message renders an entry; nil: it is not shown.
	Message(ctx context.Context, e *im.Entry) (*xmlstream.Element, error)
}

// own answers a query to the account's archive.
func (s *Service) own(ctx context.Context, r *iq.Request) (*xmlstream.Element, error) {
	fin, err := s.Query(ctx, r, newAccount(r))
	if err == nil {
		r.Session.Turn(iq.Archive, true) // no offline messages any more (section 6.1.1)
	}
	return fin, err
}
