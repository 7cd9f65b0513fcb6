package stream

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gobwas/ws"

	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

func TestStanding(t *testing.T) {
	for in, want := range map[string]string{
		"<iq/>":                       "<iq xmlns='jabber:client'/>",
		"<iq></iq>":                   "<iq xmlns='jabber:client'></iq>",
		"<iq id='1'/>":                "<iq xmlns='jabber:client' id='1'/>",
		"<r xmlns='urn:xmpp:sm:3'/>":  "<r xmlns='urn:xmpp:sm:3'/>",
		"<r a='1' xmlns='u'/>":        "<r a='1' xmlns='u'/>",
		"<a b=' xmlns=&apos;u'/>":     "<a xmlns='jabber:client' b=' xmlns=&apos;u'/>",
		"<a b=\"' xmlns='\"/>":        "<a xmlns='jabber:client' b=\"' xmlns='\"/>",
		"<a b='>' xmlns='u'/>":        "<a b='>' xmlns='u'/>",
		"<a><b xmlns='u'/></a>":       "<a xmlns='jabber:client'><b xmlns='u'/></a>",
		"<s:e xmlns:s='u'><f/></s:e>": "<s:e xmlns='jabber:client' xmlns:s='u'><f/></s:e>",
		"":                            "",
		"<":                           "<",
		"<a b='":                      "<a b='",
	} {
		if got := string(appendStanding(nil, []byte(in))); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// What stanza.Client means and what stands alone are the same.
func FuzzStanding(f *testing.F) {
	for _, s := range []string{"<iq/>", "<a b='>' xmlns='u'><c/></a>", "<s:e xmlns:s='u'><f/></s:e>", "<a xmlns=''/>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := xmlstream.Parse([]byte(s), scope, xmlstream.DefaultLimits())
		if err != nil {
			return
		}
		st := render(e)
		alone := appendStanding(nil, st)
		got, err := xmlstream.Parse(alone, xmlstream.Standalone, xmlstream.DefaultLimits())
		if err != nil || !got.Equal(e) {
			t.Errorf("%s became %s: %v", st, alone, err)
		}
		frame, err := readFrame(bytes.NewReader(asWS{}.stanza(nil, st)))
		if err != nil || !bytes.Equal(frame.Payload, alone) || frame.Header.OpCode != ws.OpText || !frame.Header.Fin {
			t.Errorf("%s in a frame is %v: %v", st, frame, err)
		}
	})
}

// Whatever comes in frames: no panic, no message over the limit, events that
// are whole.
func FuzzWebSocket(f *testing.F) {
	message := func(s string) []byte { return ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(s)))) }
	f.Add(append(message(wsOpen), message("<iq xmlns='jabber:client'/>")...))
	f.Add(append(ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(ws.OpText, false, []byte("<a")))), 0x80, 0x82, 0, 0, 0, 0, '/', '>'))
	f.Add(ws.MustCompileFrame(ws.MaskFrame(ws.NewPingFrame([]byte("x")))))
	cfg := testConfig()
	cfg.Listen, cfg.TLSListen = nil, nil
	srv, err := New(cfg, Deps{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newWSConn(srv, &bytesConn{r: bytes.NewReader(data)}, Info{}, nil)
		for {
			ev, err := c.Next()
			if err != nil {
				var x *xmlstream.Error
				if errors.As(err, &x) {
					c.Close(FromXML(err))
				}
				return
			}
			if (ev.Element == nil) != (ev.Kind == xmlstream.Close) {
				t.Fatalf("%+v", ev)
			}
		}
	})
}

// Whatever comes in a body: no panic, and what is accepted keeps the rules.
func FuzzBOSHBody(f *testing.F) {
	for _, s := range []string{
		"<body xmlns='" + nsBind + "' rid='1' to='a'/>",
		"<body xmlns='" + nsBind + "' rid='2' sid='s'><message><body>x</body></message></body>",
		"<body xmlns='" + nsBind + "' xmlns:x='" + nsXBOSH + "' rid='3' sid='s' x:restart='true' pause='1' type='terminate'/>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		req, condition := parseBody(data, xmlstream.DefaultLimits())
		if (req == nil) != (condition != "") {
			t.Fatalf("%v %q", req, condition)
		}
		sid := sidOf(data)
		if len(sid) > len(data) {
			t.Fatal("a sid from nowhere")
		}
		if req == nil {
			return
		}
		if req.rid < 1 || req.rid > maxRid || req.pause < 0 {
			t.Fatalf("%+v", req)
		}
		for _, ev := range req.events("a") {
			if ev.Kind != xmlstream.Close && (ev.Element == nil || ev.Element.Space == nsBind) {
				t.Fatalf("%+v", ev)
			}
		}
		_ = contentType(req.body.Attr("content"))
		if v := lowest(req.body.Attr("ver")); v == "" {
			t.Fatal("no version")
		}
	})
}
