package im

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
)

func TestTraits(t *testing.T) {
	name := regexp.MustCompile(`^[A-Z][A-Z_]*[A-Z]$`)
	codes, names := map[ErrorCode]bool{}, map[string]bool{}
	last := ErrorCode(0)
	for _, tr := range Traits() {
		if codes[tr.Code] {
			t.Errorf("%d is there twice", tr.Code)
		}
		if names[tr.Name] {
			t.Errorf("%s is there twice", tr.Name)
		}
		if tr.Code <= last {
			t.Errorf("%d stands after %d", tr.Code, last)
		}
		if class := tr.Code / 1000; class < 1 || class > 5 {
			t.Errorf("%d is in no class", tr.Code)
		}
		if !name.MatchString(tr.Name) {
			t.Errorf("%q is no name", tr.Name)
		}
		codes[tr.Code], names[tr.Name], last = true, true, tr.Code
		if tr.Code.Trait() != tr || tr.Code.String() != tr.Name {
			t.Errorf("%d does not find its trait", tr.Code)
		}
	}
}

// The numbers are on the wire and in client programs. A line here may be added
// and never changed.
func TestCodesNeverChange(t *testing.T) {
	want := map[string]ErrorCode{
		"MALFORMED": 1001, "FRAME_TOO_LARGE": 1002, "UNSUPPORTED": 1003, "VERSION": 1004, "BAD_STATE": 1005,
		"TIMEOUT": 1006, "IDLE": 1007, "INVALID": 1008,
		"BAD_CREDENTIALS": 2001, "TOKEN_INVALID": 2002, "TICKET_EXPIRED": 2003, "TICKET_REPLAYED": 2004,
		"TICKET_FOREIGN": 2005, "REPLACED": 2006, "REVOKED": 2007, "DISABLED": 2008, "CHANNEL_BINDING": 2009,
		"AUTH_BUSY": 2010, "REGISTRATION_CLOSED": 2011, "INVITE_INVALID": 2012, "NAME_TAKEN": 2013,
		"PASSWORD_WEAK": 2014, "MECHANISM": 2015, "TOO_MANY_DEVICES": 2016, "LOGGED_OUT": 2017,
		"RATE_LIMITED": 3001, "TOO_LARGE": 3002, "TOO_MANY": 3003, "SLOW_CONSUMER": 3007,
		"FORBIDDEN": 4001, "BLOCKED": 4003, "NOT_FOUND": 4004, "ID_REUSED": 4009, "CONFLICT": 4010,
		"ZONE_UNAVAILABLE": 5001, "OVERLOADED": 5002, "RETRY_LATER": 5003, "GO_AWAY": 5004, "HISTORY_REGRESSED": 5005,
		"NO_ACS": 5006, "UNKNOWN_OUTCOME": 5007, "INTERNAL": 5999,
	}
	for name, code := range want {
		if code.String() != name {
			t.Errorf("%d is %s, was %s", code, code, name)
		}
	}
	if got := len(Traits()); got < len(want) {
		t.Errorf("the list has %d codes, had %d", got, len(want))
	}
}

func TestTraitClasses(t *testing.T) {
	for _, tr := range Traits() {
		switch {
		case tr.Code < 5000 && !tr.Definite:
			t.Errorf("%s: only class 5 may leave the outcome open", tr.Name)
		case tr.Code >= 5000 && !tr.Reconnect:
			t.Errorf("%s: class 5 means that waiting helps", tr.Name)
		}
	}
	for _, c := range []ErrorCode{CodeBadCredentials, CodeTokenInvalid, CodeReplaced, CodeRevoked, CodeDisabled} {
		if c.Trait().Reconnect {
			t.Errorf("%s: a client must not hot-loop on it", c)
		}
	}
}

func TestUnknownCode(t *testing.T) {
	tr := ErrorCode(2999).Trait()
	if tr.Definite || !tr.Reconnect || tr.Name != "CODE_2999" || tr.Code != 2999 {
		t.Errorf("got %+v", tr)
	}
}

func TestError(t *testing.T) {
	behind := errors.New("disk on fire")
	e := &Error{Code: CodeOverloaded, Detail: "busy", Err: behind}
	wrapped := fmt.Errorf("shard: append zone 3: %w", e)
	for _, c := range []struct {
		err  error
		want ErrorCode
	}{
		{nil, 0},
		{e, CodeOverloaded},
		{wrapped, CodeOverloaded},
		{behind, CodeInternal},
		{fmt.Errorf("x: %w", Errorf(CodeNotFound, "user %d", 7)), CodeNotFound},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("CodeOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
	if e.Error() != "OVERLOADED: busy: disk on fire" {
		t.Errorf("Error() = %q", e.Error())
	}
	if !errors.Is(wrapped, &Error{Code: CodeOverloaded}) || errors.Is(wrapped, &Error{Code: CodeInternal}) || !errors.Is(wrapped, behind) {
		t.Error("errors.Is must compare by code and see what was behind")
	}
}

func TestShowWords(t *testing.T) {
	for s := ShowOffline; s <= ShowChat; s++ {
		got, err := ParseShow(s.String())
		if err != nil || got != s {
			t.Errorf("ParseShow(%q) = %v, %v", s.String(), got, err)
		}
	}
	if _, err := ParseShow("sleeping"); CodeOf(err) != CodeInvalid {
		t.Errorf("got %v", err)
	}
	if Show(200).String() != "offline" {
		t.Error("an unknown show is offline")
	}
}
