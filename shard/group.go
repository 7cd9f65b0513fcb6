package shard

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

// groupsWhere reads rows of groups, but of none that was dissolved.
func groupsWhere(ctx context.Context, q schema.Queryer, each func(*im.Group), where string, args ...any) error {
	return scanAll(ctx, q, func(rows *sql.Rows) error {
		g, err := scanGroup(rows)
		each(g)
		return err
	}, "SELECT settings, password, salt FROM chat_group WHERE keep_days >= 0 AND "+where, args...)
}

func scanGroup(rows *sql.Rows) (*im.Group, error) {
	g := &im.Group{}
	var settings, password string
	var salt []byte
	err := rows.Scan(&settings, &password, &salt)
	if err == nil {
		err = json.Unmarshal([]byte(settings), g)
	}
	g.Password, g.Salt = password, salt
	return g, err
}

// group reads one group.
func group(ctx context.Context, q schema.Queryer, where string, args ...any) (g im.Group, err error) {
	err = groupsWhere(ctx, q, func(found *im.Group) { g = *found }, where, args...)
	if err == nil && g.ID == 0 {
		err = im.Errorf(im.CodeNotFound, "there is no such group")
	}
	return g, err
}

// GroupByAddr finds a group by its address; see acs.GroupStore.
func (s *Store) GroupByAddr(ctx context.Context, a im.Addr) (g im.Group, err error) {
	err = s.bySlot[a.Slot()].read(ctx, func(ctx context.Context, q schema.Queryer) error {
		g, err = group(ctx, q, "domain = ? AND localpart = ?", a.Domain, a.Local)
		return err
	})
	return g, err
}

// GroupByID finds a group; see acs.GroupStore.
func (s *Store) GroupByID(ctx context.Context, id im.GroupID) (g im.Group, err error) {
	err = s.zone(id.Log()).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		g, err = group(ctx, q, "group_id = ?", int64(id))
		return err
	})
	return g, err
}

// PublicGroups lists public groups of all zones; see acs.GroupStore.
func (s *Store) PublicGroups(ctx context.Context, after im.GroupID, limit int) ([]im.Group, error) {
	var all []im.Group
	err := s.everyZone(func(mu *sync.Mutex, z *zone) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			return groupsWhere(ctx, q, func(g *im.Group) {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, *g)
			}, "listed = 1 AND group_id > ? ORDER BY group_id LIMIT ?", int64(after), limit)
		})
	})
	slices.SortFunc(all, func(a, b im.Group) int { return cmp.Compare(a.ID, b.ID) })
	return all[:min(limit, len(all))], err
}

// everyZone calls f for each zone at the same time; mu guards what the calls share.
func (s *Store) everyZone(f func(mu *sync.Mutex, z *zone) error) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, len(s.zones))
	for i, z := range s.zones {
		wg.Go(func() { errs[i] = f(&mu, z) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
