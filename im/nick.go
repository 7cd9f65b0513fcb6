package im

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// MaxNick is how many bytes a nickname has at most.
const MaxNick = 256

// PrepareNick returns a nickname as it is kept and shown: enforced by the profile
// Nickname of PRECIS (RFC 8266), which trims and joins blanks.
func PrepareNick(s string) (string, error) {
	if len(s) > MaxNick {
		return "", Errorf(CodeInvalid, "the nickname has %d bytes; at most %d are taken", len(s), MaxNick)
	}
	nick, err := precis.Nickname.String(s)
	// A mark would stand on what is shown before the nickname; U+2800 is a blank.
	first, _ := utf8.DecodeRuneInString(nick)
	if err != nil || nick == "" || unicode.Is(unicode.M, first) || strings.ContainsRune(nick, '\u2800') {
		return "", Errorf(CodeInvalid, "the nickname %q cannot be used; choose letters, digits, signs and single blanks", clip(s))
	}
	return nick, nil
}

// NickKey returns what two prepared nicknames have in common when people would take
// one for the other: case, width and blanks do not count (RFC 8266 section 2.4), nor
// which script a letter is from that looks the same. It is part of the storage
// format.
func NickKey(nick string) string {
	key, err := precis.Nickname.CompareKey(capitals.Replace(nick))
	if err != nil {
		key = nick
	}
	return pairs.Replace(letters.Replace(key))
}

// capitals folds capital letters that look like others than their small ones do.
var capitals = strings.NewReplacer(
	"Η", "H", "Ν", "N", "Υ", "Y", "Ζ", "Z", // Greek
	"Ꭺ", "A", "Ᏼ", "B", "Ꮯ", "C", "Ꭰ", "D", "Ꭼ", "E", "Ꮐ", "G", "Ꮋ", "H", "Ꭻ", "J", "Ꮶ", "K", "Ꮮ", "L", "Ꮇ", "M", // Cherokee
	"Ꮲ", "P", "Ꭱ", "R", "Ꮪ", "S", "Ꭲ", "T", "Ꮩ", "V", "Ꮃ", "W", "Ꮓ", "Z",
)

// letters folds small letters and digits that are drawn alike to one of them: the Latin
// ones of Cyrillic, Greek and Armenian, small capitals, and digits. A capital I is drawn
// like a small L, so an i is one too.
var letters = strings.NewReplacer(
	"а", "a", "в", "b", "с", "c", "ԁ", "d", "е", "e", "һ", "h", "і", "l", "ї", "l", "ј", "j", "к", "k", "ӏ", "l", "м", "m",
	"н", "h", "о", "o", "р", "p", "ԛ", "q", "ѕ", "s", "т", "t", "ѵ", "v", "ԝ", "w", "х", "x", "у", "y", "ү", "y", "з", "3",
	"α", "a", "β", "b", "ε", "e", "ζ", "z", "η", "n", "ι", "l", "κ", "k", "μ", "m", "ν", "v", "ο", "o", "ρ", "p", "τ", "t",
	"υ", "u", "χ", "x", "γ", "y", "ω", "w", "ϲ", "c", "ϳ", "j",
	"օ", "o", "ո", "n", "ս", "u", "հ", "h", "ց", "g", "զ", "q", "յ", "j", "ℓ", "l",
	"ᴀ", "a", "ʙ", "b", "ᴄ", "c", "ᴅ", "d", "ᴇ", "e", "ɢ", "g", "ʜ", "h", "ɪ", "l", "ᴊ", "j", "ᴋ", "k", "ʟ", "l", "ᴍ", "m",
	"ɴ", "n", "ᴏ", "o", "ᴘ", "p", "ʀ", "r", "ꜱ", "s", "ᴛ", "t", "ᴜ", "u", "ᴠ", "v", "ᴡ", "w", "ʏ", "y", "ᴢ", "z",
	"i\u0307", "l", "i", "l", "ı", "l", "ɡ", "g", "ɑ", "a", "ƅ", "b", "ø", "o", "ł", "l",
	"0", "o", "1", "l", "|", "l",
)

// pairs folds what looks like one letter.
var pairs = strings.NewReplacer("rn", "m", "vv", "w")
