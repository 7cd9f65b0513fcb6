package im

import (
	"strings"

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
	if err != nil || nick == "" {
		return "", Errorf(CodeInvalid, "the nickname %q cannot be used; choose letters, digits, signs and single blanks", clip(s))
	}
	return nick, nil
}

// NickKey returns what two prepared nicknames have in common when people would take
// one for the other: case, width and blanks do not count (RFC 8266 section 2.4), nor
// which script a letter is from that looks the same. It is part of the storage
// format.
func NickKey(nick string) string {
	key, err := precis.Nickname.CompareKey(nick)
	if err != nil {
		key = nick
	}
	return lookAlikes.Replace(key)
}

// lookAlikes folds small letters and digits that are drawn alike to one of them: the
// Latin ones of Cyrillic, Greek and Armenian, and digits.
var lookAlikes = strings.NewReplacer(
	"а", "a", "в", "b", "с", "c", "ԁ", "d", "е", "e", "һ", "h", "і", "i", "ї", "i", "ј", "j", "к", "k", "ӏ", "l", "м", "m",
	"н", "h", "о", "o", "р", "p", "ԛ", "q", "ѕ", "s", "т", "t", "ѵ", "v", "ԝ", "w", "х", "x", "у", "y", "ү", "y", "з", "3",
	"α", "a", "β", "b", "ε", "e", "η", "n", "ι", "i", "κ", "k", "μ", "m", "ν", "v", "ο", "o", "ρ", "p", "τ", "t", "υ", "u",
	"χ", "x", "γ", "y", "ω", "w", "ϲ", "c", "ϳ", "j",
	"օ", "o", "ո", "n", "ս", "u", "հ", "h", "ց", "g", "զ", "q", "յ", "j", "ℓ", "l",
	"ı", "i", "ɡ", "g", "ɑ", "a", "ƅ", "b", "ø", "o", "ł", "l",
	"0", "o", "1", "l", "|", "l",
)
