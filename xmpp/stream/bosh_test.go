package stream

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cxx-im/cxx/internal/config"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

// boshWorld is a server and a client of BOSH in a bubble with a fake clock:
// requests are calls of the handler.
type boshWorld struct {
	*Server
	t    *testing.T
	ends chan error
	sid  string
	rid  int
}

func bubble(t *testing.T, edit func(*Config), test func(w *boshWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.Listen, cfg.TLSListen = nil, nil
		if edit != nil {
			edit(&cfg)
		}
		w := &boshWorld{t: t, ends: make(chan error, 100), rid: 1000}
		srv, err := New(cfg, Deps{Domain: "localhost"}, func(c Conn) { w.ends <- engine(c) })
		if err != nil {
			t.Fatal(err)
		}
		w.Server = srv
		test(w)
		srv.Stop()
		srv.running.Wait()
	})
}

// answered is a request and, once there is one, its response.
type answered struct {
	rec  *httptest.ResponseRecorder
	done chan struct{}
}

func (a *answered) ready() bool {
	synctest.Wait()
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

func (a *answered) body() string {
	<-a.done
	return a.rec.Body.String()
}

// post sends a whole body.
func (w *boshWorld) post(body string) *answered {
	r := httptest.NewRequest("POST", BOSHPath, strings.NewReader(body)).WithContext(w.t.Context())
	r.RemoteAddr = "127.0.0.1:1"
	a := &answered{httptest.NewRecorder(), make(chan struct{})}
	go func() {
		defer close(a.done)
		w.BOSH().ServeHTTP(a.rec, r)
	}()
	return a
}

// at sends a request of the session with a certain id.
func (w *boshWorld) at(rid int, attrs, payload string) *answered {
	return w.post(fmt.Sprintf("<body xmlns='%s' xmlns:xmpp='%s' rid='%d' sid='%s' %s>%s</body>", nsBind, nsXBOSH, rid, w.sid, attrs, payload))
}

// say sends the next request.
func (w *boshWorld) say(attrs, payload string) *answered {
	w.rid++
	return w.at(w.rid, attrs, payload)
}

func (w *boshWorld) create(attrs string) *xmlstream.Element {
	w.t.Helper()
	a := w.post(fmt.Sprintf("<body xmlns='%s' xmlns:xmpp='%s' rid='%d' to='localhost' xmpp:version='1.0' %s/>", nsBind, nsXBOSH, w.rid, attrs))
	e := parsed(w.t, a.body())
	w.sid = e.Attr("sid")
	return e
}

const usual = "ver='1.11' wait='45' hold='1'"

// login creates a session and authenticates.
func (w *boshWorld) login(attrs string) *xmlstream.Element {
	w.t.Helper()
	e := w.create(attrs)
	w.contains(w.say("", auth), "<success ")
	w.contains(w.say("to='localhost' xmpp:restart='true'", ""), "<stream:features")
	return e
}

// known is how many sessions can be found.
func (w *boshWorld) known() int {
	w.sessions.mu.Lock()
	defer w.sessions.mu.Unlock()
	return len(w.sessions.list)
}

func (w *boshWorld) contains(a *answered, text string) {
	w.t.Helper()
	if got := a.body(); !strings.Contains(got, text) {
		w.t.Fatalf("got %s, want %s", got, text)
	}
}

func (w *boshWorld) waits(a *answered) {
	w.t.Helper()
	if a.ready() {
		w.t.Fatalf("was not held: %s", a.body())
	}
}

func parsed(t *testing.T, text string) *xmlstream.Element {
	t.Helper()
	e, err := xmlstream.Parse([]byte(text), xmlstream.Standalone, xmlstream.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

func message(id int) string {
	return fmt.Sprintf("<message xmlns='jabber:client' id='%d'/>", id)
}

// XEP-0124 sections 7.1 and 7.2, XEP-0206 sections 3 and 4.
func TestBOSHCreation(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		e := w.create("ver='1.6' wait='60' hold='5' ack='1' content='text/plain; charset=utf-8' xml:lang='en'")
		for name, want := range map[string]string{
			"wait": "45", "hold": "2", "requests": "3", "inactivity": "30", "maxpause": "120",
			"polling": "2", "ver": "1.6", "from": "localhost", "ack": "1000",
		} {
			if got := e.Attr(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if len(e.Attr("sid")) < 22 || attrNS(e, nsXBOSH, "version") != "1.0" || attrNS(e, nsXBOSH, "restartlogic") != "true" {
			t.Errorf("%s", e)
		}
		if e.Child(xmlstream.NSStreams, "features") == nil {
			t.Errorf("no features: %s", e)
		}
		a := w.say("", auth)
		if got := a.body(); !strings.Contains(got, "<success ") || a.rec.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s %v", got, a.rec.Header())
		}
	})
}

func TestBOSHCreationRefused(t *testing.T) {
	for _, c := range []struct{ name, body, condition string }{
		{"no to (section 17.2)", "<body xmlns='" + nsBind + "' rid='1'/>", boshImproperAddressing},
		{"no rid (section 6)", "<body xmlns='" + nsBind + "' to='a'/>", boshBadRequest},
		{"rid of zero", "<body xmlns='" + nsBind + "' to='a' rid='0'/>", boshBadRequest},
		{"rid over 2^53 (section 14.1)", "<body xmlns='" + nsBind + "' to='a' rid='9007199254740992'/>", boshBadRequest},
		{"unknown sid", "<body xmlns='" + nsBind + "' sid='a' rid='1'/>", boshItemNotFound},
		{"not a body", "<iq xmlns='jabber:client' rid='1'/>", boshBadRequest},
		{"no namespace", "<body to='a' rid='1'/>", boshBadRequest},
		{"character data (section 6)", "<body xmlns='" + nsBind + "' to='a' rid='1'>x</body>", boshBadRequest},
		{"nonsense", "nonsense", boshBadRequest},
		{"nothing", "", boshBadRequest},
		{"wait that is no number", "<body xmlns='" + nsBind + "' to='a' rid='1' wait='x'/>", boshBadRequest},
		{"hold below zero", "<body xmlns='" + nsBind + "' to='a' rid='1' hold='-1'/>", boshBadRequest},
		{"pause that is no number", "<body xmlns='" + nsBind + "' to='a' rid='1' pause='x'/>", boshBadRequest},
		{"too large", "<body xmlns='" + nsBind + "' to='a' rid='1'><a>" + strings.Repeat("x", 20_000) + "</a></body>", boshPolicyViolation},
	} {
		bubble(t, nil, func(w *boshWorld) {
			e := parsed(t, w.post(c.body).body())
			if e.Attr("type") != "terminate" || e.Attr("condition") != c.condition {
				t.Errorf("%s: %s, want %s", c.name, e, c.condition)
			}
			if n := w.Connections(); n != 0 {
				t.Errorf("%s: %d sessions", c.name, n)
			}
		})
	}
}

// Section 8: held until something comes, or for the time of wait.
func TestBOSHHold(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login(usual)
		poll := w.say("", "")
		w.waits(poll)
		began := time.Now()
		if got := poll.body(); got != string(emptyBody) || time.Since(began) != 45*time.Second {
			t.Errorf("%s after %s", got, time.Since(began))
		}
		poll = w.say("", "")
		w.waits(poll)
		talk := w.say("", message(1))
		// The first is free as soon as there are more than may be held; the echo
		// comes with it or with the second.
		all := poll.body()
		if !strings.Contains(all, "<message") {
			all += talk.body()
		}
		if !strings.Contains(all, "id='1'") {
			t.Errorf("no echo in %s", all)
		}
	})
}

