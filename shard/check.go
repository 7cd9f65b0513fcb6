package shard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// ZoneReport is what Check found out about a zone.
type ZoneReport struct {
	ID         im.ZoneID
	Where      string   // database, without secrets
	New        bool     // the zone was never used
	Pending    []string // migrations that a start would run
	Relaxed    bool
	Durability string // the settings of the database
	Problem    error  // why a start would fail; nil: it would not
}

// Check looks at all zones as Open does, and writes nothing. The error is what
// is wrong with the configuration or between the zones.
func Check(ctx context.Context, cfg Config, dataDir string) ([]ZoneReport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m, err := configuredMap(cfg.Zones)
	if err != nil {
		return nil, err
	}
	var reports []ZoneReport
	var used []opened
	var ids []identity
	defer func() {
		for _, o := range used {
			o.db.Close()
		}
	}()
	for _, z := range cfg.Zones {
		r := ZoneReport{ID: z.ID}
		if z.Driver == "sqlite" {
			r.Where = below(dataDir, z.Path)
		}
		o, id, err := examine(ctx, z, cfg, dataDir, &r)
		if o != nil {
			used, ids = append(used, *o), append(ids, id)
		}
		r.Problem = err
		reports = append(reports, r)
	}
	_, err = compare(used, ids, m)
	return reports, err
}

func examine(ctx context.Context, z ZoneConfig, cfg Config, dataDir string, r *ZoneReport) (*opened, identity, error) {
	if _, err := os.Stat(r.Where); r.Where != "" && errors.Is(err, fs.ErrNotExist) {
		r.New, r.Durability = true, "the file will be made"
		r.pending(0)
		return nil, identity{}, nil
	}
	db, err := openEngine(ctx, z, cfg, dataDir)
	if err != nil {
		return nil, identity{}, err
	}
	r.Where = db.Where()
	o := &opened{id: z.ID, db: db}
	id, err := o.look(ctx, r)
	return o, id, err
}

func (o *opened) look(ctx context.Context, r *ZoneReport) (identity, error) {
	var err error
	if r.Relaxed, r.Durability, err = o.db.Durability(ctx); err != nil {
		return identity{}, o.unreachable(err)
	}
	have, err := schemaVersion(ctx, o.db)
	if err != nil {
		return identity{}, o.unreachable(err)
	}
	r.pending(have)
	if err := tooNew(o.db, have); err != nil || have == 0 {
		r.New = have == 0
		return identity{}, err
	}
	id, err := readIdentity(ctx, o.db)
	r.New = id.zone == 0
	return id, err
}

func (r *ZoneReport) pending(have int) {
	for _, m := range schema.Migrations(have) {
		r.Pending = append(r.Pending, fmt.Sprintf("%d %s", m.Version, m.Name))
	}
}

// Migrate brings the schema of every zone up to date without starting
// anything, so that the nodes can run with an account that has no right to DDL.
func Migrate(ctx context.Context, cfg Config, dataDir string, log *slog.Logger) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	all, err := openZones(ctx, cfg, dataDir, log)
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range all {
		errs = append(errs, o.db.Close())
	}
	return errors.Join(errs...)
}
