package acs

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"

	"github.com/cxx-im/cxx/im"
)

// avatarLeaf is under which name a group's picture is kept; the item's id is its
// media type.
const avatarLeaf = "avatar"

const maxAvatar = 64 << 10

// pictures are the beginnings of the formats that are taken; WebP has its name behind a
// length.
var pictures = []struct {
	media string
	magic []byte
}{
	{"image/png", []byte("\x89PNG\r\n\x1a\n")},
	{"image/jpeg", []byte("\xff\xd8\xff")},
	{"image/gif", []byte("GIF8")},
}

// GroupAvatar implements im.Groups.
func (s *session) GroupAvatar(ctx context.Context, g im.GroupID) (im.Avatar, error) {
	if _, err := s.GroupGet(ctx, g); err != nil {
		return im.Avatar{}, err
	}
	_, items, err := s.srv.store.LeafItems(ctx, g.Log(), avatarLeaf, im.ItemQuery{Limit: 1})
	if err != nil {
		return im.Avatar{}, s.srv.public("avatar", err)
	}
	if len(items) == 0 {
		return im.Avatar{}, im.Errorf(im.CodeNotFound, "the group has no picture")
	}
	return im.Avatar{Type: items[0].ID, Data: items[0].Payload}, nil
}

// GroupSetAvatar implements im.Groups.
func (s *session) GroupSetAvatar(ctx context.Context, g im.GroupID, a im.Avatar) error {
	hash := ""
	edit := im.LeafEdit{Config: []byte{}, Purge: true}
	if len(a.Data) > 0 {
		media, err := checkAvatar(a.Data)
		if err != nil {
			return err
		}
		sum := sha1.Sum(a.Data) //nolint:gosec // the name of the picture, as XEP-0153 has it
		hash = hex.EncodeToString(sum[:])
		edit.Put = []im.Item{{ID: media, Payload: a.Data, Publisher: s.addr, At: s.srv.now()}}
	}
	// The rule is asked first, so that nobody else's picture is stored; and again with
	// the change, which counts.
	_, me, err := s.standing(ctx, g)
	if err == nil && me.Role < im.RoleAdmin {
		err = errNotAllowed("change the picture")
	}
	if err == nil {
		err = s.srv.store.EditLeaf(ctx, g.Log(), avatarLeaf, func(im.Leaf, bool, []string) (im.LeafEdit, error) { return edit, nil })
	}
	if err != nil {
		return s.srv.public("avatar", err)
	}
	return s.editGroup(ctx, g, func(g *im.Group) error {
		g.AvatarHash = hash
		return nil
	})
}

func checkAvatar(data []byte) (media string, err error) {
	if len(data) > maxAvatar {
		return "", im.Errorf(im.CodeTooLarge, "the picture has %d bytes; at most %d are taken", len(data), maxAvatar)
	}
	if len(data) > 12 && bytes.HasPrefix(data, []byte("RIFF")) && bytes.Equal(data[8:12], []byte("WEBP")) {
		return "image/webp", nil
	}
	for _, p := range pictures {
		if bytes.HasPrefix(data, p.magic) {
			return p.media, nil
		}
	}
	return "", im.Errorf(im.CodeInvalid, "the picture is no PNG, JPEG, GIF or WebP")
}
