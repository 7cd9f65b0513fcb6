package client

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cxx-im/cxx/im"
)

// Words for the settings of a group, as people type them and programs show them.
var (
	joinWords = []string{"open", "approval", "invite"}
	whoWords  = []string{"anyone", "members", "admins", "nobody"}
)

// settingWord is a setting with a name: how it is read, and how it is shown.
type settingWord struct {
	name, values string
	parse        func(string) (GroupSetting, error)
	show         func(*im.Group) string
}

// settingWords is in the order in which settings are shown.
var settingWords = []settingWord{
	textWord("title", SetTitle, func(g *im.Group) string { return g.Title }),
	textWord("about", SetAbout, func(g *im.Group) string { return g.About }),
	textWord("subject", SetSubject, func(g *im.Group) string { return g.Subject }),
	textWord("announcement", SetAnnouncement, func(g *im.Group) string { return g.Announcement }),
	textWord("lang", SetLang, func(g *im.Group) string { return g.Lang }),
	choiceWord("join", joinWords, SetJoin, func(g *im.Group) im.JoinRule { return g.Join }),
	choiceWord("speak", whoWords, SetSpeak, func(g *im.Group) im.Who { return g.Speak }),
	choiceWord("invite", whoWords, SetInvite, func(g *im.Group) im.Who { return g.Invite }),
	choiceWord("topic", whoWords, SetTopic, func(g *im.Group) im.Who { return g.Topic }),
	choiceWord("mention-all", whoWords, SetMentionAll, func(g *im.Group) im.Who { return g.MentionAll }),
	choiceWord("private", whoWords, SetPrivate, func(g *im.Group) im.Who { return g.Private }),
	choiceWord("list", whoWords, SetListMembers, func(g *im.Group) im.Who { return g.ListMembers }),
	yesNoWord("hidden", SetHidden, func(g *im.Group) bool { return g.Hidden }),
	yesNoWord("history", SetHistory, func(g *im.Group) bool { return g.History }),
	yesNoWord("public", SetPublic, func(g *im.Group) bool { return g.Public }),
	yesNoWord("temporary", SetTemporary, func(g *im.Group) bool { return g.Temporary }),
	{"mute", "a time such as 10m, forever or no", parseMute, func(g *im.Group) string { return muteWord(g.MutedUntil) }},
	numberWord("max-members", SetMaxMembers, func(g *im.Group) int { return g.MaxMembers }),
	numberWord("keep-days", SetKeepDays, func(g *im.Group) int { return g.KeepDays }),
}

func textWord(name string, set func(string) GroupSetting, get func(*im.Group) string) settingWord {
	return settingWord{name, "a text", func(v string) (GroupSetting, error) { return set(v), nil }, get}
}

func choiceWord[T ~uint8](name string, words []string, set func(T) GroupSetting, get func(*im.Group) T) settingWord {
	values := strings.Join(words, ", ")
	return settingWord{name, values, func(v string) (GroupSetting, error) {
		i := slices.Index(words, v)
		if i < 0 {
			return GroupSetting{}, im.Errorf(im.CodeInvalid, "%s is one of %s, not %q", name, values, v)
		}
		return set(T(i)), nil
	}, func(g *im.Group) string {
		if i := int(get(g)); i < len(words) {
			return words[i]
		}
		return strconv.Itoa(int(get(g)))
	}}
}

func yesNoWord(name string, set func(bool) GroupSetting, get func(*im.Group) bool) settingWord {
	return settingWord{name, "yes or no", func(v string) (GroupSetting, error) {
		if v != "yes" && v != "no" {
			return GroupSetting{}, im.Errorf(im.CodeInvalid, "%s is yes or no, not %q", name, v)
		}
		return set(v == "yes"), nil
	}, func(g *im.Group) string {
		if get(g) {
			return "yes"
		}
		return "no"
	}}
}

func numberWord(name string, set func(int) GroupSetting, get func(*im.Group) int) settingWord {
	return settingWord{name, "a number, 0 for no limit", func(v string) (GroupSetting, error) {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil {
			return GroupSetting{}, im.Errorf(im.CodeInvalid, "%s is a number, not %q", name, v)
		}
		return set(int(n)), nil
	}, func(g *im.Group) string { return strconv.Itoa(get(g)) }}
}

func parseMute(v string) (GroupSetting, error) {
	if v == "no" {
		return SetMutedUntil(time.Time{}), nil
	}
	until, err := ParseMute(v)
	return SetMutedUntil(until), err
}

// ParseMute reads until when somebody shall be silent: a time from now, as in 10m or
// 24h, or forever.
func ParseMute(v string) (time.Time, error) {
	if v == "forever" {
		return im.Forever, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return time.Time{}, im.Errorf(im.CodeInvalid, "%q is no time to be silent; write 10m, 24h or forever", v)
	}
	return time.Now().Add(d).UTC().Truncate(time.Millisecond), nil
}

func muteWord(until time.Time) string {
	switch {
	case until.IsZero() || until.Before(time.Now()):
		return "no"
	case until.Equal(im.Forever):
		return "forever"
	}
	return "until " + until.Local().Format("2006-01-02 15:04")
}

// ParseSetting reads a setting as people type it: join=approval.
func ParseSetting(s string) (GroupSetting, error) {
	name, value, ok := strings.Cut(s, "=")
	i := slices.IndexFunc(settingWords, func(w settingWord) bool { return w.name == name })
	switch {
	case !ok:
		return GroupSetting{}, im.Errorf(im.CodeInvalid, "%q is no setting; write it as in join=approval", s)
	case i < 0:
		return GroupSetting{}, im.Errorf(im.CodeInvalid, "there is no setting %q; there are %s", name, strings.Join(SettingNames(), ", "))
	}
	return settingWords[i].parse(value)
}

// SettingNames lists what ParseSetting knows.
func SettingNames() []string {
	names := make([]string, len(settingWords))
	for i, w := range settingWords {
		names[i] = w.name
	}
	return names
}

// SettingHelp says what each setting can be, one a line.
func SettingHelp() string {
	var b strings.Builder
	for _, w := range settingWords {
		fmt.Fprintf(&b, "  %-13s %s\n", w.name, w.values)
	}
	return b.String()
}

// ShowSettings returns the settings of a group as name and value, without those that
// are empty.
func ShowSettings(g *im.Group) (list [][2]string) {
	for _, w := range settingWords {
		if v := w.show(g); v != "" {
			list = append(list, [2]string{w.name, v})
		}
	}
	return list
}

// SettingsOf carries out settings on a group that is yet to be made.
func SettingsOf(g *im.Group, settings ...GroupSetting) {
	for _, s := range settings {
		s.set(g)
	}
}
