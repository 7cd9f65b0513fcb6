package imtest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
)

// Play runs a conversation script. A script says who connects to which node,
// what each does and what each receives; docs/TESTING.md lists the verbs. What
// a client receives and the script does not mention is an error, presence
// excepted.
func Play(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t, file: file, vars: make(map[string]string), clients: make(map[string]*Client), xmpp: make(map[string]*XMPP), names: newNames(), nodes: 1, zones: 1}
	p.passwords = strings.Contains(string(text), "xmpp@")
	for i, line := range logical(string(text)) {
		p.line = i + 1
		if words := split(line); len(words) > 0 {
			p.do(words, strings.TrimSpace(line))
		}
	}
	p.end()
}

// logical returns the lines of a script without comments, by where they begin.
// A line that begins with white space goes on from the one before.
func logical(text string) []string {
	lines := strings.Split(text, "\n")
	last := 0
	for i, line := range lines {
		if line, _, _ = strings.Cut(line, " #"); strings.HasPrefix(line, "#") {
			line = ""
		}
		lines[i] = line
		if strings.TrimLeft(line, " \t") != line {
			lines[last] += " " + strings.TrimSpace(line)
			lines[i] = ""
			continue
		}
		if line != "" {
			last = i
		}
	}
	return lines
}

type player struct {
	t            *testing.T
	file         string
	line         int
	cell         *Cell
	nodes, zones int
	clients      map[string]*Client
	order        []*Client
	xmpp         map[string]*XMPP
	passwords    bool // users need one, since XMPP is spoken
	names        *names
	vars         map[string]string // $1 to what it stood for
}

var wordPattern = regexp.MustCompile(`[^\s"]*"(?:[^"\\]|\\.)*"|\S+`)

// split cuts a line at spaces outside of quotes.
func split(line string) []string { return wordPattern.FindAllString(strings.TrimSpace(line), -1) }

func (p *player) fail(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s:%d: %s", p.file, p.line, fmt.Sprintf(format, args...))
}

func (p *player) check(err error) {
	p.t.Helper()
	if err != nil {
		p.fail("%v", err)
	}
}

func (p *player) number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		p.fail("%q is not a number", word)
	}
	return n
}

// started returns the cell, which starts when the first client needs it.
func (p *player) started() *Cell {
	if p.cell == nil {
		p.cell = New(p.t, Nodes(p.nodes), Zones(p.zones))
	}
	return p.cell
}

func (p *player) do(words []string, line string) {
	p.t.Helper()
	if name, ok := strings.CutSuffix(words[0], ":"); ok {
		if c := p.xmpp[name]; c != nil {
			p.actXMPP(c, strings.TrimSpace(line[len(words[0]):]))
			return
		}
		c := p.clients[name]
		if c == nil {
			p.fail("%s has not connected", name)
		}
		p.act(c, words[1], words[2:])
		return
	}
	switch words[0] {
	case "nodes":
		p.nodes = p.number(words[1])
	case "zones":
		p.zones = p.number(words[1])
	case "twin":
		if words[1] == "is" {
			p.twin(words[0], words[2])
			return
		}
		p.connect(words)
	case "node":
		p.onNode(p.number(words[1]), words[2])
	default:
		p.connect(words)
	}
}

func (p *player) onNode(id int, verb string) {
	p.t.Helper()
	if id > len(p.started().nodes) {
		p.cell.AddNode()
		p.cell.Linked()
		return
	}
	n := p.cell.Node(id)
	switch verb {
	case "stops":
		n.Stop()
	case "starts":
		n.Start()
		p.cell.Linked()
	case "cut":
		n.Cut()
		n.Unlinked()
	case "heals":
		n.Heal()
		p.cell.Linked()
	default:
		p.fail("a node cannot %s", verb)
	}
}

