package acs

import "github.com/cxx-im/cxx/im"

// outbound is the state of the one who says it, afterwards (RFC 6121 appendix
// A.2), and whether it has to be passed on to the other.
func outbound(s im.Subscription, e im.SubEvent) (next im.Subscription, route bool) {
	switch e {
	case im.Subscribe:
		if !s.Has(im.SubTo) {
			s |= im.SubPendingOut
		}
		return s, true
	case im.Subscribed:
		if s.Has(im.SubPendingIn) {
			return s&^im.SubPendingIn | im.SubFrom, true
		}
		if !s.Has(im.SubFrom) {
			s |= im.SubPreApproved // section 3.4: kept until asked
		}
		return s, false
	case im.Unsubscribe:
		return s &^ (im.SubTo | im.SubPendingOut), true
	case im.Unsubscribed:
		route = s.Has(im.SubFrom) || s.Has(im.SubPendingIn)
		return s &^ (im.SubFrom | im.SubPendingIn | im.SubPreApproved), route
	}
	return s, false
}

// inbound is the state of the one who is told (RFC 6121 appendix A.3) and
// whether it is delivered to him. agreed: his server says yes for him at once
// (sections 3.1.3 and 3.4.2).
func inbound(s im.Subscription, e im.SubEvent) (next im.Subscription, deliver, agreed bool) {
	next = s
	switch e {
	case im.Subscribe:
		if s.Has(im.SubFrom) {
			return s, false, true
		}
		if s.Has(im.SubPreApproved) {
			return s&^im.SubPreApproved | im.SubFrom, false, true
		}
		next |= im.SubPendingIn
	case im.Subscribed:
		if s.Has(im.SubPendingOut) {
			next = s&^im.SubPendingOut | im.SubTo
		}
	case im.Unsubscribe:
		next &^= im.SubFrom | im.SubPendingIn
	case im.Unsubscribed:
		next &^= im.SubTo | im.SubPendingOut
	}
	return next, next != s, false
}

// mends reports whether e, which changed nothing at the one who says it and so
// is not to be routed, is passed on all the same because the peer's state shows
// that it had not reached him the first time. To anybody else it changes nothing.
func mends(own, peer im.Subscription, e im.SubEvent) bool {
	switch e {
	case im.Subscribed:
		return own.Has(im.SubFrom) && peer.Has(im.SubPendingOut)
	case im.Unsubscribed:
		return !own.Has(im.SubFrom) && peer.Has(im.SubTo)
	}
	return false
}

// withdraws reports whether e takes something back. That is carried out across a
// block, in silence: else the two views would disagree on who may see whom.
func withdraws(e im.SubEvent) bool { return e == im.Unsubscribe || e == im.Unsubscribed }
