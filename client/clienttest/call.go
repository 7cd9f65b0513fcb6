package clienttest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

const page = 50

func (c *Conn) send(m *cxxpb.Send) {
	if c.x.Fail != nil {
		if e := c.x.Fail(im.UserID(m.To), m.Text); e != nil {
			c.Refuse(m.Id, e)
			return
		}
	}
	out := im.Outgoing{
		To: im.UserID(m.To), Group: im.GroupID(m.Group), Mentions: proto.UserIDs(m.Mentions), All: m.All, Text: m.Text, Ext: m.Ext,
	}
	copy(out.ClientID[:], m.ClientId)
	commit := c.x.commit
	if out.Group != 0 {
		commit = c.x.commitPost
	}
	ack, e := commit(c.user, out, c)
	if e != nil {
		c.Refuse(m.Id, e)
		return
	}
	c.write(cxxpb.FrameType_FRAME_SEND_ACK, &cxxpb.SendAck{Id: m.Id, MsgId: uint64(ack.MsgID), Seq: ack.Seq, Duplicate: ack.Duplicate})
}

func (c *Conn) call(m *cxxpb.Call) {
	r, e := c.answer(m)
	if e != nil {
		c.Refuse(m.Id, e)
		return
	}
	if r.Result == nil {
		r.Result = &cxxpb.Reply_Done{Done: &cxxpb.Done{}}
	}
	r.Id = m.Id
	c.write(cxxpb.FrameType_FRAME_REPLY, r)
}

func (c *Conn) answer(m *cxxpb.Call) (*cxxpb.Reply, *im.Error) {
	r, u := &cxxpb.Reply{}, c.user
	switch op := m.Op.(type) {
	case *cxxpb.Call_Sync:
		if op.Sync.Cursor > uint64(len(u.inbox)) {
			return nil, im.Errorf(im.CodeRegressed, "the cursor is ahead of the inbox")
		}
		some := u.inbox[op.Sync.Cursor:]
		r.Result = &cxxpb.Reply_Sync{Sync: &cxxpb.SyncResult{
			Entries: proto.EntriesToPB(some[:min(len(some), page)], u.id), Head: uint64(len(u.inbox)),
		}}
	case *cxxpb.Call_History:
		r.Result = &cxxpb.Reply_History{History: c.history(op.History)}
	case *cxxpb.Call_Conversations:
		r.Result = &cxxpb.Reply_Conversations{Conversations: c.conversations()}
	case *cxxpb.Call_MarkRead:
		c.markRead(op.MarkRead)
	case *cxxpb.Call_Contacts:
		list := slices.SortedFunc(maps.Values(u.contacts), func(a, b *im.Contact) int { return cmp.Compare(a.User, b.User) })
		r.Result = &cxxpb.Reply_Contacts{Contacts: &cxxpb.ContactsResult{
			Contacts: proto.Convert(list, func(p **im.Contact) *cxxpb.Contact { return proto.ContactToPB(*p) }),
		}}
	case *cxxpb.Call_ContactAdd:
		return r, c.contactAdd(op.ContactAdd)
	case *cxxpb.Call_ContactAnswer:
		return r, c.contactAnswer(op.ContactAnswer)
	case *cxxpb.Call_ContactRemove:
		c.setContact(u, im.UserID(op.ContactRemove.User), func(k *im.Contact) { k.Sub, k.Listed = 0, false })
	case *cxxpb.Call_ContactUpdate:
		c.setContact(u, im.UserID(op.ContactUpdate.User), func(k *im.Contact) { k.Name, k.Groups = op.ContactUpdate.Name, op.ContactUpdate.Groups })
	case *cxxpb.Call_BlockList:
		r.Result = &cxxpb.Reply_BlockList{BlockList: &cxxpb.BlockListResult{Addrs: proto.AddrsToPB(u.blocked)}}
	case *cxxpb.Call_Block:
		return r, c.block(op.Block.Addrs)
	case *cxxpb.Call_Unblock:
		c.unblock(op.Unblock.Addrs)
	case *cxxpb.Call_PresenceGet:
		r.Result = &cxxpb.Reply_Presence{Presence: c.presence()}
	case *cxxpb.Call_Devices:
		list := &cxxpb.DevicesResult{}
		for _, d := range u.devices {
			p := proto.DeviceToPB(&d.Device)
			p.Current = d == c.device
			list.Devices = append(list.Devices, p)
		}
		r.Result = &cxxpb.Reply_Devices{Devices: list}
	case *cxxpb.Call_DeviceRevoke:
		d := u.devices[im.DeviceID(op.DeviceRevoke.Device)]
		if d == nil {
			return nil, im.Errorf(im.CodeNotFound, "there is no such device")
		}
		d.Revoked = true
		for _, o := range c.x.sessions(u.id) {
			if o.device == d {
				o.End(im.Errorf(im.CodeRevoked, "this device was logged out"))
			}
		}
	case *cxxpb.Call_Logout:
		c.device.token = ""
	case *cxxpb.Call_Profiles:
		list := &cxxpb.ProfilesResult{}
		for _, id := range op.Profiles.Users {
			if o := c.x.users[im.UserID(id)]; o != nil {
				list.Profiles = append(list.Profiles, &cxxpb.Profile{User: id, Addr: o.addr.String()})
			}
		}
		r.Result = &cxxpb.Reply_Profiles{Profiles: list}
	case *cxxpb.Call_Resolve:
		for _, o := range c.x.users {
			if o.addr.String() == op.Resolve.Addr {
				r.Result = &cxxpb.Reply_Resolve{Resolve: &cxxpb.ResolveResult{User: uint64(o.id)}}
				return r, nil
			}
		}
		return nil, im.Errorf(im.CodeNotFound, "there is no user %s", op.Resolve.Addr)
	default:
		return c.groupCall(m)
	}
	return r, nil
}

