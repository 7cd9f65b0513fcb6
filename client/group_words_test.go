package client_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

func TestSettings(t *testing.T) {
	for text, want := range map[string]im.Group{
		"title=Tea = time":     {Title: "Tea = time"},
		"about=":               {},
		"subject=now":          {Subject: "now"},
		"announcement=a b":     {Announcement: "a b"},
		"lang=de":              {Lang: "de"},
		"join=approval":        {Join: im.JoinApproval},
		"speak=admins":         {Speak: im.WhoAdmins},
		"invite=members":       {Invite: im.WhoMembers},
		"topic=nobody":         {Topic: im.WhoNobody},
		"mention-all=admins":   {MentionAll: im.WhoAdmins},
		"private=anyone":       {},
		"list=members":         {ListMembers: im.WhoMembers},
		"hidden=yes":           {Hidden: true},
		"history=yes":          {History: true},
		"public=yes":           {Public: true},
		"temporary=no":         {},
		"mute=forever":         {MutedUntil: im.Forever},
		"mute=no":              {},
		"max-members=20":       {MaxMembers: 20},
		"keep-days=0":          {},
		"keep-days=2147483647": {KeepDays: 1<<31 - 1},
	} {
		s, err := client.ParseSetting(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var g im.Group
		client.SettingsOf(&g, s)
		if !g.MutedUntil.Equal(want.MutedUntil) {
			t.Errorf("%s: muted until %v", text, g.MutedUntil)
		}
		g.MutedUntil = want.MutedUntil
		if g.Title != want.Title || g.Subject != want.Subject || g.Join != want.Join || g.Speak != want.Speak || g.Invite != want.Invite ||
			g.Topic != want.Topic || g.MentionAll != want.MentionAll || g.ListMembers != want.ListMembers || g.Hidden != want.Hidden ||
			g.History != want.History || g.Public != want.Public || g.MaxMembers != want.MaxMembers || g.KeepDays != want.KeepDays ||
			g.Announcement != want.Announcement || g.Lang != want.Lang {
			t.Errorf("%s makes %+v", text, g)
		}
		name, value, _ := strings.Cut(text, "=")
		shown := false
		for _, kv := range client.ShowSettings(&g) {
			shown = shown || kv == [2]string{name, value}
		}
		if !shown && value != "" {
			t.Errorf("%s is shown as %v", text, client.ShowSettings(&g))
		}
	}
	for text, says := range map[string]string{
		"join": "as in join=approval", "colour=red": "there is no setting", "join=maybe": "open, approval, invite", "hidden=1": "yes or no",
		"max-members=-1": "a number", "mute=soon": "10m, 24h or forever", "mute=-5m": "10m, 24h or forever", "": "as in join=approval",
	} {
		if _, err := client.ParseSetting(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if at, err := client.ParseMute("10m"); err != nil || time.Until(at) > 10*time.Minute || time.Until(at) < 9*time.Minute {
		t.Errorf("10m: %v %v", at, err)
	}
}

// Whatever is typed, it is a setting that can be shown, or an error.
func FuzzParseSetting(f *testing.F) {
	f.Add("join=approval")
	f.Add("mute=10m")
	f.Add("title==")
	f.Add("keep-days=99999999999")
	f.Fuzz(func(t *testing.T, s string) {
		setting, err := client.ParseSetting(s)
		if err != nil {
			return
		}
		var g im.Group
		client.SettingsOf(&g, setting)
		name, _, _ := strings.Cut(s, "=")
		if !slices.Contains(client.SettingNames(), name) {
			t.Errorf("%q was taken", s)
		}
		client.ShowSettings(&g)
	})
}