// Section 14.2: order by rid, whatever the order of arrival.
func TestBOSHOrder(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login("ver='1.11' wait='45' hold='2'")
		second := w.at(w.rid+2, "", message(2))
		w.waits(second)
		first := w.at(w.rid+1, "", message(1))
		all := first.body() + second.body()
		one, two := strings.Index(all, "id='1'"), strings.Index(all, "id='2'")
		if one < 0 || two < one {
			t.Errorf("%s", all)
		}
	})
}

// Section 14.2: a rid outside of the window ends the session; so does one whose
// response is no longer there (14.3).
func TestBOSHWindow(t *testing.T) {
	for _, c := range []struct {
		name  string
		shift int
		attrs string
		ends  bool
	}{
		{"last in the window", 2, "", false},
		{"beyond the window", 3, "", true},
		{"one more to leave (section 11)", 3, "type='terminate'", false},
		{"too old", -2, "", true},
	} {
		bubble(t, nil, func(w *boshWorld) {
			w.login(usual)
			a := w.at(w.rid+c.shift, c.attrs, "")
			if !c.ends {
				w.waits(a)
				return
			}
			w.contains(a, "condition='item-not-found'")
			if err := <-w.ends; err != io.ErrUnexpectedEOF {
				t.Errorf("%s: %v", c.name, err)
			}
			w.contains(w.say("", ""), "condition='item-not-found'")
		})
	}
}

