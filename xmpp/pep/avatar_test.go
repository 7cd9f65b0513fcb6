package pep

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/xmpp/iq"
	"github.com/cxx-im/cxx/xmpp/stanza"
	"github.com/cxx-im/cxx/xmpp/xmpptest"
)

var (
	png    = "\x89PNG and so on"
	binval = base64.StdEncoding.EncodeToString([]byte(png))
	hash   = func() string { s := sha1.Sum([]byte(png)); return hex.EncodeToString(s[:]) }()
)

func info(id, more string) string {
	return "<metadata xmlns='" + nsMetadata + "'><info bytes='14' id='" + id + "' type='image/png'" + more + "/></metadata>"
}

func data(text string) string { return "<data xmlns='" + nsData + "'>" + text + "</data>" }

// card returns juliet's vCard.
func card(w *world) string {
	_, list, err := w.sessions["juliet/balcony"].Core().LeafItems(w.Context(), w.cell.User("juliet"), nsVCard, im.ItemQuery{})
	if err != nil || len(list) != 1 {
		return ""
	}
	return string(list[0].Payload)
}

func putCard(w *world, in string) {
	err := w.sessions["juliet/balcony"].Core().EditLeaf(w.Context(), w.cell.User("juliet"), nsVCard, func(im.Leaf, bool, []string) (im.LeafEdit, error) {
		return im.LeafEdit{Config: []byte{}, Put: []im.Item{{ID: vcardItem, Payload: []byte("<vCard xmlns='vcard-temp'>" + in + "</vCard>")}}}, nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// XEP-0398 section 4.1.
func TestAvatarToVCard(t *testing.T) {
	photo := "<PHOTO><TYPE>image/png</TYPE><BINVAL>" + binval + "</BINVAL></PHOTO>"
	open := "access_model=open"
	for _, c := range []struct {
		rule          string
		before        string // of the vCard
		data, options string
		meta          string
		metaOptions   string
		want          string
		changed       int
	}{
		{"4.1: the photo follows", "", data(binval), open, info(hash, ""), open, photo, 1},
		{"the rest of the vCard stays", "<FN>J</FN><PHOTO><BINVAL>AAAA</BINVAL></PHOTO>", data(binval), open, info(hash, ""), open, "<FN>J</FN>" + photo, 1},
		{"XEP-0084 4.1: line feeds are accepted", "", data(binval[:4] + "\n" + binval[4:]), open, info(hash, ""), open, photo, 1},
		{"4.1: the one that is not elsewhere", "", data(binval), open, strings.Replace(info(hash, ""), "<info", "<info id='x' url='https://a/b'/><info", 1), open, photo, 1},
		{"XEP-0084 3.5: disabled", "<FN>J</FN>" + photo, data(binval), open, "<metadata xmlns='" + nsMetadata + "'/>", open, "<FN>J</FN>", 1},
		{"nothing new", photo, data(binval), open, info(hash, ""), open, photo, 0},
		{"8: not everybody may see the data", "", data(binval), "access_model=presence", info(hash, ""), open, "", 0},
		{"8: not everybody may see the metadata", "", data(binval), open, info(hash, ""), "access_model=presence", "", 0},
		{"4.1: the hash is checked", "", data(binval[4:]), open, info(hash, ""), open, "", 0},
		{"no picture", "", data("%%%"), open, info(hash, ""), open, "", 0},
		{"no data", "", data(binval), open, info("0000", ""), open, "", 0},
	} {
		w := newWorld(t)
		changed := 0
		w.v.PhotoChanged = func(context.Context, iq.Session) { changed++ }
		if c.before != "" {
			putCard(w, c.before)
		}
		w.must(juliet+"set", publish(nsData, hash, c.data, c.options))
		w.must(juliet+"set", publish(nsMetadata, hash, c.meta, c.metaOptions))
		if c.want != "" {
			c.want = "<vCard xmlns='vcard-temp'>" + c.want + "</vCard>"
		}
		if got := card(w); got != c.want || changed != c.changed {
			t.Errorf("%s: changed %d\n got %s\nwant %s", c.rule, changed, got, c.want)
		}
		got, ok := PhotoHash(t.Context(), w.sessions["romeo/orchard"].Core(), w.cell.User("juliet"))
		if want := strings.Contains(c.want, binval); ok != want || want && got != hash {
			t.Errorf("%s: hash %q %v", c.rule, got, ok)
		}
	}
	w := newWorld(t)
	w.must(juliet+"set", publish(nsData, hash, data(binval), open))
	w.must(juliet+"set", publish(nsMetadata, hash, info(hash, ""), open))
	w.must(juliet+"set", pub("<retract node='"+nsMetadata+"'><item id='"+hash+"'/></retract>"))
	if got := card(w); strings.Contains(got, "PHOTO") {
		t.Errorf("after the avatar is gone: %s", got)
	}
}

// XEP-0398 section 4.2.
func TestVCardToAvatar(t *testing.T) {
	w := newWorld(t)
	w.session("romeo/orchard", nsMetadata)
	set := func(in string) {
		t.Helper()
		putCard(w, in)
		if err := w.v.VCardSet(t.Context(), w.sessions["juliet/balcony"], xmpptest.Parse(t, card(w))); err != nil {
			t.Error(err)
		}
	}
	photo := "<PHOTO><TYPE>image/jpeg</TYPE><BINVAL>" + binval + "</BINVAL></PHOTO>"
	set("<FN>J</FN>")
	w.same("no photo", w.events())
	set(photo)
	meta := "<items node='urn:xmpp:avatar:metadata'><item id='" + hash + "'><metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='14' id='" + hash + "' type='image/png'/></metadata></item></items>"
	w.same("4.2: subscribers of the metadata are told", w.events(), "romeo/orchard juliet:"+meta)
	// A vCard is open to everybody, and so is this.
	if got := w.ask("tybalt/street get juliet", items(nsMetadata)); got != "<pubsub>"+meta+"</pubsub>" {
		t.Error(got)
	}
	if got := w.ask("tybalt/street get juliet", items(nsData)); !strings.Contains(got, data(binval)) {
		t.Error(got)
	}
	set(photo)
	w.same("nothing new", w.events())
	set("<FN>J</FN>")
	w.same("XEP-0084 3.5: disabled", w.events(), "romeo/orchard juliet:<items node='urn:xmpp:avatar:metadata'><item id='current'><metadata xmlns='urn:xmpp:avatar:metadata'/></item></items>")
	set("<FN>J</FN>")
	w.same("nothing new", w.events())
	w.must(juliet+"set", own("<configure node='"+nsMetadata+"'>"+submit(formConfig, "access_model=presence")+"</configure>"))
	set(photo)
	if got := w.ask("tybalt/street get juliet", items(nsMetadata)); got != "auth not-authorized presence-subscription-required" {
		t.Errorf("the owner's wish was not kept: %s", got)
	}
}

func TestImageType(t *testing.T) { // XEP-0153 section 5
	for _, c := range [][3]string{
		{"image/jpeg", png, "image/png"},
		{"", "\xff\xd8\xff\xe0", "image/jpeg"},
		{"text/html", "GIF89a", "image/gif"},
		{"image/webp", "RIFF", "image/webp"},
		{"text/html", "<html>", "image/png"},
		{"", "x", "image/png"},
	} {
		if got := imageType(c[0], []byte(c[1])); got != c[2] {
			t.Errorf("%q %q: %s", c[0], c[1], got)
		}
	}
}

func TestPhotoHashWithoutPhoto(t *testing.T) {
	w := newWorld(t)
	core := w.sessions["juliet/balcony"].Core()
	for _, in := range []string{"", "<PHOTO/>", "<PHOTO><BINVAL/></PHOTO>", "<PHOTO><BINVAL>!</BINVAL></PHOTO>"} {
		putCard(w, in)
		if got, ok := PhotoHash(t.Context(), core, core.User()); ok || got != "" {
			t.Errorf("%s: %q", in, got)
		}
	}
	w.cell.Fail = map[string]error{"LeafItems": stanza.Errorf(stanza.InternalServerError, "")}
	if _, ok := PhotoHash(t.Context(), core, core.User()); ok {
		t.Error("a hash of nothing")
	}
}
