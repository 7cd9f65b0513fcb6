package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

func memberVerbs(a *app) []*cobra.Command {
	act := func(use, short string, do im.ActVerb) *cobra.Command {
		return a.withMembers(use, short, func(u im.UserID, reason string) (im.Act, error) {
			return im.Act{Do: do, User: u, Reason: reason}, nil
		})
	}
	return []*cobra.Command{
		joinVerb(a),
		a.withReason("leave GROUP", "leave a group", func(ctx context.Context, c *client.Client, g im.GroupID, reason string) error {
			return c.LeaveGroup(ctx, g, reason)
		}),
		a.withReason("decline GROUP", "say no to an invitation", func(ctx context.Context, c *client.Client, g im.GroupID, reason string) error {
			return c.DeclineGroup(ctx, g, reason)
		}),
		act("invite GROUP WHO…", "invite users to a group", im.ActInvite),
		act("admit GROUP WHO…", "let in who has asked to join", im.ActAccept),
		act("refuse GROUP WHO…", "turn down who has asked to join, or take an invitation back", im.ActRefuse),
		act("kick GROUP WHO…", "remove members from a group; they may come back", im.ActKick),
		act("unmute GROUP WHO…", "let muted members write again", im.ActUnmute),
		act("moderator GROUP WHO…", "let members keep order as admins do, until they leave", im.ActModerate),
		act("transfer GROUP WHO", "hand a group over to a member; you become an admin", im.ActTransfer),
		a.withMembers("ban GROUP WHO…", "remove users from a group for good", func(u im.UserID, reason string) (im.Act, error) {
			return im.Act{Do: im.ActRole, Role: im.RoleOutcast, User: u, Reason: reason}, nil
		}),
		roleVerb(a), muteVerb(a), nickVerb(a),
	}
}

// withReason is a verb with a group as its argument.
func (a *app) withReason(use, short string, f func(context.Context, *client.Client, im.GroupID, string) error) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: exactly(1, groupArg),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inGroup(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, st im.GroupState) error {
				return f(ctx, c, st.Group.ID, reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

// withMembers is a verb that does the same to one or more users in a group: to all of
// them or to none.
func (a *app) withMembers(use, short string, what func(u im.UserID, reason string) (im.Act, error)) *cobra.Command {
	var reason string
	many := strings.HasSuffix(use, "…")
	cmd := &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 || !many && len(args) > 2 {
				return usagef("%s wants GROUP and WHO; it got %d argument(s)", cmd.Name(), len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inGroup(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, st im.GroupState) error {
				acts := make([]im.Act, len(args)-1)
				for i, name := range args[1:] {
					u, err := c.ResolveIn(ctx, st.Group.ID, name)
					if err != nil {
						return err
					}
					if acts[i], err = what(u, reason); err != nil {
						return err
					}
				}
				return c.ActInGroup(ctx, st.Group.ID, acts...)
			})
		},
	}
	cmd.Long = cmd.Name() + ": " + short + ".\nWHO is a user (bob, bob@example.org) or, with an @ before it, a nickname in the group (@Bobby)."
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func joinVerb(a *app) *cobra.Command {
	var how im.Joining
	var file string
	cmd := &cobra.Command{
		Use: "join GROUP", Short: "join a group, accept an invitation, or ask to be let in", Args: exactly(1, groupArg),
		RunE: func(cmd *cobra.Command, args []string) error {
			if file != "" {
				var err error
				if how.Password, err = a.readSecret(file); err != nil {
					return err
				}
			}
			return a.inGroup(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, st im.GroupState) error {
				me, err := c.JoinGroup(ctx, st.Group.ID, how)
				if im.CodeOf(err) == im.CodePasswordNeeded {
					return fmt.Errorf("%w; put it into a file and name that with --group-password-file", err)
				}
				if err != nil {
					return err
				}
				a.printJoined(st, me)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&how.Nick, "nick", "", "what to be called there")
	cmd.Flags().StringVar(&how.Note, "note", "", "words for the admins of a group that lets in by approval")
	cmd.Flags().StringVar(&file, "group-password-file", "", "`FILE` with the password of a group that has one")
	return cmd
}

func (a *app) printJoined(st im.GroupState, me im.Member) {
	switch {
	case a.json:
		st.Me = me
		a.printGroup(st)
	case me.Role == im.RoleAsking:
		fmt.Fprintf(a.out, "you have asked to join %s; an admin has to let you in\n", st.Group.Addr)
	default:
		fmt.Fprintf(a.out, "you are in %s as %s\n", st.Group.Addr, plain(me.Nick))
	}
}

func roleVerb(a *app) *cobra.Command {
	var role im.Role
	cmd := a.withMembers("role GROUP WHO ROLE", "give a role: visitor, member, admin, owner, or none to take it", func(u im.UserID, reason string) (im.Act, error) {
		return im.Act{Do: im.ActRole, Role: role, User: u, Reason: reason}, nil
	})
	run := cmd.RunE
	cmd.Args = exactly(3, "GROUP, WHO and ROLE")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if role, err = im.ParseRole(args[2]); err != nil || role == im.RoleInvited || role == im.RoleAsking {
			return usagef("the role %q is not one of none, outcast, visitor, member, admin, owner", args[2])
		}
		return run(cmd, args[:2])
	}
	return cmd
}

func muteVerb(a *app) *cobra.Command {
	var span string
	cmd := a.withMembers("mute GROUP WHO…", "keep members from writing", func(u im.UserID, reason string) (im.Act, error) {
		until, err := client.ParseMute(span)
		return im.Act{Do: im.ActMute, User: u, Until: until.UnixMilli(), Reason: reason}, err
	})
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := client.ParseMute(span); err != nil {
			return usagef("--for: %s", brief(err))
		}
		return run(cmd, args)
	}
	cmd.Flags().StringVar(&span, "for", "forever", "how long, as in 10m or 24h")
	return cmd
}

func nickVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "nick GROUP NICK", Short: "set what you are called in a group", Args: exactly(2, "GROUP and NICK"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inGroup(cmd.Context(), args[0], func(ctx context.Context, c *client.Client, st im.GroupState) error {
				return c.SetNick(ctx, st.Group.ID, args[1])
			})
		},
	}
}
