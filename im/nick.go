package im

import "golang.org/x/text/secure/precis"

// maxNick is the longest nickname, in bytes.
const maxNick = 256

// PrepareNick returns a nickname as it is kept and shown: enforced by the profile
// Nickname of PRECIS (RFC 8266), which trims and joins blanks.
func PrepareNick(s string) (string, error) {
	if len(s) > maxNick {
		return "", Errorf(CodeInvalid, "the nickname has %d bytes; at most %d are taken", len(s), maxNick)
	}
	nick, err := precis.Nickname.String(s)
	if err != nil || nick == "" {
		return "", Errorf(CodeInvalid, "the nickname %q cannot be used; choose letters, digits, signs and single blanks", clip(s))
	}
	return nick, nil
}

// NickKey returns what two prepared nicknames have in common when people would take
// one for the other. It is part of the storage format.
func NickKey(nick string) string {
	key, err := precis.Nickname.CompareKey(nick)
	if err != nil {
		return nick
	}
	return key
}
