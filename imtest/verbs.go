package imtest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// verb is something that a client of a script can do.
type verb func(p *player, c *Client, args []string) error

var verbs = map[string]verb{
	"send":       send,
	"sync":       syncFrom,
	"history":    history,
	"read":       markRead,
	"typing":     signal(im.SignalTyping),
	"stopped":    signal(im.SignalStopped),
	"add":        addContact,
	"accept":     answer(true),
	"deny":       answer(false),
	"remove":     removeContact,
	"rename":     renameContact,
	"contacts":   contacts,
	"block":      block,
	"unblock":    unblock,
	"blocked":    blocked,
	"watch":      watch,
	"status":     status,
	"profile":    profile,
	"look":       look,
	"revoke":     revoke,
	"logout":     logout,
	"disconnect": func(_ *player, c *Client, _ []string) error { c.Disconnect(); return nil },
	"unread":     unread,
}

// act carries out a line "alice: VERB …". A line ending in "fails CODE" wants
// the request refused.
func (p *player) act(c *Client, name string, args []string) {
	p.t.Helper()
	if name == "receives" {
		p.receives(c, args)
		return
	}
	v := verbs[name]
	if v == nil {
		p.fail("nobody can %s", name)
	}
	want := ""
	if n := len(args); n >= 2 && args[n-2] == "fails" {
		want, args = args[n-1], args[:n-2]
	}
	err := v(p, c, args)
	switch {
	case want == "":
		p.check(err)
	case err == nil:
		p.fail("%s: %s was not refused; want %s", c.Name, name, want)
	case im.CodeOf(err).String() != want:
		p.fail("%s: %s was refused with %v; want %s", c.Name, name, err, want)
	}
}

// clientID makes the id of a message from the word id=… of a script, so that a
// script can repeat it.
func clientID(word string) im.ClientID {
	h := sha256.Sum256([]byte(word))
	return im.ClientID(h[:16])
}

// send bob "hi" [id=word]
func send(p *player, c *Client, args []string) error {
	id := clientID(c.Name + "\x00" + strings.Join(args, " ") + "\x00" + string(rune(p.line)))
	if len(args) == 3 {
		id = clientID(args[2])
	}
	return c.SendText(p.user(args[0]), id, p.text(args[1]))
}

// sync 0: the entries come as if they were pushed
func syncFrom(p *player, c *Client, args []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_Sync{Sync: &cxxpb.SyncCall{Cursor: uint64(p.number(args[0]))}}})
	if err != nil {
		return err
	}
	c.hearEntries(r.GetSync().GetEntries())
	return nil
}

func (c *Client) hearEntries(list []*cxxpb.Entry) {
	for _, e := range list {
		c.hear(c.renderEntry(e))
	}
}

// history bob
func history(p *player, c *Client, args []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_History{History: &cxxpb.HistoryCall{Peer: uint64(p.user(args[0]))}}})
	if err != nil {
		return err
	}
	c.hearEntries(r.GetHistory().GetEntries())
	return nil
}

// read bob $1
func markRead(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_MarkRead{MarkRead: &cxxpb.MarkReadCall{Peer: uint64(p.user(args[0])), UpTo: uint64(p.id(args[1]))}}})
	return err
}

// unread bob 2
func unread(p *player, c *Client, args []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_Conversations{Conversations: &cxxpb.ConversationsCall{}}})
	if err != nil {
		return err
	}
	for _, k := range r.GetConversations().GetConversations() {
		if k.Peer == uint64(p.user(args[0])) {
			if int(k.Unread) != p.number(args[1]) {
				p.fail("%s has %d unread from %s; want %s", c.Name, k.Unread, args[0], args[1])
			}
			return nil
		}
	}
	p.fail("%s has no conversation with %s", c.Name, args[0])
	return nil
}

// typing bob, typing in team
func signal(kind im.SignalKind) verb {
	return func(p *player, c *Client, args []string) error {
		sig := &cxxpb.Signal{Kind: uint32(kind)}
		if args[0] == "in" {
			sig.Group = uint64(p.user(args[1]))
		} else {
			sig.User = uint64(p.user(args[0]))
		}
		return c.conn.Send(cxxpb.FrameType_FRAME_SIGNAL, sig)
	}
}