// Section 14.3: what was answered is answered the same again.
func TestBOSHRepeat(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login(usual)
		first := w.say("", message(1)).body()
		if again := w.at(w.rid, "", message(1)).body(); again != first {
			t.Errorf("%s, then %s", first, again)
		}
		// One that is held gives way to its repetition.
		old := w.say("", "")
		w.waits(old)
		again := w.at(w.rid, "", "")
		w.contains(old, "<body type='error'")
		w.waits(again)
		w.contains(w.say("", message(2)), "")
		if all := again.body(); strings.Contains(all, "error") {
			t.Error(all)
		}
		for range maxRepeats {
			w.at(w.rid, "", message(2)).ready()
		}
		w.contains(w.at(w.rid, "", message(2)), "condition='policy-violation'")
	})
}

// A client whose connection broke asks again and gets the response.
func TestBOSHBrokenConnection(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login(usual)
		poll := w.say("", "")
		w.waits(poll)
		c := w.sessions.find(w.sid)
		c.mu.Lock()
		held := c.rids.held[0]
		c.mu.Unlock()
		c.left(held)
		if err := c.Send([]byte("<message id='1'/>")); err != nil {
			t.Fatal(err)
		}
		w.contains(w.at(w.rid, "", ""), "<message xmlns='jabber:client' id='1'/>")
	})
}

// Section 10.
func TestBOSHInactivity(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login(usual)
		began := time.Now()
		if err := <-w.ends; err != io.ErrUnexpectedEOF || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		w.contains(w.say("", ""), "condition='item-not-found'")
		if w.known() > 0 || w.Connections() > 0 {
			t.Error("the session is still there")
		}
	})
}

func TestBOSHPause(t *testing.T) {
	for _, c := range []struct{ asked, want int }{{100, 100}, {5, 5}, {1000, 120}} {
		bubble(t, nil, func(w *boshWorld) {
			w.login(usual)
			poll := w.say("", "")
			w.waits(poll)
			pause := w.say("pause='"+strconv.Itoa(c.asked)+"'", "")
			if poll.body()+pause.body() != string(emptyBody)+string(emptyBody) {
				t.Errorf("%s %s", poll.body(), pause.body())
			}
			began := time.Now()
			<-w.ends
			if got := time.Since(began); got != time.Duration(c.want)*time.Second {
				t.Errorf("pause %d: ended after %s", c.asked, got)
			}
		})
	}
	bubble(t, nil, func(w *boshWorld) { // back to normal with the next request
		w.login(usual)
		w.say("pause='100'", "").body()
		w.say("", message(1)).body()
		began := time.Now()
		<-w.ends
		if got := time.Since(began); got != 30*time.Second {
			t.Errorf("ended after %s", got)
		}
	})
}

// Sections 11 and 12.
func TestBOSHOveractivity(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login(usual)
		w.waits(w.say("", ""))
		w.contains(w.say("", ""), "condition='policy-violation'")
	})
	for _, attrs := range []string{"ver='1.11' wait='0' hold='1'", "ver='1.11' wait='45' hold='0'"} {
		bubble(t, nil, func(w *boshWorld) {
			w.polled(attrs)
			w.pause(2 * time.Second)
			if got := w.say("", "").body(); got != string(emptyBody) {
				t.Fatal(got)
			}
			w.pause(2 * time.Second)
			if got := w.say("", "").body(); got != string(emptyBody) {
				t.Fatal(got)
			}
			w.pause(time.Second)
			w.contains(w.say("", ""), "condition='policy-violation'")
		})
	}
}

// polled logs in with a session that polls: responses come one request later.
func (w *boshWorld) polled(attrs string) {
	w.t.Helper()
	w.create(attrs)
	for _, step := range []struct{ attrs, payload, want string }{
		{"", auth, "<success "},
		{"to='localhost' xmpp:restart='true'", "", "<stream:features"},
	} {
		got := w.say(step.attrs, step.payload).body()
		w.pause(3 * time.Second)
		if !strings.Contains(got, step.want) {
			w.contains(w.say("", ""), step.want)
			w.pause(3 * time.Second)
		}
	}
}

// pause lets time go by.
func (w *boshWorld) pause(d time.Duration) { <-time.After(d) }

