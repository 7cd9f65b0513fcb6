package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

const groupArg = "GROUP, its name (tea or #tea) or its address"

const settingsHelp = `Each SETTING is NAME=VALUE:

`

const whoHelp = `
"anyone" is everybody in the group; each of members and admins is within the one
before.`

func groupVerbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		groupsVerb(a), groupVerb(a), groupCreateVerb(a), groupSetVerb(a), directoryVerb(a), readersVerb(a), retractVerb(a), pinVerb(a),
		a.withReason("dissolve GROUP", "end a group for everybody", func(ctx context.Context, c *client.Client, g im.GroupID, reason string) error {
			return c.DissolveGroup(ctx, g, "", reason)
		}),
	}
}

// inGroup runs f with a group that is found by its name.
func (a *app) inGroup(ctx context.Context, name string, f func(ctx context.Context, c *client.Client, st im.GroupState) error) error {
	return a.once(ctx, func(ctx context.Context, c *client.Client) error {
		st, err := findGroup(ctx, c, name)
		if err != nil {
			return err
		}
		return f(ctx, c, st)
	})
}

func findGroup(ctx context.Context, c *client.Client, name string) (im.GroupState, error) {
	st, err := c.FindGroup(ctx, name)
	var e *im.Error
	if errors.As(err, &e) && e.Code == im.CodeNotFound {
		err = im.Errorf(im.CodeNotFound, "there is no group %s, or you may not know of it", name)
	}
	return st, err
}

func groupsVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "groups", Short: "list the groups you are in or invited to, with what is unread", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, err := c.Groups(ctx)
				if err != nil {
					return err
				}
				book := client.NewGroupBook()
				book.Load(list)
				for _, st := range book.List() {
					a.printGroup(st)
				}
				return nil
			})
		},
	}
}

func groupVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "group GROUP", Short: "show the settings and the members of a group", Args: exactly(1, groupArg),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inGroup(cmd.Context(), args[0], a.showGroup)
		},
	}
}

func (a *app) showGroup(ctx context.Context, c *client.Client, st im.GroupState) error {
	a.printGroup(st)
	if !a.json {
		for _, kv := range client.ShowSettings(&st.Group) {
			fmt.Fprintf(a.out, "  %-13s %s\n", kv[0], plain(kv[1]))
		}
	}
	if !st.Me.Role.In() {
		return nil
	}
	q := im.MemberQuery{}
	if st.Me.Role >= im.RoleAdmin {
		q.Min, q.Max = im.RoleOutcast, im.RoleOwner
	}
	for {
		list, more, err := c.GroupMembers(ctx, st.Group.ID, q)
		if im.CodeOf(err) == im.CodeForbidden {
			return nil // the list is not for everybody
		}
		if err != nil {
			return err
		}
		for _, m := range list {
			a.printMember(m)
		}
		if !more || len(list) == 0 {
			return nil
		}
		q = q.Behind(&list[len(list)-1])
	}
}

func groupCreateVerb(a *app) *cobra.Command {
	var nick string
	var invite []string
	cmd := &cobra.Command{
		Use: "group-create NAME [SETTING…]", Short: "make a group whose owner you are",
		Long: "group-create makes a group with the address NAME at the domain of groups.\n" + settingsHelp + client.SettingHelp() + whoHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("group-create wants NAME, the part of the address before the @")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := parseSettings(args[1:])
			if err != nil {
				return err
			}
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				users, err := resolveAll(ctx, c, invite)
				if err != nil {
					return err
				}
				g := im.Group{Addr: im.Addr{Local: strings.TrimPrefix(args[0], "#")}}
				client.SettingsOf(&g, settings...)
				st, err := c.CreateGroup(ctx, g, nick, users...)
				if err != nil {
					return err
				}
				a.printGroup(st)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&nick, "nick", "", "what to be called in the group")
	cmd.Flags().StringSliceVar(&invite, "invite", nil, "whom to invite; may be repeated")
	return cmd
}

func parseSettings(words []string) ([]client.GroupSetting, error) {
	list := make([]client.GroupSetting, len(words))
	for i, w := range words {
		var err error
		if list[i], err = client.ParseSetting(w); err != nil {
			return nil, usageError{errors.New(brief(err))}
		}
	}
	return list, nil
}

func resolveAll(ctx context.Context, c *client.Client, names []string) ([]im.UserID, error) {
	users := make([]im.UserID, len(names))
	for i, name := range names {
		var err error
		if users[i], err = c.Resolve(ctx, name); err != nil {
			return nil, err
		}
	}
	return users, nil
}

func groupSetVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "group-set GROUP SETTING…", Short: "change settings of a group",
		Long: "group-set changes settings. Owners may change all, admins the title, the text about\nthe group, the announcement and mute; who may set the subject is a setting.\n" +
			settingsHelp + client.SettingHelp() + whoHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("group-set wants GROUP and one SETTING or more, as in group-set tea join=approval")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			settings, err := parseSettings(args[1:])
			if err != nil {
				return err
			}
			return a.inGroup(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, st im.GroupState) error {
				return c.EditGroup(ctx, st.Group.ID, settings...)
			})
		},
	}
}

func directoryVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "directory", Short: "list the public groups", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				for after := im.GroupID(0); ; {
					d, err := c.Directory(ctx, after, 0)
					if err != nil {
						return err
					}
					for _, g := range d.Groups {
						a.printGroup(im.GroupState{Group: g})
					}
					if after = d.Next; after == 0 {
						return nil
					}
				}
			})
		},
	}
}

func readersVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "readers GROUP SEQ", Short: "show who has read a message of a group", Args: exactly(2, "GROUP and SEQ, the number of a message"),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := parseSeq(args[1])
			if err != nil {
				return err
			}
			return a.inGroup(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, st im.GroupState) error {
				r, err := c.GroupReaders(ctx, st.Group.ID, seq, 500)
				if err != nil {
					return err
				}
				if !a.json {
					fmt.Fprintf(a.out, "read by %d of %d\n", r.Read, r.Of)
				}
				for _, m := range r.Members {
					a.printMember(m)
				}
				return nil
			})
		},
	}
}

func retractVerb(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "retract GROUP SEQ", Short: "take a message in a group back; admins anybody's", Args: exactly(2, "GROUP and SEQ, the number of a message"),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := parseSeq(args[1])
			if err != nil {
				return err
			}
			return a.inGroup(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, st im.GroupState) error {
				return c.RetractInGroup(ctx, st.Group.ID, seq, reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func parseSeq(s string) (uint64, error) {
	var seq uint64
	if _, err := fmt.Sscanf(s+"\n", "%d\n", &seq); err != nil || seq == 0 {
		return 0, usagef("SEQ is the number of a message, as history --json shows it, not %q", s)
	}
	return seq, nil
}

func pinVerb(a *app) *cobra.Command {
	var pinned, silent bool
	cmd := &cobra.Command{
		Use: "pin GROUP", Short: "keep a group on top of the list, on all your devices", Args: exactly(1, groupArg),
		Long: "pin keeps a group on top of your list; --pinned=false takes it down again. With\n--silent your devices make no noise for it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inGroup(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, st im.GroupState) error {
				return c.BookGroup(ctx, st.Group.ID, pinned, silent)
			})
		},
	}
	cmd.Flags().BoolVar(&pinned, "pinned", true, "keep it on top")
	cmd.Flags().BoolVar(&silent, "silent", false, "no notifications")
	return cmd
}
