package tui

import (
	"time"

	"charm.land/bubbles/v2/textarea"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

// typingFor is how long a typing notice is shown, and how often one is sent.
const (
	typingFor   = 6 * time.Second
	typingEvery = 4 * time.Second
)

type screen uint8

const (
	screenChat screen = iota
	screenSwitch
	screenHelp
	screenDevices
	screenPassword
	screenMembers
)

// Model is the chat. Bubble Tea owns it.
type Model struct {
	back Backend
	now  func() time.Time
	me   im.UserID
	addr im.Addr

	width, height int
	focused       bool // the terminal window is, as far as we know
	input         textarea.Model

	book     *client.Book
	contacts map[im.UserID]im.Contact
	presence map[im.UserID]im.UserPresence
	typing   map[im.UserID]time.Time // until when
	chats    map[im.UserID]*chat
	sel      im.UserID
	marked   map[im.UserID]im.MsgID // the newest read mark that was sent; of a group its seq

	// Groups stand in chats, typing and sel under the ids of their logs.
	groups  *client.GroupBook
	typist  map[im.UserID]string       // who types in a group
	readTo  map[im.UserID]uint64       // how far somebody else has read a group
	members map[im.GroupID][]im.Member // as they were loaded last
	left    map[im.UserID]string       // titles of groups that the user is not in any more
	loading bool                       // a list is on its way

	online  bool
	server  string
	relaxed bool
	why     string    // why it is offline
	retryAt time.Time // when the client tries again
	ended   error

	notice    string
	noticeBad bool
	noticeAt  time.Time
	typedAt   time.Time // when the last typing notice was sent
	completeN int       // which completion is selected
	quitAsked bool

	screen  screen
	page    int // of the help
	query   textinput.Model
	pick    int // the selected line of the switcher
	devices []im.Device
	blocked []im.Addr // the block list, once /blocked has asked for it
	device  im.DeviceID
	secrets []textinput.Model
	secret  int
	pending tea.Cmd // what selectPeer and others want done after Update
}

// New returns the chat over a client. now is time.Now outside tests.
func New(b Backend, now func() time.Time) *Model {
	m := &Model{
		back: b, now: now, focused: true, book: client.NewBook(), width: 80, height: 24,
		contacts: make(map[im.UserID]im.Contact), presence: make(map[im.UserID]im.UserPresence),
		typing: make(map[im.UserID]time.Time), chats: make(map[im.UserID]*chat), marked: make(map[im.UserID]im.MsgID),
		groups: client.NewGroupBook(), typist: make(map[im.UserID]string), readTo: make(map[im.UserID]uint64),
		members: make(map[im.GroupID][]im.Member), left: make(map[im.UserID]string), input: newInput(), query: textinput.New(),
	}
	m.query.Prompt = "› "
	m.query.SetVirtualCursor(false)
	m.me, _, m.addr = b.Me()
	return m
}

func newInput() textarea.Model {
	t := textarea.New()
	t.Prompt = "› "
	t.ShowLineNumbers = false
	t.CharLimit = 60_000
	t.DynamicHeight = true
	t.MinHeight, t.MaxHeight = 1, 5
	t.SetHeight(1)
	t.SetVirtualCursor(false)
	t.SetStyles(inputStyles())
	t.KeyMap.InsertNewline.SetKeys("alt+enter", "ctrl+j", "shift+enter")
	t.KeyMap.DeleteAfterCursor.SetKeys() // ctrl+k is the switcher
	t.KeyMap.LineNext.SetKeys("down")
	t.KeyMap.LinePrevious.SetKeys("up")
	return t
}

// Init implements tea.Model.
func (m *Model) Init() tea.Cmd {
	for _, o := range m.back.Unsent() {
		c := m.chat(o.To)
		if o.Group != 0 {
			c = m.groupChat(o.Group)
		}
		c.pending = append(c.pending, outgoing{id: o.ClientID, text: o.Text})
	}
	return tea.Batch(m.input.Focus(), m.loadList(), tick())
}

// Update implements tea.Model.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.update(msg)
	m.markRead()
	cmd = tea.Batch(cmd, m.pending)
	m.pending = nil
	return m, cmd
}

// later adds a command to those that Update returns.
func (m *Model) later(cmd tea.Cmd) { m.pending = tea.Batch(m.pending, cmd) }

func (m *Model) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.input.SetWidth(m.rightWidth())
	case tea.FocusMsg:
		m.focused = true
	case tea.BlurMsg:
		m.focused = false
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		return m.paste(msg)
	case EventMsg:
		return m.event(msg.Event)
	case EndedMsg:
		m.ended, m.online, m.why = msg.Err, false, say(msg.Err)
		m.fail(say(msg.Err))
	case listMsg:
		m.gotList(msg)
	case historyMsg:
		m.gotHistory(msg)
	case membersMsg:
		m.gotMembers(msg)
	case sentMsg:
		m.gotSent(msg)
	case doneMsg:
		m.tell(msg.text, msg.err)
	case openMsg:
		if m.tell("", msg.err); msg.err == nil {
			if msg.group != 0 {
				m.groupChat(msg.group)
			}
			m.selectPeer(msg.peer)
			if msg.group != 0 && !m.inGroup(msg.group) {
				return m.loadList() // it is new
			}
		}
	case blockedMsg:
		m.showBlocked(msg)
	case devicesMsg:
		m.devices, m.device = msg.list, msg.current
		m.tell("", msg.err)
	case tickMsg:
		m.fade()
		return tick()
	}
	return nil
}

// fade takes away a notice that has been there long enough to be read.
func (m *Model) fade() {
	long := 8 * time.Second
	if m.noticeBad {
		long = 20 * time.Second
	}
	if m.now().Sub(m.noticeAt) > long {
		m.notice = ""
	}
}

// tell shows how something went.
func (m *Model) tell(text string, err error) {
	if err != nil {
		m.fail(say(err))
		return
	}
	if text != "" {
		m.notice, m.noticeBad, m.noticeAt = text, false, m.now()
	}
}

func (m *Model) fail(text string) { m.notice, m.noticeBad, m.noticeAt = text, true, m.now() }
