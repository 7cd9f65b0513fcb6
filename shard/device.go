package shard

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/shard/schema"
)

const deviceColumns = "device_id, resource, name, device_class, protocol, client_name, client_version, ip, udp_port, tcp_port," +
	" created, last_login, epoch, acked, revoked, token_hash, token_issued, prev_hash, prev_replaced"

func scanDevice(rows *sql.Rows) (d im.Device, err error) {
	var created, login, issued, replaced int64
	err = rows.Scan(&d.ID, &d.Resource, &d.Name, &d.Class, &d.Protocol, &d.ClientName, &d.ClientVersion, &d.IP, &d.UDPPort, &d.TCPPort,
		&created, &login, &d.Epoch, &d.Cursor, &d.Revoked, &d.TokenHash, &issued, &d.PrevHash, &replaced)
	d.Created, d.LastLogin, d.TokenIssued, d.PrevReplaced = moment(created), moment(login), moment(issued), moment(replaced)
	return d, err
}

func devices(ctx context.Context, q schema.Queryer, where string, args ...any) (all []im.Device, err error) {
	err = scanAll(ctx, q, func(rows *sql.Rows) error {
		d, err := scanDevice(rows)
		all = append(all, d)
		return err
	}, "SELECT "+deviceColumns+" FROM device WHERE "+where, args...)
	return all, err
}

// Devices returns all devices of u, revoked ones included, in the order of ids.
func (s *Store) Devices(ctx context.Context, u im.UserID) (all []im.Device, err error) {
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		all, err = devices(ctx, q, "user_id = ? ORDER BY device_id", int64(u))
		return err
	})
	return all, err
}

// UpdateDevices changes the devices of a user; see acs.DeviceStore.
func (s *Store) UpdateDevices(ctx context.Context, u im.UserID, change func([]im.Device) ([]im.Device, []im.Entry, error)) (logged []im.Entry, err error) {
	err = s.do(ctx, u, func(t *txn) error {
		if t.head(uint64(u)) == nil {
			return unknownUser(u)
		}
		all, err := devices(ctx, t, "user_id = ? ORDER BY device_id", int64(u))
		if err != nil {
			return err
		}
		write, entries, err := change(slices.Clone(all))
		if err != nil {
			return err
		}
		for i := range write {
			d := &write[i]
			known := slices.ContainsFunc(all, func(x im.Device) bool { return x.ID == d.ID })
			if err := t.writeDevice(u, d, known); err != nil {
				return err
			}
		}
		logged = entries
		return t.append(u, logged)
	})
	if err != nil {
		return nil, err
	}
	return logged, nil
}

func (t *txn) writeDevice(u im.UserID, d *im.Device, known bool) error {
	args := []any{
		d.Resource, d.Name, d.Class, d.Protocol, d.ClientName, d.ClientVersion, d.IP, d.UDPPort, d.TCPPort,
		millis(d.Created), millis(d.LastLogin), int64(d.Epoch), int64(d.Cursor), flag(d.Revoked),
		d.TokenHash, millis(d.TokenIssued), d.PrevHash, millis(d.PrevReplaced), int64(u), int64(d.ID),
	}
	query := "INSERT INTO device (resource, name, device_class, protocol, client_name, client_version, ip, udp_port, tcp_port," +
		" created, last_login, epoch, acked, revoked, token_hash, token_issued, prev_hash, prev_replaced, user_id, device_id)" +
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
	if known {
		query = "UPDATE device SET resource = ?, name = ?, device_class = ?, protocol = ?, client_name = ?, client_version = ?, ip = ?, udp_port = ?, tcp_port = ?," +
			" created = ?, last_login = ?, epoch = ?, acked = ?, revoked = ?, token_hash = ?, token_issued = ?, prev_hash = ?, prev_replaced = ?" +
			" WHERE user_id = ? AND device_id = ?"
	}
	_, err := t.exec(query, args...)
	return err
}

// UpdateDevice changes one device; see acs.DeviceStore.
func (s *Store) UpdateDevice(ctx context.Context, u im.UserID, d im.DeviceID, change func(*im.Device) bool) error {
	return s.do(ctx, u, func(t *txn) error {
		found, err := devices(ctx, t, "user_id = ? AND device_id = ?", int64(u), int64(d))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return im.Errorf(im.CodeNotFound, "there is no such device")
		}
		if !change(&found[0]) {
			return nil
		}
		found[0].ID = d
		return t.writeDevice(u, &found[0], true)
	})
}

// DeviceStates returns the devices of users that exist; see acs.DeviceStore.
func (s *Store) DeviceStates(ctx context.Context, users []im.UserID) (out []im.DeviceState, err error) {
	var mu sync.Mutex // guards out
	err = s.perZone(users, func(z *zone, users []im.UserID) error {
		return z.read(ctx, func(ctx context.Context, q schema.Queryer) error {
			for part := range slices.Chunk(users, chunkUsers) {
				err := scanAll(ctx, q, func(rows *sql.Rows) error {
					var d im.DeviceState
					err := rows.Scan(&d.User, &d.Device, &d.Epoch, &d.Void, &d.Disabled)
					mu.Lock()
					defer mu.Unlock()
					out = append(out, d)
					return err
				}, "SELECT d.user_id, d.device_id, d.epoch, CASE WHEN d.revoked <> 0 OR COALESCE(LENGTH(d.token_hash), 0) = 0 THEN 1 ELSE 0 END, a.disabled"+
					" FROM device d JOIN account a ON a.user_id = d.user_id WHERE d.user_id IN ("+idList(part)+")")
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return out, err
}

// Delivered returns the highest cursor of u's devices, revoked ones included.
func (s *Store) Delivered(ctx context.Context, u im.UserID) (seq uint64, err error) {
	err = s.zone(u).read(ctx, func(ctx context.Context, q schema.Queryer) error {
		n, err := number(ctx, q, "SELECT COALESCE(MAX(acked), 0) FROM device WHERE user_id = ?", int64(u))
		seq = uint64(n)
		return err
	})
	return seq, err
}

// SaveCursors moves the cursors of devices forward; never back. Zones that
// fail do not keep the others from saving.
func (s *Store) SaveCursors(ctx context.Context, cursors []im.DeviceCursor) error {
	byZone := make(map[*zone][]im.DeviceCursor)
	for _, c := range cursors {
		z := s.zone(c.User)
		byZone[z] = append(byZone[z], c)
	}
	var errs []error
	for z, all := range byZone {
		for part := range slices.Chunk(all, chunkUsers) {
			users := make([]im.UserID, len(part))
			for i, c := range part {
				users[i] = c.User
			}
			errs = append(errs, s.doAt(ctx, z, users, func(t *txn) error { return t.saveCursors(part) }))
		}
	}
	return errors.Join(errs...)
}

func (t *txn) saveCursors(cursors []im.DeviceCursor) error {
	for _, c := range cursors {
		if _, err := t.exec("UPDATE device SET acked = ? WHERE user_id = ? AND device_id = ? AND acked < ?", int64(c.Seq), int64(c.User), int64(c.Device), int64(c.Seq)); err != nil {
			return err
		}
	}
	return nil
}