func (c *Conn) history(q *cxxpb.HistoryCall) *cxxpb.HistoryResult {
	var all []im.Entry
	for _, e := range c.user.inbox {
		if e.Kind == im.KindMessage && e.Peer == im.UserID(q.Peer) && (q.Before == 0 || e.Seq < q.Before) && e.Seq > q.After {
			all = append(all, e)
		}
	}
	limit, more := int(q.Limit), false
	if limit == 0 || limit > page {
		limit = page
	}
	if more = len(all) > limit; more && q.After > 0 && q.Before == 0 {
		all = all[:limit]
	} else if more {
		all = all[len(all)-limit:]
	}
	return &cxxpb.HistoryResult{Entries: proto.EntriesToPB(all, c.user.id), More: more}
}

func (c *Conn) conversations() *cxxpb.ConversationsResult {
	byPeer := make(map[im.UserID]*im.Conversation)
	for _, e := range c.user.inbox {
		if e.Kind != im.KindMessage {
			continue
		}
		v := byPeer[e.Peer]
		if v == nil {
			v = &im.Conversation{Peer: e.Peer, ReadTo: c.user.read[e.Peer], PeerTo: c.x.users[e.Peer].read[c.user.id]}
			byPeer[e.Peer] = v
		}
		if v.Last = e; e.From != c.user.id && e.MsgID > v.ReadTo {
			v.Unread++
		}
	}
	list := &cxxpb.ConversationsResult{}
	for _, v := range byPeer {
		list.Conversations = append(list.Conversations, proto.ConversationToPB(v, c.user.id))
	}
	return list
}

func (c *Conn) markRead(m *cxxpb.MarkReadCall) {
	peer := c.x.users[im.UserID(m.Peer)]
	if peer == nil || im.MsgID(m.UpTo) <= c.user.read[peer.id] {
		return
	}
	c.user.read[peer.id] = im.MsgID(m.UpTo)
	e := im.Entry{Kind: im.KindRead, From: c.user.id, Peer: peer.id, UpTo: im.MsgID(m.UpTo)}
	c.x.log(c.user, e, nil)
	e.Peer = c.user.id
	c.x.log(peer, e, nil)
}

func (c *Conn) setContact(owner *user, peer im.UserID, change func(*im.Contact)) {
	k := owner.contacts[peer]
	if k == nil {
		k = &im.Contact{User: peer, Addr: c.x.users[peer].addr}
		owner.contacts[peer] = k
	}
	change(k)
	copied := *k
	if !k.Listed && k.Sub == 0 {
		delete(owner.contacts, peer)
	}
	c.x.log(owner, im.Entry{Kind: im.KindContact, From: c.user.id, Peer: peer, Contact: &copied}, nil)
}

func (c *Conn) contactAdd(m *cxxpb.ContactAddCall) *im.Error {
	peer := c.x.users[im.UserID(m.User)]
	if peer == nil {
		return im.Errorf(im.CodeNotFound, "there is no such user")
	}
	if k := c.user.contacts[peer.id]; k != nil && k.Sub.Has(im.SubPendingIn) {
		return c.contactAnswer(&cxxpb.ContactAnswerCall{User: m.User, Accept: true})
	}
	c.setContact(c.user, peer.id, func(k *im.Contact) { k.Listed, k.Name, k.Sub = true, m.Name, k.Sub|im.SubPendingOut })
	c.setContact(peer, c.user.id, func(k *im.Contact) { k.Note, k.Sub = m.Note, k.Sub|im.SubPendingIn })
	return nil
}

func (c *Conn) contactAnswer(m *cxxpb.ContactAnswerCall) *im.Error {
	peer := c.x.users[im.UserID(m.User)]
	if peer == nil || c.user.contacts[peer.id] == nil || !c.user.contacts[peer.id].Sub.Has(im.SubPendingIn) {
		return im.Errorf(im.CodeNotFound, "there is no such request")
	}
	sub := im.SubNone
	if m.Accept {
		sub = im.SubBoth
	}
	c.setContact(c.user, peer.id, func(k *im.Contact) { k.Sub, k.Listed = sub, m.Accept })
	c.setContact(peer, c.user.id, func(k *im.Contact) { k.Sub = sub })
	return nil
}

func (c *Conn) block(addrs []string) *im.Error {
	list, err := proto.AddrsFromPB(addrs)
	if err != nil {
		return im.Errorf(im.CodeInvalid, "%v", err)
	}
	c.user.blocked = append(c.user.blocked, list...)
	c.x.log(c.user, im.Entry{Kind: im.KindBlock, From: c.user.id, Peer: c.user.id, Block: &im.Block{Blocked: list}}, nil)
	return nil
}

func (c *Conn) unblock(addrs []string) {
	what := &im.Block{Cleared: len(addrs) == 0}
	c.user.blocked = slices.DeleteFunc(c.user.blocked, func(a im.Addr) bool {
		gone := what.Cleared || slices.Contains(addrs, a.String())
		if gone {
			what.Unblocked = append(what.Unblocked, a)
		}
		return gone
	})
	c.x.log(c.user, im.Entry{Kind: im.KindBlock, From: c.user.id, Peer: c.user.id, Block: what}, nil)
}

func (c *Conn) presence() *cxxpb.Presence {
	p := &cxxpb.Presence{}
	for id, k := range c.user.contacts {
		if k.Sub.Has(im.SubTo) && len(c.x.sessions(id)) > 0 {
			p.Users = append(p.Users, &cxxpb.UserPresence{User: uint64(id), Show: uint32(im.ShowOnline)})
		}
	}
	return p
}
