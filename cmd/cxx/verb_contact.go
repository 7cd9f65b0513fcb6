package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/im"
)

func contactVerbs(a *app) []*cobra.Command {
	var name, note string
	add := a.withPeer("add WHO", "ask a user to become a contact, or accept his request", func(ctx context.Context, c *client.Client, u im.UserID) error {
		return c.ContactAdd(ctx, u, name, nil, note)
	})
	add.Flags().StringVar(&name, "name", "", "what to call the contact on the own list")
	add.Flags().StringVar(&note, "note", "", "words that go with the request")
	return []*cobra.Command{
		add,
		a.withPeer("accept WHO", "say yes to a contact request", func(ctx context.Context, c *client.Client, u im.UserID) error {
			return c.ContactAnswer(ctx, u, true)
		}),
		a.withPeer("deny WHO", "say no to a contact request", func(ctx context.Context, c *client.Client, u im.UserID) error {
			return c.ContactAnswer(ctx, u, false)
		}),
		a.withPeer("remove WHO", "take a user off the contact list", func(ctx context.Context, c *client.Client, u im.UserID) error {
			return c.ContactRemove(ctx, u)
		}),
		contactsVerb(a), presenceVerb(a),
	}
}

// withPeer is a verb with one user as its argument.
func (a *app) withPeer(use, short string, f func(context.Context, *client.Client, im.UserID) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: exactly(1, "WHO, a user"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				u, err := c.Resolve(ctx, args[0])
				if err != nil {
					return err
				}
				return f(ctx, c, u)
			})
		},
	}
}

func contactsVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "contacts", Short: "list contacts and requests, with their presence", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, err := c.Contacts(ctx)
				if err != nil {
					return err
				}
				seen, err := presenceOf(ctx, c)
				if err != nil {
					return err
				}
				slices.SortFunc(list, func(x, y im.Contact) int { return strings.Compare(x.Addr.String(), y.Addr.String()) })
				for _, k := range list {
					a.printContact(k, seen[k.User])
				}
				return nil
			})
		},
	}
}

func (a *app) printContact(k im.Contact, p im.UserPresence) {
	if !a.json {
		fmt.Fprintf(a.out, "%-32s %-8s %-9s %s\n", k.Addr, contactState(k), p.Show, plain(strings.TrimSpace(k.Name+" "+p.Status)))
		return
	}
	a.line(struct {
		Addr   string   `json:"addr"`
		ID     string   `json:"id"`
		State  string   `json:"state"`
		Name   string   `json:"name,omitempty"`
		Groups []string `json:"groups,omitempty"`
		Note   string   `json:"note,omitempty"`
		Show   string   `json:"show"`
		Status string   `json:"status,omitempty"`
	}{k.Addr.String(), k.User.String(), contactState(k), k.Name, k.Groups, k.Note, p.Show.String(), p.Status})
}

func presenceOf(ctx context.Context, c *client.Client) (map[im.UserID]im.UserPresence, error) {
	list, err := c.ContactPresence(ctx)
	if err != nil {
		return nil, err
	}
	seen := make(map[im.UserID]im.UserPresence, len(list))
	for _, p := range list {
		seen[p.User] = p
	}
	return seen, nil
}

func presenceVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "presence", Short: "show which contacts are online", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, err := c.Contacts(ctx)
				if err != nil {
					return err
				}
				seen, err := presenceOf(ctx, c)
				if err != nil {
					return err
				}
				for _, k := range list {
					if k.Sub.Has(im.SubTo) {
						a.printPresence(k, seen[k.User])
					}
				}
				return nil
			})
		},
	}
}

func (a *app) printPresence(k im.Contact, p im.UserPresence) {
	seen := ""
	if !p.LastSeen.IsZero() {
		seen = stamp(p.LastSeen)
	}
	if a.json {
		a.line(struct {
			Addr     string `json:"addr"`
			ID       string `json:"id"`
			Show     string `json:"show"`
			Status   string `json:"status,omitempty"`
			LastSeen string `json:"last_seen,omitempty"`
		}{k.Addr.String(), k.User.String(), p.Show.String(), p.Status, seen})
		return
	}
	fmt.Fprintln(a.out, strings.TrimRight(fmt.Sprintf("%-32s %-9s %s %s", k.Addr, p.Show, plain(p.Status), seen), " "))
}
