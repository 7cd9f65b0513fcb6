// Package ticket makes and checks login tickets: what NAS hands to a client so
// that one ACS admits its login. A ticket says which incarnation of which ACS
// it is for and until when, signed with Ed25519; it names no user and is no
// credential. An ACS checks it without asking anybody.
//
// NAS calls Issuer; the edges of an ACS call Checker through im.TicketChecker.
package ticket

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cxx-im/cxx/im"
)

// A ticket has a fixed layout, big-endian:
//
//	0   1  version, 1
//	1   4  key id
//	5   2  node id of the ACS
//	7   8  epoch of the ACS
//	15  8  issued, milliseconds since 1970
//	23  8  expires, milliseconds since 1970
//	31 16  nonce
//	47 64  Ed25519 signature over the domain and bytes 0 to 46
//
// No field names an algorithm: version 1 is Ed25519.
const (
	// Size is the length of a ticket in bytes.
	Size = signedSize + ed25519.SignatureSize
	// TTL is how long a ticket is good.
	TTL = 60 * time.Second
	// Skew is how far the clocks of NAS and ACS may disagree.
	Skew = 30 * time.Second

	version    = 1
	signedSize = 47
	// domain keeps a signature from meaning anything elsewhere.
	domain = "cxx-ticket-v1\x00"
)

// Nonce makes a ticket unique.
type Nonce [16]byte

// Ticket is a parsed ticket. Parsing says nothing about who signed it.
type Ticket struct {
	Key     KeyID
	Node    im.NodeID
	Epoch   uint64
	Issued  time.Time
	Expires time.Time
	Nonce   Nonce
}

// Parse reads a ticket without checking the signature.
func Parse(b []byte) (Ticket, error) {
	if len(b) != Size || b[0] != version {
		return Ticket{}, im.Errorf(im.CodeTicketForeign, "this is not a ticket that this server understands; ask a NAS for a new one")
	}
	t := Ticket{
		Node:    im.NodeID(binary.BigEndian.Uint16(b[5:])),
		Epoch:   binary.BigEndian.Uint64(b[7:]),
		Issued:  time.UnixMilli(int64(binary.BigEndian.Uint64(b[15:]))).UTC(),
		Expires: time.UnixMilli(int64(binary.BigEndian.Uint64(b[23:]))).UTC(),
	}
	copy(t.Key[:], b[1:])
	copy(t.Nonce[:], b[31:])
	return t, nil
}

func (t Ticket) appendSigned(dst []byte) []byte {
	dst = append(dst, version)
	dst = append(dst, t.Key[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(t.Node))
	dst = binary.BigEndian.AppendUint64(dst, t.Epoch)
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Issued.UnixMilli()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Expires.UnixMilli()))
	return append(dst, t.Nonce[:]...)
}

// Issuer signs tickets. It is safe for any goroutine.
type Issuer struct {
	key ed25519.PrivateKey
	id  KeyID
}

// NewIssuer returns an Issuer with a private key.
func NewIssuer(key ed25519.PrivateKey) (*Issuer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("ticket: a private key has %d bytes, not %d", ed25519.PrivateKeySize, len(key))
	}
	return &Issuer{key: key, id: IDOf(key.Public().(ed25519.PublicKey))}, nil
}

// Key returns the id of the key that signs.
func (i *Issuer) Key() KeyID { return i.id }

// Issue returns a new ticket for an incarnation of an ACS, good from now on for
// TTL.
func (i *Issuer) Issue(node im.NodeID, epoch uint64, now time.Time) []byte {
	t := Ticket{Key: i.id, Node: node, Epoch: epoch, Issued: now, Expires: now.Add(TTL)}
	rand.Read(t.Nonce[:]) // never fails
	return i.sign(t)
}

func (i *Issuer) sign(t Ticket) []byte {
	// The domain is put in front for signing only; the ticket begins after it.
	buf := make([]byte, 0, len(domain)+Size)
	buf = t.appendSigned(append(buf, domain...))
	return append(buf, ed25519.Sign(i.key, buf)...)[len(domain):]
}

func verify(key ed25519.PublicKey, b []byte) bool {
	msg := make([]byte, 0, len(domain)+signedSize)
	msg = append(append(msg, domain...), b[:signedSize]...)
	return ed25519.Verify(key, msg, b[signedSize:])
}
