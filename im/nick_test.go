package im

import "testing"

// Who looks alike has one key; who does not has another.
func TestNickKey(t *testing.T) {
	for _, same := range [][]string{
		{"Alice", "alice", "ALICE", "аlicе", "Ａlice", "alіce", "αlice", "a1ice"},
		{"Bob", "B0b", "Воb", "вов"},
		{"Paul", "PauI", "Ρаυl", "ᴘᴀᴜʟ", "pau|"},
		{"Ian", "lan", "1an", "İan", "ian"},
		{"Hanna", "Ηanna", "ΗАΝΝА", "Ꮋanna"},
		{"Kern", "Kem", "Kerη"},
		{"Wim", "VVim", "ννim"},
		{"two words", "Two  Words", " two words "},
	} {
		want := ""
		for _, s := range same {
			nick, err := PrepareNick(s)
			if err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			key := NickKey(nick)
			if want == "" {
				want = key
			}
			if key != want {
				t.Errorf("%q has the key %q, %q has %q", same[0], want, s, key)
			}
			if again := NickKey(key); again != key {
				t.Errorf("the key of %q is %q the second time, %q the first", s, again, key)
			}
		}
	}
	if NickKey("anna") == NickKey("hanna") || NickKey("ann") == NickKey("ahn") {
		t.Error("different nicknames have one key")
	}
}

// What cannot be a nickname is refused.
func TestPrepareNick(t *testing.T) {
	for _, bad := range []string{"", "   ", "a\u0000b", "a\u202eb", "a\u2800b", "\u0301ann", string(make([]byte, MaxNick+1))} {
		if nick, err := PrepareNick(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, nick)
		}
	}
	if nick, err := PrepareNick("  Ann   of  York "); err != nil || nick != "Ann of York" {
		t.Errorf("%q %v", nick, err)
	}
}
