package edge

import (
	"context"
	"reflect"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/proto"
	"github.com/cxx-im/cxx/proto/cxxpb"
)

// operation is the handler of one kind of Call.
type operation func(ctx context.Context, c *conn, op any) (*cxxpb.Reply, error)

// operations is the dispatch table of Call, by the type in its oneof.
var operations = map[reflect.Type]operation{
	kind[*cxxpb.Call_Sync]():          wrap(func(p *cxxpb.Call_Sync) *cxxpb.SyncCall { return p.Sync }, callSync),
	kind[*cxxpb.Call_History]():       wrap(func(p *cxxpb.Call_History) *cxxpb.HistoryCall { return p.History }, callHistory),
	kind[*cxxpb.Call_Conversations](): wrap(func(p *cxxpb.Call_Conversations) *cxxpb.ConversationsCall { return p.Conversations }, callConversations),
	kind[*cxxpb.Call_MarkRead]():      wrap(func(p *cxxpb.Call_MarkRead) *cxxpb.MarkReadCall { return p.MarkRead }, callMarkRead),

	kind[*cxxpb.Call_Contacts]():      wrap(func(p *cxxpb.Call_Contacts) *cxxpb.ContactsCall { return p.Contacts }, callContacts),
	kind[*cxxpb.Call_ContactAdd]():    wrap(func(p *cxxpb.Call_ContactAdd) *cxxpb.ContactAddCall { return p.ContactAdd }, callContactAdd),
	kind[*cxxpb.Call_ContactAnswer](): wrap(func(p *cxxpb.Call_ContactAnswer) *cxxpb.ContactAnswerCall { return p.ContactAnswer }, callContactAnswer),
	kind[*cxxpb.Call_ContactRemove](): wrap(func(p *cxxpb.Call_ContactRemove) *cxxpb.ContactRemoveCall { return p.ContactRemove }, callContactRemove),
	kind[*cxxpb.Call_ContactUpdate](): wrap(func(p *cxxpb.Call_ContactUpdate) *cxxpb.ContactUpdateCall { return p.ContactUpdate }, callContactUpdate),

	kind[*cxxpb.Call_PresenceSet](): wrap(func(p *cxxpb.Call_PresenceSet) *cxxpb.PresenceSetCall { return p.PresenceSet }, callPresenceSet),
	kind[*cxxpb.Call_PresenceGet](): wrap(func(p *cxxpb.Call_PresenceGet) *cxxpb.PresenceGetCall { return p.PresenceGet }, callPresenceGet),

	kind[*cxxpb.Call_Devices]():      wrap(func(p *cxxpb.Call_Devices) *cxxpb.DevicesCall { return p.Devices }, callDevices),
	kind[*cxxpb.Call_DeviceRevoke](): wrap(func(p *cxxpb.Call_DeviceRevoke) *cxxpb.DeviceRevokeCall { return p.DeviceRevoke }, callDeviceRevoke),
	kind[*cxxpb.Call_Password]():     wrap(func(p *cxxpb.Call_Password) *cxxpb.PasswordCall { return p.Password }, callPassword),
	kind[*cxxpb.Call_Logout]():       wrap(func(p *cxxpb.Call_Logout) *cxxpb.LogoutCall { return p.Logout }, callLogout),

	kind[*cxxpb.Call_ProfileSet](): wrap(func(p *cxxpb.Call_ProfileSet) *cxxpb.ProfileSetCall { return p.ProfileSet }, callProfileSet),
	kind[*cxxpb.Call_Profiles]():   wrap(func(p *cxxpb.Call_Profiles) *cxxpb.ProfilesCall { return p.Profiles }, callProfiles),
	kind[*cxxpb.Call_Resolve]():    wrap(func(p *cxxpb.Call_Resolve) *cxxpb.ResolveCall { return p.Resolve }, callResolve),

	kind[*cxxpb.Call_BlockList](): wrap(func(p *cxxpb.Call_BlockList) *cxxpb.BlockListCall { return p.BlockList }, callBlockList),
	kind[*cxxpb.Call_Block]():     wrap(func(p *cxxpb.Call_Block) *cxxpb.BlockCall { return p.Block }, callBlock),
	kind[*cxxpb.Call_Unblock]():   wrap(func(p *cxxpb.Call_Unblock) *cxxpb.UnblockCall { return p.Unblock }, callUnblock),

	kind[*cxxpb.Call_Groups]():         wrap(func(p *cxxpb.Call_Groups) *cxxpb.GroupsCall { return p.Groups }, callGroups),
	kind[*cxxpb.Call_GroupGet]():       wrap(func(p *cxxpb.Call_GroupGet) *cxxpb.GroupGetCall { return p.GroupGet }, callGroupGet),
	kind[*cxxpb.Call_GroupCreate]():    wrap(func(p *cxxpb.Call_GroupCreate) *cxxpb.GroupCreateCall { return p.GroupCreate }, callGroupCreate),
	kind[*cxxpb.Call_GroupEdit]():      wrap(func(p *cxxpb.Call_GroupEdit) *cxxpb.GroupEditCall { return p.GroupEdit }, callGroupEdit),
	kind[*cxxpb.Call_GroupAct]():       wrap(func(p *cxxpb.Call_GroupAct) *cxxpb.GroupActCall { return p.GroupAct }, callGroupAct),
	kind[*cxxpb.Call_GroupJoin]():      wrap(func(p *cxxpb.Call_GroupJoin) *cxxpb.GroupJoinCall { return p.GroupJoin }, callGroupJoin),
	kind[*cxxpb.Call_GroupLeave]():     wrap(func(p *cxxpb.Call_GroupLeave) *cxxpb.GroupLeaveCall { return p.GroupLeave }, callGroupLeave),
	kind[*cxxpb.Call_GroupDissolve]():  wrap(func(p *cxxpb.Call_GroupDissolve) *cxxpb.GroupDissolveCall { return p.GroupDissolve }, callGroupDissolve),
	kind[*cxxpb.Call_GroupMembers]():   wrap(func(p *cxxpb.Call_GroupMembers) *cxxpb.GroupMembersCall { return p.GroupMembers }, callGroupMembers),
	kind[*cxxpb.Call_GroupSync]():      wrap(func(p *cxxpb.Call_GroupSync) *cxxpb.GroupSyncCall { return p.GroupSync }, callGroupSync),
	kind[*cxxpb.Call_GroupHistory]():   wrap(func(p *cxxpb.Call_GroupHistory) *cxxpb.GroupHistoryCall { return p.GroupHistory }, callGroupHistory),
	kind[*cxxpb.Call_GroupRead]():      wrap(func(p *cxxpb.Call_GroupRead) *cxxpb.GroupReadCall { return p.GroupRead }, callGroupRead),
	kind[*cxxpb.Call_GroupReaders]():   wrap(func(p *cxxpb.Call_GroupReaders) *cxxpb.GroupReadersCall { return p.GroupReaders }, callGroupReaders),
	kind[*cxxpb.Call_GroupRetract]():   wrap(func(p *cxxpb.Call_GroupRetract) *cxxpb.GroupRetractCall { return p.GroupRetract }, callGroupRetract),
	kind[*cxxpb.Call_GroupNick]():      wrap(func(p *cxxpb.Call_GroupNick) *cxxpb.GroupNickCall { return p.GroupNick }, callGroupNick),
	kind[*cxxpb.Call_GroupBook]():      wrap(func(p *cxxpb.Call_GroupBook) *cxxpb.GroupBookCall { return p.GroupBook }, callGroupBook),
	kind[*cxxpb.Call_GroupAvatar]():    wrap(func(p *cxxpb.Call_GroupAvatar) *cxxpb.GroupAvatarCall { return p.GroupAvatar }, callGroupAvatar),
	kind[*cxxpb.Call_GroupSetAvatar](): wrap(func(p *cxxpb.Call_GroupSetAvatar) *cxxpb.GroupSetAvatarCall { return p.GroupSetAvatar }, callGroupSetAvatar),
	kind[*cxxpb.Call_GroupDirectory](): wrap(func(p *cxxpb.Call_GroupDirectory) *cxxpb.GroupDirectoryCall { return p.GroupDirectory }, callGroupDirectory),
	kind[*cxxpb.Call_GroupDecline]():   wrap(func(p *cxxpb.Call_GroupDecline) *cxxpb.GroupDeclineCall { return p.GroupDecline }, callGroupDecline),
}

