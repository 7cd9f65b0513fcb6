package edge

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cxx-im/cxx/im"
)

// core is a small IM server in memory: enough of the interfaces of im to talk
// to. Fields that tests set are set before the first connection.
type core struct {
	mu       sync.Mutex
	users    map[string]im.UserID     // guarded by mu: by localpart
	inboxes  map[im.UserID][]im.Entry // guarded by mu
	sessions map[im.UserID][]*fakeSession
	clock    *im.Clock
	next     uint64
	closed   chan *fakeSession // a session was closed
	groups   fakeGroups

	onSend func(s *fakeSession, m im.Outgoing, done func(im.Ack, error)) bool
	onSync func(ctx context.Context, s *fakeSession)
	onOpen func(o im.Opening)
}

func newCore() *core {
	return &core{
		users: map[string]im.UserID{}, inboxes: map[im.UserID][]im.Entry{}, sessions: map[im.UserID][]*fakeSession{},
		clock: im.NewClock(1, time.Now), closed: make(chan *fakeSession, 100_000),
	}
}

// user returns the id of a localpart, making it.
func (k *core) user(name string) im.UserID {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.userLocked(name)
}

func (k *core) userLocked(name string) im.UserID {
	u, ok := k.users[name]
	if !ok {
		k.next++
		u = im.MakeUserID(im.SlotOf("localhost", name), k.next)
		k.users[name] = u
	}
	return u
}

func (k *core) of(u im.UserID) []*fakeSession {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.sessions[u])
}

func (k *core) Open(_ context.Context, o im.Opening) (im.Session, im.Head, error) {
	s := &fakeSession{core: k, opening: o}
	if k.onOpen != nil {
		k.onOpen(o)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next++
	s.id = im.SessionID(k.next)
	k.sessions[o.Account.ID] = append(k.sessions[o.Account.ID], s)
	return s, im.Head{User: o.Account.ID, Seq: uint64(len(k.inboxes[o.Account.ID]))}, nil
}

// append logs an entry and pushes it.
func (k *core) append(u im.UserID, e im.Entry) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	e.Seq = uint64(len(k.inboxes[u]) + 1)
	k.inboxes[u] = append(k.inboxes[u], e)
	for _, s := range k.sessions[u] {
		if !s.behind {
			s.behind = !s.opening.Sink.Push(&e)
		}
	}
	return e.Seq
}

// fakeSession leaves to the interface what only the XMPP edge calls.
type fakeSession struct {
	im.Session
	core    *core
	id      im.SessionID
	opening im.Opening
	behind  bool // guarded by core.mu
	once    sync.Once

	mu      sync.Mutex
	cursor  uint64 // guarded by mu
	markExt []byte
	blocks  []im.Addr
	pres    im.Presence
	profile im.Profile
}

func (s *fakeSession) ID() im.SessionID { return s.id }
func (s *fakeSession) User() im.UserID  { return s.opening.Account.ID }
func (s *fakeSession) Addr() im.Addr {
	a := s.opening.Account.Addr
	a.Resource = s.opening.Device.Resource
	return a
}

func (s *fakeSession) Close() {
	s.once.Do(func() {
		k := s.core
		k.mu.Lock()
		list := k.sessions[s.User()]
		k.sessions[s.User()] = slices.DeleteFunc(list, func(x *fakeSession) bool { return x == s })
		k.mu.Unlock()
		select {
		case k.closed <- s:
		default:
		}
	})
}

func (s *fakeSession) Send(m im.Outgoing, done func(im.Ack, error)) {
	if s.core.onSend != nil && s.core.onSend(s, m, done) {
		return
	}
	s.deliver(m, done)
}

func (s *fakeSession) deliver(m im.Outgoing, done func(im.Ack, error)) {
	if m.To == 0 {
		done(im.Ack{}, im.Errorf(im.CodeNotFound, "there is no such user"))
		return
	}
	e := im.Entry{MsgID: s.core.clock.Next(), Kind: im.KindMessage, From: s.User(), Text: m.Text, Ext: m.Ext, ClientID: m.ClientID}
	e.Peer = s.User()
	s.core.append(m.To, e)
	done(im.Ack{MsgID: e.MsgID, Seq: 1}, nil)
}

