package client

import (
	"context"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// Contacts returns the contact list, requests that wait for an answer
// included.
func (c *Client) Contacts(ctx context.Context) ([]im.Contact, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_Contacts{Contacts: &cxxpb.ContactsCall{}}})
	if err != nil {
		return nil, err
	}
	list := fromPB(r.GetContacts().GetContacts(), proto.ContactFromPB)
	for _, x := range list {
		c.names.put(x.User, x.Addr)
	}
	return list, nil
}

// ContactAdd asks a user to become a contact, with a remark for the own list
// and a note for him. It accepts a request that he has made before.
func (c *Client) ContactAdd(ctx context.Context, peer im.UserID, name string, groups []string, note string) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_ContactAdd{ContactAdd: &cxxpb.ContactAddCall{
		User: uint64(peer), Name: name, Groups: groups, Note: note,
	}}})
}

// ContactAnswer answers a request.
func (c *Client) ContactAnswer(ctx context.Context, peer im.UserID, accept bool) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_ContactAnswer{ContactAnswer: &cxxpb.ContactAnswerCall{
		User: uint64(peer), Accept: accept,
	}}})
}

// ContactRemove takes a user off the list; neither sees the other's presence
// any more.
func (c *Client) ContactRemove(ctx context.Context, peer im.UserID) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_ContactRemove{ContactRemove: &cxxpb.ContactRemoveCall{User: uint64(peer)}}})
}

// ContactUpdate sets the remark and the groups of a contact.
func (c *Client) ContactUpdate(ctx context.Context, peer im.UserID, name string, groups []string) error {
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_ContactUpdate{ContactUpdate: &cxxpb.ContactUpdateCall{
		User: uint64(peer), Name: name, Groups: groups,
	}}})
}

// SetPresence says how available the user is on this device. The client says
// it again after every reconnect.
func (c *Client) SetPresence(ctx context.Context, show im.Show, status string) error {
	c.mu.Lock()
	c.presence = &im.Presence{Show: show, Status: status}
	c.mu.Unlock()
	return c.do(ctx, &cxxpb.Call{Op: &cxxpb.Call_PresenceSet{PresenceSet: &cxxpb.PresenceSetCall{
		Show: uint32(show), Status: status,
	}}})
}

// ContactPresence returns what may be seen of the contacts now. Who wants to
// hear of changes sets Options.WatchPresence.
func (c *Client) ContactPresence(ctx context.Context) ([]im.UserPresence, error) {
	r, err := c.call(ctx, &cxxpb.Call{Op: &cxxpb.Call_PresenceGet{PresenceGet: &cxxpb.PresenceGetCall{}}})
	if err != nil {
		return nil, err
	}
	return proto.Convert(r.GetPresence().GetUsers(), func(p **cxxpb.UserPresence) im.UserPresence {
		return proto.UserPresenceFromPB(*p)
	}), nil
}
