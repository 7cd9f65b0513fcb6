package shard

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// identity is what a database says of itself.
type identity struct {
	zone    im.ZoneID // 0: a database that was never used
	cell    string    // random name of the cell, the same in all its zones
	version int       // of the map
	slots   zoneMap
}

func readIdentity(ctx context.Context, q schema.Queryer) (id identity, err error) {
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		return rows.Scan(&id.zone, &id.cell, &id.version)
	}, "SELECT zone_id, cell, map_version FROM zone_self")
	if err != nil {
		return id, err
	}
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		var r slotRange
		err := rows.Scan(&r.From, &r.To, &r.Zone)
		id.slots = append(id.slots, r)
		return err
	}, "SELECT slot_from, slot_to, zone_id FROM zone_map WHERE version = ? ORDER BY slot_from", id.version)
	return id, err
}

func writeIdentity(ctx context.Context, db engine, id identity) error {
	return inTx(ctx, db, func(tx schema.Tx) error {
		for _, r := range id.slots {
			if _, err := tx.Exec(ctx, "INSERT INTO zone_map (version, slot_from, slot_to, zone_id) VALUES (?, ?, ?, ?)", id.version, r.From, r.To, r.Zone); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO zone_self (zone_id, cell, map_version) VALUES (?, ?, ?)", id.zone, id.cell, id.version)
		return err
	})
}

// agree compares what the zones say with the configuration, and writes the map
// into zones that are new. The first zone that is not new speaks for the cell;
// a lock in the first zone keeps two nodes of a new cell from naming it twice.
// It returns the version of the map.
func agree(ctx context.Context, all []opened, configured zoneMap, log *slog.Logger) (version int, err error) {
	err = all[0].db.Exclusive(ctx, func() error {
		ids, err := readIdentities(ctx, all)
		if err != nil {
			return err
		}
		known, err := compare(all, ids, configured)
		if err != nil {
			return err
		}
		for i, o := range all {
			if ids[i].zone != 0 {
				continue
			}
			mine := known
			mine.zone = o.id
			if err := writeIdentity(ctx, o.db, mine); err != nil {
				return fmt.Errorf("zone %d: the zone map cannot be written to %s: %w", o.id, o.db.Where(), err)
			}
			log.Info("zone map was written", "zone", o.id, "version", mine.version)
		}
		version = known.version
		return nil
	})
	return version, err
}

func readIdentities(ctx context.Context, all []opened) ([]identity, error) {
	ids := make([]identity, len(all))
	for i, o := range all {
		id, err := readIdentity(ctx, o.db)
		if err != nil {
			return nil, fmt.Errorf("zone %d: the zone map of %s cannot be read: %w", o.id, o.db.Where(), err)
		}
		ids[i] = id
	}
	return ids, nil
}

// compare returns the identity of the cell: that of the zones, or for a new
// cell one that is made up.
func compare(all []opened, ids []identity, configured zoneMap) (identity, error) {
	var first *opened
	known := identity{version: 1, cell: cellName(), slots: configured}
	for i, id := range ids {
		o := &all[i]
		if id.zone == 0 {
			continue
		}
		if id.zone != o.id {
			return known, fmt.Errorf("zone %d: the database %s holds zone %d; exchange the databases in [[storage.zone]], or correct the id", o.id, o.db.Where(), id.zone)
		}
		if !slices.Equal(id.slots, configured) {
			return known, fmt.Errorf("zone %d: its database has map version %d with slots %s, but the configuration says %s; set slots in [[storage.zone]] back to that; editing it does not move a range",
				o.id, id.version, id.slots, configured)
		}
		if first != nil && id.cell != known.cell {
			return known, fmt.Errorf("zones %d and %d belong to two different cells; correct the database of one of them in [[storage.zone]]", first.id, o.id)
		}
		if first != nil && id.version != known.version {
			return known, fmt.Errorf("zone %d has map version %d and zone %d has version %d; a move of slots is under way or was cut short, so finish it before starting", first.id, known.version, o.id, id.version)
		}
		first, known = o, id
	}
	return known, nil
}

func cellName() string {
	b := make([]byte, 10)
	rand.Read(b)
	return im.Code(b)
}
