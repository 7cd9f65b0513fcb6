package shard

import (
	"context"
	"errors"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// SetHook makes a zone call f at named points of its work; nil: no more.
func SetHook(s *Store, id im.ZoneID, f func(point string) error) {
	for _, z := range s.zones {
		if z.id != id {
			continue
		}
		if f == nil {
			z.hook.Store(nil)
			continue
		}
		z.hook.Store(&f)
	}
}

// SetSchemaVersion makes the databases of s look as a newer release left them.
func SetSchemaVersion(s *Store, version int) error {
	var errs []error
	for _, z := range s.zones {
		errs = append(errs, z.do(context.Background(), nil, func(t *txn) error {
			_, err := t.exec("INSERT INTO schema_version (version, name, applied) VALUES (?, 'from the future', 0)", version)
			return err
		}))
	}
	return errors.Join(errs...)
}

// SQL runs a statement of a test in the transaction of a zone's writer.
func SQL(s *Store, u im.UserID, query string, args ...any) error {
	return s.do(context.Background(), u, func(t *txn) error {
		_, err := t.exec(query, args...)
		return err
	})
}

// SchemaVersion is what this binary knows.
func SchemaVersion() int { return schema.Version() }

// ParseSlots is parseSlots and the map of one zone made of it.
func ParseSlots(s string) (string, error) {
	m, err := configuredMap([]ZoneConfig{{ID: 1, Slots: s}})
	return m.String(), err
}

type relaxedEngine struct{ engine }

func (relaxedEngine) Durability(context.Context) (bool, string, error) {
	return true, "made up", nil
}

// PretendRelaxed makes every database say that it does not sync. The result
// ends that.
func PretendRelaxed() func() {
	real := openEngine
	openEngine = func(ctx context.Context, z ZoneConfig, cfg Config, dir string) (engine, error) {
		db, err := real(ctx, z, cfg, dir)
		return relaxedEngine{db}, err
	}
	return func() { openEngine = real }
}

// Number reads one number in the zone of u.
func Number(s *Store, u im.UserID, query string, args ...any) (n int64, err error) {
	err = s.zone(u).read(context.Background(), func(ctx context.Context, q schema.Queryer) error {
		n, err = number(ctx, q, query, args...)
		return err
	})
	return n, err
}

// Trip makes a zone look down until a probe succeeds.
func Trip(s *Store, id im.ZoneID) {
	for _, z := range s.zones {
		if z.id == id {
			z.breaker.failure(true)
		}
	}
}

// AppendPost and CutPost are the stored form of what a message of a timeline has
// beside its text.
var (
	AppendPost = appendPost
	CutPost    = cutPost
)
