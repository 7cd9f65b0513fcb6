package pep

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmlstream"
)

const (
	nsMetadata   = "urn:xmpp:avatar:metadata" // XEP-0084
	nsData       = "urn:xmpp:avatar:data"
	nsConversion = "urn:xmpp:pep-vcard-conversion:0" // XEP-0398
	nsVCard      = "vcard-temp"                      // XEP-0054; also the name of its leaf
	vcardItem    = "current"                         // the item of that leaf
)

// picture is an avatar.
type picture struct {
	hash, typ string
	data      []byte
}

func newPicture(text, typ string) (picture, bool) {
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(data) == 0 {
		return picture{}, false
	}
	sum := sha1.Sum(data) // what XEP-0084 section 4.2.1 and XEP-0153 section 3.1 want
	return picture{hash: hex.EncodeToString(sum[:]), typ: imageType(typ, data), data: data}, true
}

// imageType says what kind of image data is: the beginning of the data knows
// better than a label (XEP-0153 section 5).
func imageType(label string, data []byte) string {
	for start, typ := range map[string]string{"\x89PNG": "image/png", "\xff\xd8\xff": "image/jpeg", "GIF8": "image/gif"} {
		if strings.HasPrefix(string(data[:min(len(data), len(start))]), start) {
			return typ
		}
	}
	if strings.HasPrefix(label, "image/") {
		return label
	}
	return "image/png"
}

// PhotoHash returns the hash of the photo in the user's vCard as presence shows
// it (XEP-0153 section 3.1); false when there is none.
func PhotoHash(ctx context.Context, items im.Items, owner im.UserID) (string, bool) {
	card, err := vcard(ctx, items, owner)
	if err != nil {
		return "", false
	}
	p, ok := photo(card)
	return p.hash, ok
}

// vcard reads the user's vCard; an empty one when there is none.
func vcard(ctx context.Context, items im.Items, owner im.UserID) (*xmlstream.Element, error) {
	_, list, err := items.LeafItems(ctx, owner, nsVCard, im.ItemQuery{IDs: []string{vcardItem}})
	if err != nil && im.CodeOf(err) != im.CodeNotFound {
		return nil, err
	}
	if len(list) > 0 {
		if e := payloadOf(&list[0]); e.Is(nsVCard, "vCard") {
			return e, nil
		}
	}
	return xmlstream.New(nsVCard, "vCard"), nil
}

func photo(card *xmlstream.Element) (picture, bool) {
	e := card.Child(nsVCard, "PHOTO")
	return newPicture(e.ChildText(nsVCard, "BINVAL"), e.ChildText(nsVCard, "TYPE"))
}

// avatarToVCard makes the avatar that was announced the photo of the vCard
// (XEP-0398 section 4.1). The vCard is for everybody, so the avatar has to be too
// (section 8).
func (v *Service) avatarToVCard(ctx context.Context, s iq.Session, meta config, posts []post) error {
	if meta.Access != accessOpen {
		return nil
	}
	id, typ := announced(posts)
	if id == "" {
		return v.setPhoto(ctx, s, picture{})
	}
	c, list, err := fetch(ctx, s, nsData, im.ItemQuery{IDs: []string{id}})
	if err != nil || len(list) == 0 || c.Access != accessOpen {
		return err
	}
	p, ok := newPicture(payloadOf(&list[0]).Text(), typ)
	if !ok || p.hash != strings.ToLower(id) {
		return nil
	}
	return v.setPhoto(ctx, s, p)
}

// announced returns the image of the newest metadata that is in the data node;
// none: the avatar is disabled (XEP-0084 section 3.5).
func announced(posts []post) (id, typ string) {
	if len(posts) == 0 {
		return "", ""
	}
	for c := range posts[len(posts)-1].payload.Children() {
		if c.Is(nsMetadata, "info") && c.Attr("url") == "" {
			return c.Attr("id"), c.Attr("type")
		}
	}
	return "", ""
}

// setPhoto puts a photo in the vCard; without data it takes the photo out.
func (v *Service) setPhoto(ctx context.Context, s iq.Session, p picture) error {
	core := s.Core()
	card, err := vcard(ctx, core, core.User())
	if err != nil {
		return err
	}
	if now, _ := photo(card); now.hash == p.hash {
		return nil
	}
	card = card.Shallow()
	card.Remove(nsVCard, "PHOTO")
	if p.data != nil {
		card.AddNew(nsVCard, "PHOTO").Add(xmlstream.NewText(nsVCard, "TYPE", p.typ),
			xmlstream.NewText(nsVCard, "BINVAL", base64.StdEncoding.EncodeToString(p.data)))
	}
	item := im.Item{ID: vcardItem, Payload: stanza.Bytes(card), Publisher: s.Addr(), At: v.now()}
	err = core.EditLeaf(ctx, core.User(), nsVCard, func(_ im.Leaf, exists bool, _ []string) (im.LeafEdit, error) {
		edit := im.LeafEdit{Put: []im.Item{item}}
		if !exists {
			edit.Config = []byte{}
		}
		return edit, nil
	})
	if err == nil {
		v.photoChanged(ctx, s)
	}
	return err
}

func (v *Service) photoChanged(ctx context.Context, s iq.Session) {
	if v.PhotoChanged != nil {
		v.PhotoChanged(ctx, s)
	}
}

// VCardSet publishes the photo of a vCard that the session's user has just set
// (XEP-0398 section 4.2). A vCard is for everybody, and so is the avatar unless
// its nodes say otherwise.
func (v *Service) VCardSet(ctx context.Context, s iq.Session, card *xmlstream.Element) error {
	v.photoChanged(ctx, s)
	_, list, err := fetch(ctx, s, nsMetadata, im.ItemQuery{Limit: 1})
	if err != nil {
		return err
	}
	known := ""
	if len(list) > 0 {
		known, _ = announced([]post{{payload: payloadOf(&list[0])}})
	}
	p, ok := photo(card)
	if strings.EqualFold(known, p.hash) {
		return nil
	}
	meta := xmlstream.New(nsMetadata, "metadata")
	c := defaults(nsMetadata)
	c.Access = accessOpen
	if !ok {
		return v.place(ctx, s, nsMetadata, c, newPost("current", meta))
	}
	data := xmlstream.NewText(nsData, "data", base64.StdEncoding.EncodeToString(p.data))
	if err := v.place(ctx, s, nsData, c, newPost(p.hash, data)); err != nil {
		return err
	}
	meta.AddNew(nsMetadata, "info").SetAttr("bytes", strconv.Itoa(len(p.data))).SetAttr("id", p.hash).SetAttr("type", p.typ)
	return v.place(ctx, s, nsMetadata, c, newPost(p.hash, meta))
}
