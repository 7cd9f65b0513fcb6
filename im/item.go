package im

import (
	"context"
	"time"
)

// Leaf is a named list of items that belongs to a user: a leaf node of PEP
// (XEP-0060), private storage, a vCard. What a name means is for the edge.
type Leaf struct {
	Name   string
	Config []byte // opaque; whoever made the leaf wrote it
}

// Item is one thing in a leaf. Within a leaf its ID is unique.
type Item struct {
	ID        string
	Payload   []byte
	Publisher Addr // full address of the session that put it
	At        time.Time
}

// LeafEdit is a change of a leaf, carried out as a whole.
type LeafEdit struct {
	Config   []byte   // not nil: the new configuration; makes the leaf when there is none
	Put      []Item   // added, or put in the place of those with the same ids; they become the newest
	Remove   []string // ids
	Purge    bool     // remove all items first
	Delete   bool     // remove the leaf with its items
	MaxItems int      // above zero: only so many of the newest stay
}

// ItemQuery selects items of a leaf.
type ItemQuery struct {
	IDs   []string // empty: any
	Limit int      // the newest ones; zero: all
}

// LeafItem is a leaf with its newest item; nil: it is empty.
type LeafItem struct {
	Leaf
	Newest *Item
}

// Items is what users keep on the server. The methods do not ask who may: that
// is for the caller, which knows the access model.
type Items interface {
	Leaves(ctx context.Context, owner UserID) ([]Leaf, error)
	// LeafItems returns a leaf and items of it, oldest first; CodeNotFound without
	// such a leaf.
	LeafItems(ctx context.Context, owner UserID, name string, q ItemQuery) (Leaf, []Item, error)
	// LeavesOf returns for many owners the leaves that have one of names, in the
	// order of the names, each with its newest item. One answer holds a bounded
	// amount, of at least one owner whole: who is not in it, not even without
	// leaves, is to be asked for again. When zones fail it returns what the others
	// have, and the error.
	LeavesOf(ctx context.Context, owners []UserID, names []string) (map[UserID][]LeafItem, error)
	// EditLeaf changes a leaf under a lock: change gets the leaf (exists false:
	// there is none, and only the name is set) and the ids of its items, oldest
	// first. It may be called more than once; an error from it rolls back and is
	// returned. CodeTooMany: the user has too many leaves or bytes.
	EditLeaf(ctx context.Context, owner UserID, name string, change func(n Leaf, exists bool, ids []string) (LeafEdit, error)) error
}
