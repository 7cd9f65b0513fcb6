package stream

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// BOSH returns the handler of XMPP over BOSH (XEP-0124 version 1.11, XEP-0206).
// Mount it at BOSHPath of the public HTTP listener. It serves while Run does.
func (s *Server) BOSH() http.Handler { return http.HandlerFunc(s.serveBOSH) }

// boshSessions finds sessions by their ids.
type boshSessions struct {
	mu   sync.Mutex
	list map[string]*boshConn // guarded by mu
}

func (b *boshSessions) add(c *boshConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list == nil {
		b.list = map[string]*boshConn{}
	}
	b.list[c.sid] = c
}

func (b *boshSessions) forget(c *boshConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.list, c.sid)
}

func (b *boshSessions) find(sid string) *boshConn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list[sid]
}

func (s *Server) serveBOSH(w http.ResponseWriter, r *http.Request) {
	info := s.webInfo(r)
	s.allowOrigin(w, r, "POST, OPTIONS")
	switch {
	case !s.originAllowed(r):
		http.Error(w, "pages of this origin may not connect; see xmpp.web_origins", http.StatusForbidden)
		return
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST, OPTIONS")
		http.Error(w, "this path speaks XMPP over BOSH (XEP-0206)", http.StatusMethodNotAllowed)
		return
	case !info.Secure:
		http.Error(w, "BOSH is served over TLS only; use https, or set xmpp.http_proxied behind a proxy", http.StatusForbidden)
		return
	case s.base.Err() != nil:
		writeBody(w, "", terminal(boshShutdown))
		return
	}
	data, condition := s.readBody(w, r)
	if condition != "" {
		writeBody(w, "", terminal(condition))
		return
	}
	req, condition := parseBody(data, s.cfg.XML)
	if condition != "" {
		writeBody(w, "", terminal(condition))
		return
	}
	c, condition := s.sessionOf(req, info, r.TLS != nil)
	if condition != "" {
		writeBody(w, "", terminal(condition))
		return
	}
	if c.secret && r.TLS == nil {
		// XEP-0124 section 19.1: close the connection, not the session.
		panic(http.ErrAbortHandler)
	}
	c.accept(req)
	select {
	case reply := <-req.reply:
		c.write(w, reply)
	case <-r.Context().Done():
		c.left(req)
	}
}

// allowOrigin sets the CORS headers.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request, methods string) {
	origin := r.Header.Get("Origin")
	if origin == "" || !s.originAllowed(r) {
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Vary", "Origin")
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "Content-Type")
	h.Set("Access-Control-Max-Age", "7200")
}

// readBody reads a request within the limit of the session it belongs to.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (data []byte, condition string) {
	ctl := http.NewResponseController(w)
	_ = ctl.SetReadDeadline(time.Now().Add(s.cfg.LoginTimeout.D()))
	// Once the body is read, a deadline would end the wait for the response.
	defer func() { _ = ctl.SetReadDeadline(time.Time{}) }()
	early, late := int64(s.cfg.MaxStanzaBeforeLogin)+wrapped, int64(s.cfg.MaxStanza)+wrapped
	data, err := io.ReadAll(io.LimitReader(r.Body, early+1))
	if err != nil {
		return nil, boshBadRequest
	}
	if int64(len(data)) <= early {
		return data, ""
	}
	if c := s.sessions.find(sidOf(data)); c == nil || !c.loggedIn() {
		return nil, boshPolicyViolation
	}
	rest, err := io.ReadAll(io.LimitReader(r.Body, late+1-int64(len(data))))
	switch {
	case err != nil:
		return nil, boshBadRequest
	case int64(len(data)+len(rest)) > late:
		return nil, boshPolicyViolation
	}
	return append(data, rest...), ""
}

func (c *boshConn) loggedIn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}

