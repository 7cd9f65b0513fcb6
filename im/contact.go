package im

import "time"

// Subscription is the full subscription state of a contact (RFC 6121 section
// 3 and appendix A), seen from the owner of the contact list.
type Subscription uint8

// The bits of a Subscription. None is zero.
const (
	SubTo          Subscription = 1 << iota // the owner sees the contact's presence
	SubFrom                                 // the contact sees the owner's presence
	SubPendingOut                           // the owner has asked
	SubPendingIn                            // the contact has asked; not part of the list until answered
	SubPreApproved                          // the owner will say yes when asked

	SubNone Subscription = 0
	// SubBoth is friendship as C-XX shows it.
	SubBoth = SubTo | SubFrom
)

// Has reports whether all bits of x are set.
func (s Subscription) Has(x Subscription) bool { return s&x == x }

// SubEvent is one of the four things that users say to each other about
// presence (RFC 6121 section 3). The numbers are stored.
type SubEvent uint8

// The events.
const (
	Subscribe    SubEvent = 1 // let me see you
	Subscribed   SubEvent = 2 // you may see me
	Unsubscribe  SubEvent = 3 // I no longer want to see you
	Unsubscribed SubEvent = 4 // you may no longer see me
)

// Contact is one entry of a user's contact list.
type Contact struct {
	User   UserID       `json:"user"`
	Addr   Addr         `json:"addr"`
	Sub    Subscription `json:"sub"`
	Listed bool         `json:"listed"`           // part of the list; false: only a pending request, or removed
	Name   string       `json:"name,omitempty"`   // the owner's remark for the contact
	Groups []string     `json:"groups,omitempty"` // names of the owner's contact groups
	Note   string       `json:"note,omitempty"`   // the words that came with a request
	// Said is what the contact said that led to this state, in a log entry only:
	// each of it reached the user because it changed something for him.
	Said []SubEvent `json:"said,omitempty"`
	// Ext is what an XMPP client sent with a pending request, opaque to the core.
	Ext []byte `json:"ext,omitempty"`
}

// Profile is what a user says of himself and his settings for others.
type Profile struct {
	User     UserID     `json:"user"`
	Addr     Addr       `json:"addr"`
	Name     string     `json:"name,omitempty"` // display name
	LastSeen Visibility `json:"last_seen"`      // who may learn when he was last online
	SeenAt   time.Time  `json:"-"`              // when he was last online; the core decides who learns it
}

// Visibility says who may see something.
type Visibility uint8

// The circles, closed first: what is not set is shown to contacts.
const (
	ToContacts Visibility = 0
	ToNobody   Visibility = 1
	ToEveryone Visibility = 2
)

// ContactCount is how many entries of each kind a list has.
type ContactCount struct {
	Listed, PendingIn int
}
