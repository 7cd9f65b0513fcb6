package acs

import "github.com/cxx-im/cxx/im"

// subEvent is one of the four things that users say about presence (RFC 6121
// section 3).
type subEvent uint8

const (
	subscribe    subEvent = iota // let me see you
	subscribed                   // you may see me
	unsubscribe                  // I no longer want to see you
	unsubscribed                 // you may no longer see me
)

// outbound is the state of the one who says it, afterwards (RFC 6121 appendix
// A.2), and whether it has to be passed on to the other.
func outbound(s im.Subscription, e subEvent) (next im.Subscription, route bool) {
	switch e {
	case subscribe:
		if !s.Has(im.SubTo) {
			s |= im.SubPendingOut
		}
		return s, true
	case subscribed:
		if s.Has(im.SubPendingIn) {
			return s&^im.SubPendingIn | im.SubFrom, true
		}
		if !s.Has(im.SubFrom) {
			s |= im.SubPreApproved // section 3.4: kept until asked
		}
		return s, false
	case unsubscribe:
		return s &^ (im.SubTo | im.SubPendingOut), true
	case unsubscribed:
		route = s.Has(im.SubFrom) || s.Has(im.SubPendingIn)
		return s &^ (im.SubFrom | im.SubPendingIn | im.SubPreApproved), route
	}
	return s, false
}

// inbound is the state of the one who is told (RFC 6121 appendix A.3). answer
// is what his server says for him at once, when agreed is true.
func inbound(s im.Subscription, e subEvent) (next im.Subscription, agreed bool) {
	switch e {
	case subscribe:
		if s.Has(im.SubFrom) {
			return s, true
		}
		if s.Has(im.SubPreApproved) {
			return s&^im.SubPreApproved | im.SubFrom, true
		}
		return s | im.SubPendingIn, false
	case subscribed:
		if s.Has(im.SubPendingOut) {
			return s&^im.SubPendingOut | im.SubTo, false
		}
		return s, false
	case unsubscribe:
		return s &^ (im.SubFrom | im.SubPendingIn), false
	case unsubscribed:
		return s &^ (im.SubTo | im.SubPendingOut), false
	}
	return s, false
}
