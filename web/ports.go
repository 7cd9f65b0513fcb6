package web

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Accounts makes accounts and sets passwords; package acs/auth implements it.
type Accounts interface {
	// CreateAccount answers im.CodeNameTaken, im.CodePasswordWeak or
	// im.CodeInvalid for what cannot be.
	CreateAccount(ctx context.Context, a im.Addr, password string) (im.UserID, error)
	// SetPassword needs no old password. With endOthers all tokens are void,
	// and the caller ends the sessions.
	SetPassword(ctx context.Context, u im.UserID, password string, endOthers bool) ([]im.DeviceID, error)
}

// Store is what the API reads and writes without a rule in between; package
// shard implements it.
type Store interface {
	AccountByAddr(ctx context.Context, a im.Addr) (im.Account, error)
	Accounts(ctx context.Context, after im.UserID, limit int) ([]im.Account, error)
	UpdateAccount(ctx context.Context, u im.UserID, change func(a *im.Account) ([]im.Entry, error)) ([]im.Entry, error)
	Devices(ctx context.Context, u im.UserID) ([]im.Device, error)
	AddInvite(ctx context.Context, code string, uses int, expires time.Time) error
}

// Sessions ends sessions in the whole cell; the core implements it.
type Sessions interface {
	RevokeDevice(ctx context.Context, u im.UserID, d im.DeviceID, code im.ErrorCode) error
	KickUser(u im.UserID, code im.ErrorCode)
}

// Status is what a node says of itself.
type Status struct {
	Version    string    `json:"version"`
	Roles      []string  `json:"roles"` // "nas", "acs"
	Node       im.NodeID `json:"node,omitempty"`
	Epoch      uint64    `json:"epoch,omitempty"` // incarnation of the node
	Started    time.Time `json:"started"`
	Uptime     string    `json:"uptime"`
	Durability string    `json:"durability"` // "strict" or "relaxed"
	Sessions   int       `json:"sessions"`
	Draining   bool      `json:"draining"`
	Presence   string    `json:"presence"` // "memory", or "redis" and how it is
	Zones      []Zone    `json:"zones"`
	Links      []Link    `json:"links"`
}

// Zone is how a node sees a zone.
type Zone struct {
	ID    im.ZoneID `json:"id"`
	Where string    `json:"where"` // database, without secrets
	State string    `json:"state"` // "up" or "down"
	Queue int       `json:"queue"` // appends that wait
}

// Link is how a node sees one peer.
type Link struct {
	Node  im.NodeID `json:"node"`
	Epoch uint64    `json:"epoch,omitempty"`
	State string    `json:"state"` // "up" or "down"
	Queue int64     `json:"queue"` // bytes that wait
}
