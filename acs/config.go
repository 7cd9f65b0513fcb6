package acs

import (
	"fmt"
	"strings"
	"time"

	"github.com/cxx-im/cxx/internal/config"
)

// Config is the section [acs] of the configuration.
type Config struct {
	MaxBody         config.Size     `toml:"max_body" doc:"largest text of a message, in bytes of UTF-8"`
	SyncPage        int             `toml:"sync_page" doc:"most entries in one page of sync or history"`
	SyncPageBytes   config.Size     `toml:"sync_page_bytes" doc:"most bytes of text in one page"`
	MaxContacts     int             `toml:"max_contacts" doc:"most contacts of a user"`
	MaxPending      int             `toml:"max_pending" doc:"most unanswered contact requests of a user"`
	ChangeRate      int             `toml:"change_rate" doc:"changes of contacts, read marks, profile and presence that a session may make per second; faster ones are slowed down, then refused; 0: any number"`
	ChangeBurst     int             `toml:"change_burst" doc:"how many of them may come at once"`
	Lease           config.Duration `toml:"lease" doc:"how long a node counts as alive after its last sign of life"`
	Grace           config.Duration `toml:"grace" doc:"how long a user stays online after his connection broke"`
	HeadPoll        config.Duration `toml:"head_poll" doc:"how often the inbox heads of online users are compared, the last resort against a lost push"`
	DegradedPoll    config.Duration `toml:"degraded_poll" doc:"the same while a mesh link and Redis are both down"`
	PresenceSettle  config.Duration `toml:"presence_settle" doc:"how long presence changes are gathered before contacts are told"`
	ReorderPatience config.Duration `toml:"reorder_patience" doc:"how long a push that came early waits for its predecessor before the log is read"`
	GroupPrefix     string          `toml:"group_prefix" doc:"groups have addresses at this name below the domain: conference.example.org"`
	MaxGroups       int             `toml:"max_groups" doc:"most groups of a user"`
	MaxMembers      int             `toml:"max_members" doc:"most members of a group"`
	SmallGroup      int             `toml:"small_group" doc:"up to so many members, those who are online see at once who has read and who is typing"`
	QuietGroup      int             `toml:"quiet_group" doc:"in a group with more members, XMPP clients see only admins and themselves come and go"`
	PullGroup       int             `toml:"pull_group" doc:"in a busy group that more sessions on a node follow, C-XX clients are told that there is news and fetch it, at most once a second"`
}

// DefaultConfig returns the defaults of contract section 3.
func DefaultConfig() Config {
	return Config{
		MaxBody:         64 << 10,
		SyncPage:        200,
		SyncPageBytes:   256 << 10,
		MaxContacts:     5000,
		MaxPending:      200,
		ChangeRate:      20,
		ChangeBurst:     100,
		Lease:           config.Duration(5 * time.Second),
		Grace:           config.Duration(10 * time.Second),
		HeadPoll:        config.Duration(30 * time.Second),
		DegradedPoll:    config.Duration(4 * time.Second),
		PresenceSettle:  config.Duration(50 * time.Millisecond),
		ReorderPatience: config.Duration(20 * time.Millisecond),
		GroupPrefix:     "conference",
		MaxGroups:       500,
		MaxMembers:      10000,
		SmallGroup:      100,
		QuietGroup:      1000,
		PullGroup:       5000,
	}
}

// Validate names the key that is wrong and what to do.
func (c Config) Validate() error {
	switch {
	case c.MaxBody < 1 || c.MaxBody > 192<<10:
		return fmt.Errorf("max_body is %s; choose 1B to 192KiB, so that a message fits a frame", c.MaxBody)
	case c.SyncPage < 1 || c.SyncPage > 1000:
		return fmt.Errorf("sync_page is %d; choose 1 to 1000", c.SyncPage)
	case c.SyncPageBytes < c.MaxBody:
		return fmt.Errorf("sync_page_bytes is %s; it must be at least max_body (%s)", c.SyncPageBytes, c.MaxBody)
	case c.MaxContacts < 1 || c.MaxPending < 1:
		return fmt.Errorf("max_contacts and max_pending must be at least 1")
	case c.ChangeRate < 0 || c.ChangeRate > 1_000_000:
		return fmt.Errorf("change_rate is %d; choose 1 to 1000000, or 0 for any number", c.ChangeRate)
	case c.ChangeRate > 0 && c.ChangeBurst < 1:
		return fmt.Errorf("change_burst is %d; choose at least 1", c.ChangeBurst)
	case c.Lease.D() < 3*time.Second:
		return fmt.Errorf("lease is %s; it is renewed each second, so choose at least 3s", c.Lease)
	case c.Grace < 0 || c.PresenceSettle < 0 || c.ReorderPatience < 0:
		return fmt.Errorf("grace, presence_settle and reorder_patience must not be negative")
	case c.GroupPrefix == "" || strings.ContainsAny(c.GroupPrefix, "@/ "):
		return fmt.Errorf("group_prefix is %q; choose a name such as conference", c.GroupPrefix)
	case c.MaxGroups < 1 || c.MaxMembers < 2:
		return fmt.Errorf("max_groups must be at least 1 and max_members at least 2")
	case c.SmallGroup < 0 || c.QuietGroup < 0 || c.PullGroup < 0:
		return fmt.Errorf("small_group, quiet_group and pull_group must not be negative")
	case c.HeadPoll.D() < time.Second || c.DegradedPoll.D() < time.Second:
		return fmt.Errorf("head_poll and degraded_poll must be at least 1s")
	}
	return nil
}