func (s *fakeSession) Sync(ctx context.Context, cursor uint64, limit int) (im.SyncPage, error) {
	if s.core.onSync != nil {
		s.core.onSync(ctx, s)
	}
	if err := ctx.Err(); err != nil {
		return im.SyncPage{}, err
	}
	if limit == 0 {
		limit = 200
	}
	s.core.mu.Lock()
	defer s.core.mu.Unlock()
	s.behind = false
	all := s.core.inboxes[s.User()]
	page := im.SyncPage{Head: uint64(len(all))}
	if cursor < uint64(len(all)) {
		page.Entries = slices.Clone(all[cursor:min(len(all), int(cursor)+limit)])
	}
	return page, nil
}

func (s *fakeSession) Acknowledge(cursor uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = max(s.cursor, cursor)
}

func (s *fakeSession) History(ctx context.Context, q im.HistoryQuery) (im.HistoryPage, error) {
	page, err := s.Sync(ctx, 0, 0)
	return im.HistoryPage{Entries: page.Entries}, err
}

func (s *fakeSession) Conversations(ctx context.Context, limit int) ([]im.Conversation, error) {
	page, err := s.Sync(ctx, 0, 0)
	if err != nil || len(page.Entries) == 0 {
		return nil, err
	}
	return []im.Conversation{{Peer: page.Entries[0].From, Last: page.Entries[len(page.Entries)-1], Unread: len(page.Entries)}}, nil
}

func (s *fakeSession) MarkRead(_ context.Context, _ im.UserID, _ im.MsgID, ext []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.markExt = ext
	return nil
}

func (s *fakeSession) MarkReadPrivately(context.Context, im.UserID, im.MsgID) error { return nil }

func (s *fakeSession) Signal(sig im.Signal) bool {
	sig.From = s.User()
	if sig.Group != 0 {
		_ = s.groups().ask("signal %d kind %d", uint64(sig.Group), sig.Kind)
	}
	for _, other := range s.core.of(sig.To) {
		other.opening.Sink.PushSignal(sig)
	}
	return true
}

func (s *fakeSession) BlockList(context.Context) ([]im.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.blocks), nil
}

func (s *fakeSession) Block(_ context.Context, addrs []im.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocks = append(s.blocks, addrs...)
	return nil
}

func (s *fakeSession) Unblock(_ context.Context, addrs []im.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocks = slices.DeleteFunc(s.blocks, func(a im.Addr) bool { return len(addrs) == 0 || slices.Contains(addrs, a) })
	return nil
}

func (s *fakeSession) ContactList(context.Context) ([]im.Contact, error) {
	s.core.mu.Lock()
	defer s.core.mu.Unlock()
	var list []im.Contact
	for name, u := range s.core.users {
		list = append(list, im.Contact{User: u, Addr: im.Addr{Local: name, Domain: "localhost"}, Sub: im.SubBoth, Listed: true})
	}
	return list, nil
}

func (s *fakeSession) ContactAdd(context.Context, im.UserID, string, []string, string) error {
	return nil
}
func (s *fakeSession) ContactAnswer(context.Context, im.UserID, bool) error { return nil }
func (s *fakeSession) ContactRemove(context.Context, im.UserID) error       { return nil }
func (s *fakeSession) ContactUpdate(_ context.Context, _ im.UserID, name string, _ []string) error {
	if name == "panic" {
		panic("as the test wants it")
	}
	return nil
}

func (s *fakeSession) SetPresence(_ context.Context, p im.Presence) error {
	s.mu.Lock()
	s.pres = p
	s.mu.Unlock()
	return nil
}

func (s *fakeSession) ContactPresence(context.Context) ([]im.UserPresence, error) {
	return []im.UserPresence{{User: s.User(), Show: im.ShowAway, Status: "lunch"}}, nil
}

func (s *fakeSession) DeviceList(context.Context) ([]im.Device, error) {
	return []im.Device{s.opening.Device, {ID: 77, Resource: "other"}}, nil
}
func (s *fakeSession) DeviceRevoke(context.Context, im.DeviceID) error { return nil }
func (s *fakeSession) PasswordChange(_ context.Context, old, _ string, _ bool) error {
	if old != "secret" {
		return im.Errorf(im.CodeBadCredentials, "the old password is wrong")
	}
	return nil
}

