package web

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/im"
)

func TestTheLifeOfAUser(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	u, err := b.client.CreateUser(ctx, "Alice@localhost", "correct horse")
	if err != nil || u.Addr != "alice@localhost" || u.ID != 1 {
		t.Fatalf("create: %+v, %v", u, err)
	}
	if _, err := b.client.CreateUser(ctx, "alice@localhost", "correct horse"); im.CodeOf(err) != im.CodeNameTaken {
		t.Errorf("create again: %v", err)
	}
	if err := b.client.SetPassword(ctx, "alice@localhost", "battery staple", true); err != nil || b.passwords[1] != "battery staple" {
		t.Errorf("password: %q, %v", b.passwords[1], err)
	}
	if err := b.client.DisableUser(ctx, "alice@localhost"); err != nil {
		t.Error(err)
	}
	if u, err := b.client.User(ctx, "alice@localhost"); err != nil || !u.Disabled {
		t.Errorf("after disable: %+v, %v", u, err)
	}
	if err := b.client.EnableUser(ctx, "alice@localhost"); err != nil {
		t.Error(err)
	}
	if u, err := b.client.User(ctx, "alice@localhost"); err != nil || u.Disabled {
		t.Errorf("after enable: %+v, %v", u, err)
	}
	if want := []string{"user 1 REVOKED", "user 1 DISABLED"}; !reflect.DeepEqual(b.kicked, want) {
		t.Errorf("kicked %v, want %v", b.kicked, want)
	}
}

func TestDevicesAreListedAndRevoked(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	if _, err := b.client.CreateUser(ctx, "alice@localhost", "correct horse"); err != nil {
		t.Fatal(err)
	}
	b.devices[1] = []im.Device{{ID: 5, Resource: "phone", TokenHash: []byte("secret")}, {ID: 6}, {ID: 7, Revoked: true}}
	list, err := b.client.Devices(ctx, "alice@localhost")
	if err != nil || len(list) != 3 || list[0].Resource != "phone" || list[0].TokenHash != nil {
		t.Fatalf("devices: %+v, %v", list, err)
	}
	if err := b.client.RevokeDevice(ctx, "alice@localhost", 5); err != nil {
		t.Error(err)
	}
	if err := b.client.RevokeDevice(ctx, "alice@localhost", 99); im.CodeOf(err) != im.CodeNotFound {
		t.Errorf("unknown device: %v", err)
	}
	if err := b.client.RevokeDevice(ctx, "alice@localhost", 0); err != nil {
		t.Error(err)
	}
	if want := []string{"device 5 REVOKED", "device 6 REVOKED"}; !reflect.DeepEqual(b.kicked, want) {
		t.Errorf("kicked %v, want %v", b.kicked, want)
	}
}

func TestUsersArePaged(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	for i := range 7 {
		if _, err := b.client.CreateUser(ctx, fmt.Sprintf("u%d@localhost", i), "correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	after := im.UserID(0)
	for pages := 1; ; pages++ {
		p, err := b.client.Users(ctx, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Users {
			got = append(got, u.Addr)
		}
		if after = p.Next; after == 0 {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if len(got) != 7 || got[0] != "u0@localhost" || got[6] != "u6@localhost" {
		t.Errorf("got %v", got)
	}
}

func TestInvites(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	i, err := b.client.CreateInvite(ctx, 3, 48*time.Hour)
	if err != nil || i.Uses != 3 || len(i.Code) != 24 || !i.Expires.Equal(time.Unix(1_700_000_000, 0).Add(48*time.Hour)) {
		t.Fatalf("got %+v, %v", i, err)
	}
	j, err := b.client.CreateInvite(ctx, 0, 0)
	if err != nil || j.Uses != 1 || j.Code == i.Code {
		t.Fatalf("got %+v, %v", j, err)
	}
	for _, in := range []NewInvite{{Uses: -1}, {Uses: 1e6}, {Valid: "soon"}, {Valid: "-1h"}, {Valid: "9000h"}} {
		if _, err := b.admin.newInvite(ctx, in); im.CodeOf(err) != im.CodeInvalid {
			t.Errorf("%+v: %v", in, err)
		}
	}
}

func TestStateThroughTheClient(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	if s, err := b.client.Status(ctx); err != nil || s.Version != "v1" || s.Node != 3 {
		t.Errorf("status %+v, %v", s, err)
	}
	if list, err := b.client.Check(ctx); err != nil || len(list) != 0 {
		t.Errorf("check %v, %v", list, err)
	}
	if err := b.client.Ready(ctx); err != nil {
		t.Error(err)
	}
	if err := b.client.Drain(ctx); err != nil {
		t.Error(err)
	}
	<-b.drained
	wrong := &Client{Addr: b.client.Addr, Token: "no"}
	if _, err := wrong.Status(ctx); im.CodeOf(err) != im.CodeBadCredentials {
		t.Errorf("wrong token: %v", err)
	}
}

func TestChangesAreInTheAuditLog(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	_, _ = b.client.CreateUser(ctx, "alice@localhost", "correct horse")
	_, _ = b.client.CreateUser(ctx, "alice@localhost", "correct horse")
	_ = b.client.SetPassword(ctx, "alice@localhost", "battery staple", false)
	_, _ = b.client.User(ctx, "alice@localhost") // changes nothing
	text := b.lines(t)
	if strings.Contains(text, "horse") || strings.Contains(text, "staple") || strings.Contains(text, token) {
		t.Fatalf("a secret is in the audit log:\n%s", text)
	}
	var got []string
	ids := map[uint64]int{}
	for raw := range strings.Lines(text) {
		var l Line
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			t.Fatal(err)
		}
		ids[l.ID]++
		got = append(got, strings.TrimSpace(l.Action+" "+l.Target)+" "+l.Outcome)
	}
	want := []string{
		"user.create tried", "user.create alice@localhost done", "user.create tried", "user.create alice@localhost NAME_TAKEN",
		"user.password alice@localhost tried", "user.password alice@localhost done",
	}
	if !reflect.DeepEqual(got, want) || len(ids) != 3 {
		t.Errorf("got %q with %d ids\nwant %q", got, len(ids), want)
	}
	info, err := os.Stat(b.audit)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestAChangeThatCannotBeWrittenDownIsRefused(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.admin.Audit.Close()
	if _, err := b.client.CreateUser(ctx, "alice@localhost", "correct horse"); im.CodeOf(err) != im.CodeInternal {
		t.Errorf("got %v", err)
	}
	if len(b.accounts) != 0 {
		t.Error("the account was made")
	}
}

func TestTheAuditLogIsAppendedTo(t *testing.T) {
	path := t.TempDir() + "/audit.log"
	for range 2 {
		a, err := OpenAudit(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Begin(Line{Action: "x"}); err != nil {
			t.Fatal(err)
		}
		a.Close()
	}
	data, _ := os.ReadFile(path)
	if n := strings.Count(string(data), "\n"); n != 2 {
		t.Errorf("%d lines after opening twice", n)
	}
}
