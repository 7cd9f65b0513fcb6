package acs

import (
	"context"
	"time"

	"github.com/cxx-im/cxx/im"
)

// A MUC role follows from more than the member: the settings of the group, and mutes that
// end by themselves. Occupants are told of that too (XEP-0045 section 5.1.2).

// revoiced tells of the occupants who may speak now and could not before, or the reverse.
// In a large group only they themselves learn it. It runs with mu held.
func (r *room) revoiced(before *im.Group, then time.Time, why im.GroupVerb) {
	now := r.srv.now()
	for _, o := range r.there {
		if (im.MaySpeak(before, &o.Member, then) == nil) == (im.MaySpeak(r.group, &o.Member, now) == nil) {
			continue
		}
		c := &im.OccupantChange{Group: r.group, Occupant: *o, Why: why}
		if len(r.members) <= r.srv.cfg.SmallGroup {
			r.tell(c)
			continue
		}
		for ss, sub := range r.subs {
			if sub.inside != nil && ss.user == o.User {
				ss.sink.PushOccupant(c)
			}
		}
	}
}

// maxMuteWait is how long a room waits for the end of a mute before it looks again.
const maxMuteWait = time.Hour

// awaitVoice waits for the end of a mute, when none that ends before it is waited for.
// It runs with mu held.
func (r *room) awaitVoice(until time.Time) {
	now := r.srv.now()
	if !until.After(now) || !until.Before(im.Forever) || !r.muteEnds.IsZero() && !until.Before(r.muteEnds) {
		return
	}
	r.muteEnds = until
	r.srv.after(min(until.Sub(now), maxMuteWait), func(context.Context) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.gone || r.muteEnds != until {
			return
		}
		r.muteEnds = time.Time{}
		if !r.srv.now().Before(until) {
			r.revoiced(r.group, until.Add(-time.Nanosecond), im.GroupVoice)
		}
		r.awaitVoices()
	})
}

// awaitVoices waits for the first mute of all to end. It runs with mu held.
func (r *room) awaitVoices() {
	r.awaitVoice(r.group.MutedUntil)
	for _, m := range r.members {
		r.awaitVoice(m.MutedUntil)
	}
}