// connect makes a client, or brings one back with its device: "alice cxx@1",
// "alice/phone cxx@2".
// "twin is alice/phone" before makes "twin cxx@2" a second connection of that
// device. A line ending in "fails CODE" wants the login refused.
func (p *player) connect(words []string) {
	p.t.Helper()
	name, where := words[0], words[1]
	proto, node, ok := strings.Cut(where, "@")
	switch {
	case ok && proto == "xmpp":
		p.connectXMPP(name, p.number(node), words[2:])
		return
	case !ok || proto != "cxx":
		p.fail("%q is not PROTOCOL@NODE", where)
	}
	if user, _, _ := strings.Cut(name, "/"); p.passwords {
		p.started().Account(user)
	}
	c := p.clients[name]
	if c == nil {
		c = p.newClient(name)
	}
	err := c.Connect(p.started().Node(p.number(node)))
	if len(words) == 4 && words[2] == "fails" {
		if im.CodeOf(err).String() != words[3] {
			p.fail("%s connected with %v; want %s", name, err, words[3])
		}
		return
	}
	p.check(err)
	p.cell.Announced(c.user, p.online(c.User()))
}

// twin makes a client with the device of another.
func (p *player) twin(name, of string) {
	if x := p.xmpp[of]; x != nil {
		p.xmpp[name] = &XMPP{Name: x.Name, t: p.t, password: x.password}
		p.t.Cleanup(p.xmpp[name].drop)
		return
	}
	c, original := p.newClient(name), p.clients[of]
	c.Name, c.user, c.device, c.token = original.Name, original.user, original.device, original.token
}

func (p *player) newClient(name string) *Client {
	c := &Client{t: p.t, cell: p.started(), Name: name, names: p.names}
	p.clients[name] = c
	p.order = append(p.order, c)
	p.t.Cleanup(c.Disconnect)
	return c
}

// online counts the devices of a user that are connected.
func (p *player) online(user string) int {
	devices := make(map[im.DeviceID]bool)
	for _, c := range p.order {
		if c.User() == user && c.conn != nil {
			devices[c.device] = true
		}
	}
	return len(devices)
}

// receives takes an event that fits the words. $x stands for one word and for
// the same one from then on.
func (p *player) receives(c *Client, words []string) {
	p.t.Helper()
	if len(words) == 1 && words[0] == "nothing" {
		p.nothing(c)
		return
	}
	ok, heard := c.take(func(event string) bool { return p.match(words, split(event)) })
	if !ok {
		p.fail("%s did not receive %s; what there was:\n\t%s\nall of it:\n\t%s", c.Name, strings.Join(words, " "), strings.Join(heard, "\n\t"), strings.Join(c.log, "\n\t"))
	}
}

func (p *player) match(pattern, event []string) bool {
	if len(pattern) != len(event) {
		return false
	}
	bound := make(map[string]string)
	for i, w := range pattern {
		if strings.HasPrefix(w, "$") {
			want, ok := p.vars[w]
			if !ok {
				want, ok = bound[w]
			}
			if !ok {
				bound[w] = event[i]
				continue
			}
			w = want
		}
		if w != event[i] {
			return false
		}
	}
	for k, v := range bound {
		p.vars[k] = v
	}
	return true
}

// nothing makes a round trip, so that whatever was on its way has come, and
// wants nothing to be there.
func (p *player) nothing(c *Client) {
	p.t.Helper()
	p.roundTrip(c)
	if rest := c.Rest(); len(rest) > 0 {
		p.fail("%s received\n\t%s", c.Name, strings.Join(rest, "\n\t"))
	}
}

func (p *player) end() {
	p.t.Helper()
	p.endXMPP()
	for _, c := range p.order {
		if c.conn != nil {
			select {
			case <-c.done:
			default:
				p.roundTrip(c)
			}
		}
		if rest := c.Rest(); len(rest) > 0 {
			p.fail("the script does not say that %s receives\n\t%s", c.Name, strings.Join(rest, "\n\t"))
		}
	}
}

// id turns $x into the number that it stands for.
func (p *player) id(word string) im.MsgID {
	p.t.Helper()
	if v, ok := p.vars[word]; ok {
		word = v
	}
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		p.fail("%q stands for no message", word)
	}
	return im.MsgID(n)
}

// text takes the quotes off.
func (p *player) text(word string) string {
	p.t.Helper()
	s, err := strconv.Unquote(word)
	if err != nil {
		p.fail("%s is not a quoted text", word)
	}
	return s
}

// user returns the id of a user that the script has named.
func (p *player) user(name string) im.UserID {
	p.t.Helper()
	u := p.names.id(name)
	if u == 0 {
		p.fail("nobody is called %s yet", name)
	}
	return u
}
