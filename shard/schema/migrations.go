package schema

import "strings"

// Migration is one step of the schema. Steps are append-only and never
// destructive: a column or table is added, never dropped or narrowed.
type Migration struct {
	Version int
	Name    string
	common  []string
}

// Dialect names a set of column types.
type Dialect uint8

// The dialects.
const (
	SQLite Dialect = iota
	MySQL
)

// Version is the schema that this binary knows.
func Version() int { return migrations[len(migrations)-1].Version }

// Migrations returns the steps above version, in order.
func Migrations(above int) []Migration {
	for i, m := range migrations {
		if m.Version > above {
			return migrations[i:]
		}
	}
	return nil
}

// Statements returns the DDL of the step in a dialect.
func (m Migration) Statements(d Dialect) []string {
	out := make([]string, len(m.common))
	for i, s := range m.common {
		out[i] = words[d].Replace(s)
	}
	return out
}

// Bootstrap creates the table that holds the versions.
func Bootstrap(d Dialect) string {
	return words[d].Replace(`CREATE TABLE IF NOT EXISTS schema_version (
	version INT NOT NULL PRIMARY KEY, name <name64> NOT NULL, applied BIGINT NOT NULL)<table>`)
}

// words turns the placeholders of the common DDL into types. Names are bytes:
// equality is exact, with no folding and no padding of blanks.
var words = map[Dialect]*strings.Replacer{
	SQLite: strings.NewReplacer(
		"<id>", "INTEGER", "<bool>", "INTEGER", "<small>", "INTEGER",
		"<name>", "TEXT", "<name64>", "TEXT", "<text>", "TEXT",
		"<hash>", "BLOB", "<key16>", "BLOB", "<blob>", "BLOB",
		"<clustered>", " WITHOUT ROWID", "<table>", "",
	),
	MySQL: strings.NewReplacer(
		"<id>", "BIGINT", "<bool>", "TINYINT", "<small>", "INT",
		"<name>", "VARBINARY(1023)", "<name64>", "VARBINARY(64)",
		"<text>", "MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
		"<hash>", "VARBINARY(64)", "<key16>", "BINARY(16)", "<blob>", "MEDIUMBLOB",
		"<clustered>", mysqlTable, "<table>", mysqlTable,
	),
}

const mysqlTable = " ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

