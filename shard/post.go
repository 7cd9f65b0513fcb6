package shard

import (
	"encoding/binary"
	"errors"

	"github.com/cxx-im/cxx/im"
)

// The stored ext of a message in a timeline begins with its Post:
//
//	uvarint length of the nickname | nickname | flags | uvarint n | n × uvarint user
const (
	postAll       = 1
	postRetracted = 2
)

// maxPostMentions is how many users a message mentions by name at most.
const maxPostMentions = 50

// appendPost appends a post and, behind it, the extension elements.
func appendPost(b []byte, p *im.Post, ext []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.Nick)))
	b = append(b, p.Nick...)
	var flags byte
	if p.All {
		flags |= postAll
	}
	if p.Retracted {
		flags |= postRetracted
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(len(p.Mentions)))
	for _, u := range p.Mentions {
		b = binary.AppendUvarint(b, uint64(u))
	}
	return append(b, ext...)
}

var errBadPost = errors.New("shard: a stored message of a timeline has a bad beginning")

// cutPost takes the post off what appendPost has made.
func cutPost(b []byte) (p im.Post, ext []byte, err error) {
	number := func() (n uint64) {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			err, b = errBadPost, nil
			return 0
		}
		b = b[size:]
		return n
	}
	n := number()
	if n >= uint64(len(b)) { // flags follow
		return im.Post{}, nil, errBadPost
	}
	p.Nick, b = string(b[:n]), b[n:]
	p.All, p.Retracted = b[0]&postAll != 0, b[0]&postRetracted != 0
	b = b[1:]
	count := number()
	if count > maxPostMentions {
		return im.Post{}, nil, errBadPost
	}
	for range count {
		p.Mentions = append(p.Mentions, im.UserID(number()))
	}
	if err != nil {
		return im.Post{}, nil, err
	}
	if len(b) > 0 {
		ext = b
	}
	return p, ext, nil
}

// splitPost gives a message of a timeline, which has no peer, its Post.
func splitPost(e *im.Entry) error {
	if e.Peer != 0 {
		return nil
	}
	post, ext, err := cutPost(e.Ext)
	if err != nil {
		return err
	}
	e.Post, e.Ext = &post, ext
	return nil
}
