package xmlstream

// Binding is a prefix and the namespace it stands for.
type Binding struct{ Prefix, Space string }

// Scope is what surrounds an element in the bytes: the namespace of names
// without prefix, and the prefixes that need no declaration.
type Scope struct {
	Default  string
	Prefixes []Binding
}

// Scopes that occur.
var (
	// Standalone is nothing: the element declares what it uses. So stanzas are
	// framed on WebSocket (RFC 7395 section 3.3) and payloads are stored.
	Standalone = Scope{}
	// Client is within a stream between client and server (RFC 6120, 4.8).
	Client = Scope{NSClient, []Binding{{"stream", NSStreams}}}
	// Server is within a stream between servers, dialback's prefix included.
	Server = Scope{NSServer, []Binding{{"stream", NSStreams}, {"db", "jabber:server:dialback"}}}
)