// Section 13.
func TestBOSHTerminate(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login(usual)
		poll := w.say("", "")
		w.waits(poll)
		last := w.say("type='terminate'", "")
		w.contains(poll, "type='terminate'")
		if got := last.body(); got != string(emptyBody) {
			t.Errorf("%s", got)
		}
		if err := <-w.ends; err != nil {
			t.Error(err)
		}
		w.contains(w.say("", ""), "condition='item-not-found'")
	})
	bubble(t, nil, func(w *boshWorld) { // with a payload, which is passed on
		w.login(usual)
		poll := w.say("", "")
		w.waits(poll)
		last := w.say("type='terminate'", "<presence xmlns='jabber:client' type='unavailable'/>")
		all := poll.body() + last.body()
		if !strings.Contains(all, "<presence ") || !strings.Contains(all, "type='terminate'") {
			t.Errorf("%s", all)
		}
	})
}

// XEP-0206 section 6.
func TestBOSHStreamError(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login(usual)
		e := parsed(t, w.say("", "<kick xmlns='x'/>").body())
		if e.Attr("type") != "terminate" || e.Attr("condition") != "remote-stream-error" {
			t.Errorf("%s", e)
		}
		if e.Child(xmlstream.NSStreams, "error").Child(NSErrors, "conflict") == nil {
			t.Errorf("%s", e)
		}
	})
	bubble(t, nil, func(w *boshWorld) { // nobody waits: the next request learns it, once more when asked
		w.login(usual)
		w.sessions.find(w.sid).Close(Errorf(SystemShutdown, ""))
		first := w.say("", "").body()
		if !strings.Contains(first, "<system-shutdown ") || w.at(w.rid, "", "").body() != first {
			t.Error(first)
		}
		w.pause(31 * time.Second)
		if w.known() > 0 {
			t.Error("the session is still there")
		}
	})
}

// Section 15.
func TestBOSHKeys(t *testing.T) {
	keys := []string{"seed"}
	for range 5 {
		sum := sha1.Sum([]byte(keys[len(keys)-1]))
		keys = append(keys, hex.EncodeToString(sum[:]))
	}
	bubble(t, nil, func(w *boshWorld) {
		w.create(usual + " newkey='" + keys[5] + "'")
		w.contains(w.say("key='"+strings.ToUpper(keys[4])+"'", auth), "item-not-found") // the hash is of the letters
	})
	bubble(t, nil, func(w *boshWorld) {
		w.create(usual + " newkey='" + strings.ToUpper(keys[5]) + "'")
		w.contains(w.say("key='"+keys[4]+"'", auth), "<success ")
		w.contains(w.say("key='"+keys[3]+"' newkey='"+keys[2]+"' xmpp:restart='true'", ""), "<stream:features")
		w.contains(w.at(w.rid, "key='wrong'", ""), "item-not-found")
	})
	bubble(t, nil, func(w *boshWorld) {
		w.create(usual + " newkey='" + keys[5] + "'")
		w.contains(w.say("", auth), "item-not-found")
		<-w.ends
	})
}

// Section 9.
func TestBOSHAcks(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login("ver='1.11' wait='45' hold='1' ack='1'")
		poll := w.say("", "")
		w.waits(poll)
		w.say("", message(1))
		if got := parsed(t, poll.body()).Attr("ack"); got != strconv.Itoa(w.rid) {
			t.Errorf("ack %q, want %d", got, w.rid)
		}
	})
}

// Clients that leave out the namespace of stanzas (XEP-0206 section 2).
func TestBOSHNamespace(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login(usual)
		w.contains(w.say("", "<message><body>x</body></message>"), "<message xmlns='jabber:client'><body>x</body></message>")
	})
}

// RFC 6120 section 4.3.3: after the login the stream has to be restarted.
func TestBOSHWithoutRestart(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.create(usual)
		w.contains(w.say("", auth), "<success ")
		w.contains(w.say("", message(1)), "<bad-format ")
	})
}

func TestBOSHLoginTimeout(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.create(usual)
		began := time.Now()
		w.contains(w.say("", ""), "<connection-timeout ")
		if got := time.Since(began); got != 10*time.Second {
			t.Errorf("after %s", got)
		}
	})
}

// A client that takes nothing does not make the server hold everything.
func TestBOSHUnread(t *testing.T) {
	bubble(t, func(c *Config) { c.BOSH.MaxOutbound = 16 << 10; c.BOSH.Inactivity = config.Duration(time.Minute) }, func(w *boshWorld) {
		w.login(usual)
		c := w.sessions.find(w.sid)
		st := []byte("<message><body>" + strings.Repeat("x", 5<<10) + "</body></message>")
		began := time.Now()
		sent := 0
		for c.Send(st) == nil {
			sent++
		}
		if sent != 3 || time.Since(began) != 10*time.Second {
			t.Errorf("%d sent, failed after %s", sent, time.Since(began))
		}
		if err := <-w.ends; err != io.ErrUnexpectedEOF {
			t.Error(err)
		}
	})
}