// sessionOf finds the session of a request, or makes one.
func (s *Server) sessionOf(req *boshRequest, info Info, secret bool) (c *boshConn, condition string) {
	sid, has := req.body.LookupAttr("", "sid")
	if !has {
		return s.create(req, info, secret)
	}
	if c = s.sessions.find(sid); c == nil {
		return nil, boshItemNotFound
	}
	if !c.loggedIn() && req.size > int(s.cfg.MaxStanzaBeforeLogin)+wrapped {
		return nil, boshPolicyViolation
	}
	return c, ""
}

// create makes a session (XEP-0124 section 7).
func (s *Server) create(req *boshRequest, info Info, secret bool) (c *boshConn, condition string) {
	b, cfg := req.body, &s.cfg.BOSH
	switch {
	case b.Attr("to") == "":
		return nil, boshImproperAddressing
	case req.size > int(s.cfg.MaxStanzaBeforeLogin)+wrapped:
		return nil, boshPolicyViolation
	}
	wait, err1 := number(b.Attr("wait"), inSeconds(cfg.MaxWait.D()))
	hold, err2 := number(b.Attr("hold"), "1")
	if err1 != nil || err2 != nil {
		return nil, boshBadRequest
	}
	c = &boshConn{
		srv: s, sid: NewID(), info: info, secret: secret,
		to: b.Attr("to"), content: contentType(b.Attr("content")),
		wait: min(time.Duration(wait)*time.Second, cfg.MaxWait.D()), hold: min(hold, cfg.MaxHold),
		polling: cfg.Polling.D(), inactivity: cfg.Inactivity.D(), acks: b.Attr("ack") == "1",
		news: make(chan struct{}, 1), room: make(chan struct{}, 1),
		until: time.Now().Add(s.cfg.LoginTimeout.D()),
	}
	if v := b.Attr("ver"); v != "" {
		c.ver = lowest(v)
	}
	c.requests = max(c.hold+1, 2)
	if c.polls() {
		c.inactivity *= 2 // section 12
	}
	// Of what the client's connection is, nothing stays the same (section 15).
	c.info.Kind, c.info.Binding.Exporter, c.info.Binding.ServerEnd = BOSH, nil, nil
	c.rids.last = req.rid - 1
	c.inbox = []boshEvent{{req.header(c.to), req.size}}
	c.unread = req.size
	c.idle = time.AfterFunc(c.inactivity, c.rested)
	return c, s.admit(c)
}

func number(text, otherwise string) (int, error) {
	if text == "" {
		text = otherwise
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err
}

// admit starts a session.
func (s *Server) admit(c *boshConn) (condition string) {
	if !s.take() {
		return boshPolicyViolation
	}
	s.sessions.add(c)
	if !s.start(c, BOSH, func() { s.guard(c, s.handle) }) {
		s.sessions.forget(c)
		<-s.slots
		return boshShutdown
	}
	return ""
}

// write sends a response. A client that does not get it asks again.
func (c *boshConn) write(w http.ResponseWriter, reply boshReply) {
	if status, legacy := legacyStatus[reply.condition]; legacy && c.ver == "" {
		http.Error(w, reply.condition, status)
		return
	}
	ctl := http.NewResponseController(w)
	head(w, c.content, len(reply.body))
	for body := reply.body; len(body) > 0; {
		n := min(len(body), 16<<10)
		_ = ctl.SetWriteDeadline(time.Now().Add(c.srv.cfg.ProgressTimeout.D()))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
	}
	_ = ctl.Flush()
	_ = ctl.SetWriteDeadline(time.Time{}) // the connection may serve others after us
}

func writeBody(w http.ResponseWriter, content string, reply boshReply) {
	head(w, contentType(content), len(reply.body))
	_, _ = w.Write(reply.body)
}

// head sets the headers of a response. It holds what others have sent: whatever
// type the client has chosen, a browser that shows it must not run it.
func head(w http.ResponseWriter, content string, length int) {
	h := w.Header()
	h.Set("Content-Type", content)
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
}