// add bob ["please"]
func addContact(p *player, c *Client, args []string) error {
	call := &cxxpb.ContactAddCall{User: uint64(p.user(args[0]))}
	if len(args) > 1 {
		call.Note = p.text(args[1])
	}
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_ContactAdd{ContactAdd: call}})
	return err
}

// accept alice, deny alice
func answer(accept bool) verb {
	return func(p *player, c *Client, args []string) error {
		_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_ContactAnswer{ContactAnswer: &cxxpb.ContactAnswerCall{User: uint64(p.user(args[0])), Accept: accept}}})
		return err
	}
}

// remove bob
func removeContact(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_ContactRemove{ContactRemove: &cxxpb.ContactRemoveCall{User: uint64(p.user(args[0]))}}})
	return err
}

// rename bob "Bobby" ["Friends" …]
func renameContact(p *player, c *Client, args []string) error {
	call := &cxxpb.ContactUpdateCall{User: uint64(p.user(args[0])), Name: p.text(args[1])}
	for _, g := range args[2:] {
		call.Groups = append(call.Groups, p.text(g))
	}
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_ContactUpdate{ContactUpdate: call}})
	return err
}

// contacts: the list comes as events
func contacts(_ *player, c *Client, _ []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_Contacts{Contacts: &cxxpb.ContactsCall{}}})
	if err != nil {
		return err
	}
	for _, k := range r.GetContacts().GetContacts() {
		c.hear("listed " + c.renderContact(k))
	}
	return nil
}

// watch: asks for the presence of all contacts; it comes as events, now and later
func watch(_ *player, c *Client, _ []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_PresenceGet{PresenceGet: &cxxpb.PresenceGetCall{}}})
	if err != nil {
		return err
	}
	for _, u := range r.GetPresence().GetUsers() {
		c.hear(c.renderPresence(u))
	}
	return nil
}

// status away ["lunch"]
func status(p *player, c *Client, args []string) error {
	show, err := im.ParseShow(args[0])
	if err != nil {
		return err
	}
	call := &cxxpb.PresenceSetCall{Show: uint32(show)}
	if len(args) > 1 {
		call.Status = p.text(args[1])
	}
	_, err = c.Call(&cxxpb.Call{Op: &cxxpb.Call_PresenceSet{PresenceSet: call}})
	return err
}

// profile "Alice" [contacts|nobody|everyone]: the name, and who may learn when
// the user was last online
func profile(p *player, c *Client, args []string) error {
	call := &cxxpb.Profile{Name: p.text(args[0])}
	if len(args) > 1 {
		who := slices.Index([]string{"contacts", "nobody", "everyone"}, args[1])
		if who < 0 {
			p.fail("nobody is called %s here", args[1])
		}
		call.LastSeen = uint32(who)
	}
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_ProfileSet{ProfileSet: &cxxpb.ProfileSetCall{Profile: call}}})
	return err
}

// look bob: the profile comes as an event
func look(p *player, c *Client, args []string) error {
	r, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_Profiles{Profiles: &cxxpb.ProfilesCall{Users: []uint64{uint64(p.user(args[0]))}}}})
	if err != nil {
		return err
	}
	for _, f := range r.GetProfiles().GetProfiles() {
		c.hear(fmt.Sprintf("profile of %s %q", c.names.of(im.UserID(f.User)), f.Name))
	}
	return nil
}

// revoke alice/phone
func revoke(p *player, c *Client, args []string) error {
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_DeviceRevoke{DeviceRevoke: &cxxpb.DeviceRevokeCall{Device: uint64(p.device(args[0]))}}})
	return err
}

// logout: the end of the connection is the answer
func logout(_ *player, c *Client, _ []string) error {
	c.nextID++
	return c.conn.Send(cxxpb.FrameType_FRAME_CALL, &cxxpb.Call{Id: c.nextID, Op: &cxxpb.Call_Logout{Logout: &cxxpb.LogoutCall{}}})
}

// roundTrip makes a request whose answer comes after everything that the
// server had sent before.
func (p *player) roundTrip(c *Client) {
	p.t.Helper()
	_, err := c.Call(&cxxpb.Call{Op: &cxxpb.Call_Devices{Devices: &cxxpb.DevicesCall{}}})
	p.check(err)
}