// Section 17.1: clients that name no version get codes of HTTP.
func TestBOSHLegacy(t *testing.T) {
	bubble(t, nil, func(w *boshWorld) {
		w.login("wait='45' hold='1'")
		a := w.at(w.rid+9, "", "")
		<-a.done
		if a.rec.Code != http.StatusNotFound {
			t.Errorf("%d %s", a.rec.Code, a.rec.Body)
		}
	})
}

func TestBOSHCORS(t *testing.T) {
	cfg := testConfig()
	cfg.WebSocketOrigins = []string{"https://chat.example.org"}
	w := start(t, cfg, nil)
	for _, c := range []struct {
		method, origin, allowed string
		status                  int
	}{
		{"OPTIONS", "https://chat.example.org", "https://chat.example.org", http.StatusNoContent},
		{"POST", "https://chat.example.org", "https://chat.example.org", http.StatusOK},
		{"POST", "https://evil.example", "", http.StatusForbidden},
		{"POST", "", "", http.StatusOK},
		{"GET", "", "", http.StatusMethodNotAllowed},
	} {
		r := httptest.NewRequest(c.method, BOSHPath, strings.NewReader("x"))
		r.RemoteAddr = "127.0.0.1:1"
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		rec := httptest.NewRecorder()
		w.BOSH().ServeHTTP(rec, r)
		if rec.Code != c.status || rec.Header().Get("Access-Control-Allow-Origin") != c.allowed {
			t.Errorf("%s from %q: %d %v", c.method, c.origin, rec.Code, rec.Header())
		}
	}
	r := httptest.NewRequest("POST", BOSHPath, nil)
	rec := httptest.NewRecorder()
	w.BOSH().ServeHTTP(rec, r)
	if rec.Code != http.StatusForbidden {
		t.Errorf("not over TLS: %d", rec.Code)
	}
}

// Over a real HTTP server, where deadlines and the watch for the client's end
// are at work.
func TestBOSHOverHTTP(t *testing.T) {
	w := start(t, testConfig(), nil)
	srv := w.web()
	post := func(body string) string {
		resp, err := http.Post(srv.URL+BOSHPath, "text/xml", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatal(err, resp.Status, resp.Header)
		}
		return string(b)
	}
	rid, sid := 7, ""
	say := func(attrs, payload string) string {
		rid++
		return post(fmt.Sprintf("<body xmlns='%s' xmlns:xmpp='%s' rid='%d' sid='%s' %s>%s</body>", nsBind, nsXBOSH, rid, sid, attrs, payload))
	}
	sid = parsed(t, post("<body xmlns='"+nsBind+"' rid='7' to='localhost' wait='5' hold='1' ver='1.11'/>")).Attr("sid")
	say("", auth)
	say("xmpp:restart='true'", "")
	large := "<message xmlns='jabber:client'><body>" + strings.Repeat("x", 200_000) + "</body></message>"
	if got := say("", large); !strings.Contains(got, large) {
		t.Errorf("%d bytes", len(got))
	}
	if got := say("type='terminate'", ""); !strings.Contains(got, "type='terminate'") {
		t.Error(got)
	}
	if err := <-w.ends; err != nil {
		t.Error(err)
	}
}

// The deadlines of an HTTP server are for short requests; a request that is held
// must outlive them, and leave none behind.
func TestBOSHOutlivesTimeouts(t *testing.T) {
	w := start(t, testConfig(), nil)
	srv := httptest.NewUnstartedServer(w.BOSH())
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	srv.Start()
	defer srv.Close()
	post := func(body string) string {
		resp, err := http.Post(srv.URL, "text/xml", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	sid := parsed(t, post("<body xmlns='"+nsBind+"' rid='7' to='localhost' wait='1' hold='1' ver='1.11'/>")).Attr("sid")
	if got := post("<body xmlns='" + nsBind + "' rid='8' sid='" + sid + "'/>"); got != string(emptyBody) {
		t.Error(got)
	}
	if got := post("<body xmlns='" + nsBind + "' rid='9' sid='" + sid + "'>" + auth + "</body>"); !strings.Contains(got, "<success ") {
		t.Error(got)
	}
}

func TestBOSHTestMode(t *testing.T) {
	bubble(t, func(c *Config) { c.TestMode = true }, func(w *boshWorld) {
		w.login(usual)
		for range 5 {
			w.waits(w.say("", ""))
		}
	})
}