// Every table of a user is keyed by the user first, so that moving a range of
// slots to another zone is a range scan of each primary key. Times are
// milliseconds since 1970, 0 for never.
var migrations = []Migration{
	{Version: 1, Name: "accounts, devices, contacts, inboxes", common: []string{
		`CREATE TABLE IF NOT EXISTS account (
	user_id <id> NOT NULL PRIMARY KEY, domain <name> NOT NULL, localpart <name> NOT NULL,
	created BIGINT NOT NULL, disabled <bool> NOT NULL, revoked_at BIGINT NOT NULL, last_seen BIGINT NOT NULL,
	profile <text> NOT NULL, UNIQUE (domain, localpart))<table>`,
		`CREATE TABLE IF NOT EXISTS verifier (
	user_id <id> NOT NULL, mechanism <name64> NOT NULL, sealed <blob> NOT NULL,
	PRIMARY KEY (user_id, mechanism))<clustered>`,
		`CREATE TABLE IF NOT EXISTS device (
	user_id <id> NOT NULL, device_id <id> NOT NULL, resource <name> NOT NULL, name <text> NOT NULL,
	device_class <small> NOT NULL, protocol <small> NOT NULL, client_name <text> NOT NULL, client_version <text> NOT NULL,
	ip <name64> NOT NULL, udp_port <small> NOT NULL, tcp_port <small> NOT NULL,
	created BIGINT NOT NULL, last_login BIGINT NOT NULL, epoch <id> NOT NULL, acked <id> NOT NULL, revoked <bool> NOT NULL,
	token_hash <hash>, token_issued BIGINT NOT NULL, prev_hash <hash>, prev_replaced BIGINT NOT NULL,
	PRIMARY KEY (user_id, device_id))<clustered>`,
		`CREATE TABLE IF NOT EXISTS contact (
	owner_id <id> NOT NULL, peer_id <id> NOT NULL, domain <name> NOT NULL, localpart <name> NOT NULL,
	sub <small> NOT NULL, listed <bool> NOT NULL, name <text> NOT NULL, contact_groups <text> NOT NULL, note <text> NOT NULL,
	PRIMARY KEY (owner_id, peer_id))<clustered>`,
		`CREATE TABLE IF NOT EXISTS inbox_head (
	user_id <id> NOT NULL PRIMARY KEY, seq <id> NOT NULL, msg_id <id> NOT NULL)<table>`,
		`CREATE TABLE IF NOT EXISTS inbox (
	user_id <id> NOT NULL, seq <id> NOT NULL, msg_id <id> NOT NULL, kind <small> NOT NULL,
	from_id <id> NOT NULL, peer_id <id> NOT NULL, conv_id <id> NOT NULL,
	client_id <key16>, body <text> NOT NULL, ext <blob>,
	PRIMARY KEY (user_id, seq))<clustered>`,
		`CREATE INDEX inbox_conversation ON inbox (user_id, conv_id, seq)`,
		`CREATE TABLE IF NOT EXISTS sent (
	owner_id <id> NOT NULL, sender_id <id> NOT NULL, client_id <key16> NOT NULL,
	seq <id> NOT NULL, peer_seq <id> NOT NULL, msg_id <id> NOT NULL,
	PRIMARY KEY (owner_id, sender_id, client_id))<clustered>`,
		`CREATE TABLE IF NOT EXISTS read_mark (
	owner_id <id> NOT NULL, peer_id <id> NOT NULL,
	up_to <id> NOT NULL, read_below <id> NOT NULL, peer_up_to <id> NOT NULL,
	PRIMARY KEY (owner_id, peer_id))<clustered>`,
		`CREATE TABLE IF NOT EXISTS invite (
	code <name64> NOT NULL PRIMARY KEY, uses INT NOT NULL, expires BIGINT NOT NULL)<table>`,
		`CREATE TABLE IF NOT EXISTS zone_map (
	version INT NOT NULL, slot_from INT NOT NULL, slot_to INT NOT NULL, zone_id INT NOT NULL,
	PRIMARY KEY (version, slot_from))<table>`,
		`CREATE TABLE IF NOT EXISTS zone_self (
	zone_id INT NOT NULL PRIMARY KEY, cell <name64> NOT NULL, map_version INT NOT NULL)<table>`,
		`CREATE TABLE IF NOT EXISTS commit_mark (
	writer <id> NOT NULL PRIMARY KEY, number <id> NOT NULL, used BIGINT NOT NULL)<table>`,
	}},
	{Version: 2, Name: "block lists, leaves, requests with extensions", common: []string{
		`ALTER TABLE contact ADD COLUMN ext <blob>`,
		// The address itself would be too long for a key.
		`CREATE TABLE IF NOT EXISTS blocked (
	owner_id <id> NOT NULL, digest <hash> NOT NULL, domain <name> NOT NULL, localpart <name> NOT NULL, resource <name> NOT NULL,
	PRIMARY KEY (owner_id, digest))<clustered>`,
		`CREATE TABLE IF NOT EXISTS leaf (
	owner_id <id> NOT NULL, leaf_id <id> NOT NULL, name <name> NOT NULL, config <blob> NOT NULL, bytes <id> NOT NULL,
	PRIMARY KEY (owner_id, leaf_id), UNIQUE (owner_id, name))<clustered>`,
		`CREATE TABLE IF NOT EXISTS leaf_item (
	owner_id <id> NOT NULL, leaf_id <id> NOT NULL, place <id> NOT NULL, item_id <name> NOT NULL, bytes <id> NOT NULL, published BIGINT NOT NULL,
	domain <name> NOT NULL, localpart <name> NOT NULL, resource <name> NOT NULL, payload <blob>,
	PRIMARY KEY (owner_id, leaf_id, place), UNIQUE (owner_id, leaf_id, item_id))<clustered>`,
	}},
	// A group's timeline is in inbox and inbox_head, under the group's id. keep_days is
	// -1 when the group was dissolved and its timeline is not removed yet.
	{Version: 3, Name: "groups", common: []string{
		`CREATE TABLE IF NOT EXISTS chat_group (
	group_id <id> NOT NULL PRIMARY KEY, domain <name> NOT NULL, localpart <name> NOT NULL,
	listed <bool> NOT NULL, keep_days <small> NOT NULL, settings <text> NOT NULL, password <text> NOT NULL, salt <hash> NOT NULL,
	UNIQUE (domain, localpart))<table>`,
		`CREATE INDEX chat_group_listed ON chat_group (listed, group_id)`,
		`CREATE INDEX chat_group_kept ON chat_group (keep_days)`,
		// Who has no nickname has none in nick_key, so that the key does not count.
		`CREATE TABLE IF NOT EXISTS group_member (
	group_id <id> NOT NULL, user_id <id> NOT NULL, domain <name> NOT NULL, localpart <name> NOT NULL,
	role <small> NOT NULL, voice <small> NOT NULL, muted_until BIGINT NOT NULL, nick <name> NOT NULL, nick_key <name>,
	passing <bool> NOT NULL, seen_from <id> NOT NULL, joined BIGINT NOT NULL, read_to <id> NOT NULL,
	invited_by <id> NOT NULL, note <text> NOT NULL,
	PRIMARY KEY (group_id, user_id), UNIQUE (group_id, nick_key))<clustered>`,
		`CREATE INDEX group_member_role ON group_member (group_id, passing, role)`,
		`CREATE TABLE IF NOT EXISTS mention (
	group_id <id> NOT NULL, user_id <id> NOT NULL, seq <id> NOT NULL,
	PRIMARY KEY (group_id, user_id, seq))<clustered>`,
		`CREATE INDEX mention_place ON mention (group_id, seq)`,
		`CREATE TABLE IF NOT EXISTS membership (
	user_id <id> NOT NULL, group_id <id> NOT NULL, version <id> NOT NULL, role <small> NOT NULL,
	pinned <bool> NOT NULL, silent <bool> NOT NULL, domain <name> NOT NULL, localpart <name> NOT NULL, title <text> NOT NULL, nick <name> NOT NULL,
	PRIMARY KEY (user_id, group_id))<clustered>`,
		`CREATE TABLE IF NOT EXISTS group_owed (
	group_id <id> NOT NULL, user_id <id> NOT NULL, version <id> NOT NULL, created BIGINT NOT NULL, owed <text> NOT NULL,
	PRIMARY KEY (group_id, user_id, version))<clustered>`,
		`CREATE INDEX group_owed_age ON group_owed (created)`,
	}},
}

// BySeq is the table inbox for queries that read it in the order of places.
func BySeq(d Dialect) string {
	if d == SQLite {
		return "inbox"
	}
	return "inbox FORCE INDEX (PRIMARY)"
}

// ByConversation is the table inbox for queries in which one conversation is
// read: without it, both databases at times walk through the whole inbox.
func ByConversation(d Dialect) string {
	if d == SQLite {
		return "inbox INDEXED BY inbox_conversation"
	}
	return "inbox FORCE INDEX (inbox_conversation)"
}