func (s *fakeSession) Logout(context.Context) error {
	s.Close()
	s.opening.Sink.Close(im.Errorf(im.CodeLoggedOut, "logged out"))
	return nil
}

func (s *fakeSession) ProfileSet(_ context.Context, p im.Profile) error {
	s.mu.Lock()
	s.profile = p
	s.mu.Unlock()
	return nil
}

func (s *fakeSession) ProfileGet(_ context.Context, users []im.UserID) ([]im.Profile, error) {
	var list []im.Profile
	for _, u := range users {
		list = append(list, im.Profile{User: u, Name: "N"})
	}
	return list, nil
}

func (s *fakeSession) Resolve(_ context.Context, a im.Addr) (im.UserID, error) {
	s.core.mu.Lock()
	defer s.core.mu.Unlock()
	if u, ok := s.core.users[a.Local]; ok {
		return u, nil
	}
	return 0, im.Errorf(im.CodeNotFound, "there is no user %s", a)
}

// fakeLogins lets in whoever knows the token "good"; its SCRAM is a question
// and an answer. The channel binding of the last StartSCRAM is kept.
type fakeLogins struct {
	im.Logins
	core *core
	mu   sync.Mutex
	cb   im.ChannelBinding
}

func (l *fakeLogins) Mechanisms(cb im.ChannelBinding) []string {
	if cb.Exporter != nil {
		return []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}
	}
	return []string{"SCRAM-SHA-256"}
}

func (l *fakeLogins) StartSCRAM(mechanism, domain string, cb im.ChannelBinding, _ netip.Addr) (im.SCRAM, error) {
	l.mu.Lock()
	l.cb = cb
	l.mu.Unlock()
	if !slices.Contains(l.Mechanisms(cb), mechanism) {
		return nil, im.Errorf(im.CodeMechanism, "%q is not offered", mechanism)
	}
	return &fakeSCRAM{core: l.core}, nil
}

type fakeSCRAM struct {
	core *core
	name string
}

func (f *fakeSCRAM) Step(_ context.Context, data []byte) ([]byte, bool, error) {
	if f.name == "" {
		f.name = string(data)
		return []byte("challenge"), false, nil
	}
	if !bytes.Equal(data, []byte("proof")) {
		return nil, false, im.Errorf(im.CodeBadCredentials, "name or password is wrong")
	}
	return []byte("signature"), true, nil
}

func (f *fakeSCRAM) Account() im.Account { return f.core.account(f.name) }

func (k *core) account(name string) im.Account {
	return im.Account{ID: k.user(name), Addr: im.Addr{Local: name, Domain: "localhost"}}
}

func (l *fakeLogins) Token(_ context.Context, u im.UserID, token string, d im.LoginDevice) (im.Account, im.Device, string, error) {
	if token != "good" {
		return im.Account{}, im.Device{}, "", im.Errorf(im.CodeTokenInvalid, "the token is not valid")
	}
	return im.Account{ID: u, Addr: im.Addr{Local: "u", Domain: "localhost"}}, deviceOf(d), "good", nil
}

func deviceOf(d im.LoginDevice) im.Device {
	return im.Device{ID: 5, Resource: "dev", Name: d.Name, ClientName: d.ClientName}
}

func (l *fakeLogins) JWT(_ context.Context, jwt string, d im.LoginDevice) (im.Account, im.Device, string, error) {
	return l.core.account(jwt), deviceOf(d), "good", nil
}

func (l *fakeLogins) Enroll(_ context.Context, _ im.Account, d im.LoginDevice) (im.Device, string, error) {
	return deviceOf(d), "good", nil
}

func (l *fakeLogins) Register(_ context.Context, a im.Addr, password, _ string, _ netip.Addr) (im.UserID, error) {
	if len(password) < 8 {
		return 0, im.Errorf(im.CodePasswordWeak, "the password is too short")
	}
	return l.core.user(a.Local), nil
}