func kind[T any]() reflect.Type { return reflect.TypeFor[T]() }

func wrap[P, T any](open func(P) T, f func(context.Context, *conn, T) (*cxxpb.Reply, error)) operation {
	return func(ctx context.Context, c *conn, op any) (*cxxpb.Reply, error) { return f(ctx, c, open(op.(P))) }
}

// call is the handler of Call: one table further by what is asked.
func call(ctx context.Context, c *conn, body []byte) (reply, error) {
	var m cxxpb.Call
	if err := proto.Unmarshal(body, &m); err != nil {
		return reply{}, err
	}
	if m.Id == 0 {
		return reply{}, proto.NoID()
	}
	f := operations[reflect.TypeOf(m.Op)]
	if f == nil {
		return reply{}, failed(m.Id, im.Errorf(im.CodeUnsupported, "this server does not know the request"))
	}
	r, err := f(ctx, c, m.Op)
	if err != nil {
		return reply{}, failed(m.Id, err)
	}
	r.Id = m.Id
	return reply{cxxpb.FrameType_FRAME_REPLY, r}, nil
}

// done is the reply of a call that has no result of its own.
func done(err error) (*cxxpb.Reply, error) {
	if err != nil {
		return nil, err
	}
	return &cxxpb.Reply{Result: &cxxpb.Reply_Done{Done: &cxxpb.Done{}}}, nil
}
