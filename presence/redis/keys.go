package redis

import (
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
)

// What lies in Redis, all names behind the prefix of the cell:
//
//	node:<id>            hash  epoch, info (im.Node as JSON); expires with the lease
//	incarnations         set   "<id>:<epoch>" of all incarnations not swept yet
//	user:<user>          hash  "<id>:<epoch>:<session>" → session as JSON
//	owned:<id>:<epoch>   set   "<user>:<session>" of one incarnation, for sweeping
//	sweep                the lock of Sweep
//	bell:<id>            channel of a node's doorbells
//
// A session is valid while node:<id> exists and has its epoch, so a heartbeat
// is one write per node, whatever the number of sessions. The expiry of user
// and owned keys is a net for what nobody sweeps.

// incarnation is one run of a node.
type incarnation struct {
	id    im.NodeID
	epoch uint64
}

func (i incarnation) String() string {
	return strconv.FormatUint(uint64(i.id), 10) + ":" + strconv.FormatUint(i.epoch, 10)
}

func parseIncarnation(s string) (incarnation, bool) {
	id, epoch, ok := strings.Cut(s, ":")
	if !ok {
		return incarnation{}, false
	}
	n, err1 := strconv.ParseUint(id, 10, 16)
	e, err2 := strconv.ParseUint(epoch, 10, 64)
	return incarnation{id: im.NodeID(n), epoch: e}, err1 == nil && err2 == nil
}

func owner(k im.SessionKey) incarnation { return incarnation{id: k.Node, epoch: k.NodeEpoch} }

func (r *Registry) nodePrefix() string { return r.cfg.Prefix + "node:" }
func (r *Registry) userPrefix() string { return r.cfg.Prefix + "user:" }
func (r *Registry) incsKey() string    { return r.cfg.Prefix + "incarnations" }
func (r *Registry) sweepKey() string   { return r.cfg.Prefix + "sweep" }
func (r *Registry) nodeKey(id im.NodeID) string {
	return r.nodePrefix() + strconv.FormatUint(uint64(id), 10)
}
func (r *Registry) userKey(u im.UserID) string    { return r.userPrefix() + u.String() }
func (r *Registry) ownedKey(i incarnation) string { return r.cfg.Prefix + "owned:" + i.String() }
func (r *Registry) bellChannel(id im.NodeID) string {
	return r.cfg.Prefix + "bell:" + strconv.FormatUint(uint64(id), 10)
}

// field is the name of a session in its user's hash.
func field(k im.SessionKey) string {
	return owner(k).String() + ":" + strconv.FormatUint(uint64(k.Session), 10)
}

// member is the name of a session in the set of its incarnation.
func member(k im.SessionKey) string {
	return k.User.String() + ":" + strconv.FormatUint(uint64(k.Session), 10)
}

func parseField(u im.UserID, s string) (im.SessionKey, bool) {
	cut := strings.LastIndexByte(s, ':')
	if cut < 0 {
		return im.SessionKey{}, false
	}
	inc, ok := parseIncarnation(s[:cut])
	session, err := strconv.ParseUint(s[cut+1:], 10, 64)
	if !ok || err != nil {
		return im.SessionKey{}, false
	}
	return im.SessionKey{User: u, Node: inc.id, NodeEpoch: inc.epoch, Session: im.SessionID(session)}, true
}
