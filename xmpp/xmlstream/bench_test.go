package xmlstream

import (
	"strings"
	"testing"
)

const benchHeader = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>`

// A message of 340 bytes, as a common client sends it.
const benchMessage = `<message to='romeo@montague.example/orchard' from='juliet@capulet.example/balcony' type='chat' id='c7a3f1f2-90b4-4b9d' xml:lang='en'>` +
	`<body>Wherefore art thou? Deny thy father &amp; thy name.</body>` +
	`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>` +
	`<origin-id xmlns='urn:xmpp:sid:0' id='4'/></message>`

const benchPresence = `<presence id='p1' from='juliet@capulet.example/balcony'><show>away</show><status>be right back</status><priority>5</priority>` +
	`<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example/' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>` +
	`<x xmlns='vcard-temp:x:update'><photo>sha1-hash-of-image</photo></x></presence>`

func benchRoster() string {
	item := `<item jid='contact@montague.example' name='A Contact' subscription='both'><group>Friends</group></item>`
	return `<iq type='result' id='r1' to='juliet@capulet.example/balcony'><query xmlns='jabber:iq:roster' ver='12'>` +
		strings.Repeat(item, 20) + `</query></iq>`
}

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"message", benchMessage}, {"presence", benchPresence}, {"roster20", benchRoster()},
	} {
		data := []byte(c.text)
		b.Run(c.name, func(b *testing.B) { benchStream(b, data, len(data)) })
		b.Run(c.name+"/drip", func(b *testing.B) { benchStream(b, data, 1) })
	}
}

func benchStream(b *testing.B, data []byte, chunk int) {
	d := NewDecoder(DefaultLimits())
	d.Feed([]byte(benchHeader))
	if ev, err := d.Next(); ev.Kind != Open {
		b.Fatal(ev, err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		stanzas := 0
		for at := 0; at < len(data); at += chunk {
			d.Feed(data[at:min(at+chunk, len(data))])
			for {
				ev, err := d.Next()
				if err != nil {
					b.Fatal(err)
				}
				if ev.Kind == None {
					break
				}
				stanzas++
			}
		}
		if stanzas != 1 {
			b.Fatal(stanzas)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"message", benchMessage}, {"presence", benchPresence}, {"roster20", benchRoster()},
	} {
		e, err := Parse([]byte(c.text), Client, DefaultLimits())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				dst = Append(dst[:0], e, Client)
			}
		})
	}
}

func BenchmarkCopy(b *testing.B) {
	e, err := Parse([]byte(benchMessage), Client, DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Copy()
	}
}
