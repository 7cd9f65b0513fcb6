package auth

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"github.com/cxx-im/cxx/im"
)

const (
	minPassword = 8               // bytes after preparation
	maxPassword = 1024            // bytes
	rawPassword = 4 * maxPassword // not even looked at when longer than this before preparation
)

//go:embed common.txt
var commonText string

// common holds passwords that everybody tries first, in lower case.
var common = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(commonText) {
		m[w] = true
	}
	return m
}()

// PreparePassword prepares a new password (RFC 8265 OpaqueString) and checks
// the policy. The error is im.CodePasswordWeak with a sentence for the user.
func PreparePassword(a im.Addr, password string) (string, error) {
	p, err := prepare(password)
	switch {
	case len(password) > rawPassword:
		return "", im.Errorf(im.CodePasswordWeak, "the password is longer than %d bytes", maxPassword)
	case err != nil:
		return "", im.Errorf(im.CodePasswordWeak, "the password has characters that cannot be typed everywhere, such as control characters; choose others")
	case len(p) < minPassword:
		return "", im.Errorf(im.CodePasswordWeak, "the password is too short; use at least %d characters", minPassword)
	case len(p) > maxPassword:
		return "", im.Errorf(im.CodePasswordWeak, "the password is longer than %d bytes", maxPassword)
	case norm.NFKC.String(p) != p:
		// SASLprep (RFC 4013), which older clients use, would fold these to
		// other characters: the same password would then fail on some devices.
		return "", im.Errorf(im.CodePasswordWeak, "the password has characters that programs read in different ways, such as full-width letters; choose others")
	}
	if why := weakness(strings.ToLower(p), a); why != "" {
		return "", im.Errorf(im.CodePasswordWeak, "the password is too easy to guess: %s; choose another, a few unrelated words for instance", why)
	}
	return p, nil
}

// prepare brings a password to the form that its verifiers are made of.
func prepare(password string) (string, error) {
	if len(password) > rawPassword {
		return "", im.Errorf(im.CodeTooLarge, "the password is longer than %d bytes", maxPassword)
	}
	if !utf8.ValidString(password) {
		return "", im.Errorf(im.CodeInvalid, "the password is not UTF-8")
	}
	return precis.OpaqueString.String(password)
}

// weakness says why nobody should use p, in lower case; empty: go ahead.
func weakness(p string, a im.Addr) string {
	local := strings.ToLower(a.Local)
	switch {
	case p == local || p == local+"@"+a.Domain || p == a.Domain:
		return "it is the name of the account"
	case local != "" && trimDigits(p) == local:
		return "it is the name of the account with digits"
	case common[p]:
		return "it is one of the passwords that everybody tries first"
	case common[trimDigits(p)] && len(p)-len(trimDigits(p)) <= 6:
		return "it is a very common password with digits"
	case fewRunes(p):
		return "it repeats one or two characters"
	case isRun(p):
		return "its characters follow each other in the alphabet or on the keyboard"
	}
	return ""
}

// trimDigits takes digits and the usual sign off the end: "summer2024!" is no
// better than "summer".
func trimDigits(p string) string { return strings.TrimRight(p, "0123456789!?.*#$@_-") }

// fewRunes reports whether p is made of one or two different characters.
func fewRunes(p string) bool {
	seen := map[rune]bool{}
	for _, r := range p {
		if seen[r] = true; len(seen) > 2 {
			return false
		}
	}
	return true
}

var rows = []string{
	"01234567890123456789", "abcdefghijklmnopqrstuvwxyzabcdef",
	"1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./",
	"qwertzuiopü", "azertyuiop", "qsdfghjklm", "yxcvbnm,.-",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0",
	"qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn",
}

// isRun reports whether p is a stretch of the alphabet, the digits or a
// keyboard row, in either direction.
func isRun(p string) bool {
	back := []rune(p)
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	for _, row := range rows {
		if strings.Contains(row, p) || strings.Contains(row, string(back)) {
			return true
		}
	}
	return false
}
