package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

func accountVerbs(a *app) []*cobra.Command {
	return []*cobra.Command{registerVerb(a), devicesVerb(a), revokeVerb(a), passwdVerb(a), logoutVerb(a), {
		Use: "version", Short: "print the version", Args: exactly(0, "no arguments"),
		Run: func(*cobra.Command, []string) { fmt.Fprintln(a.out, "cxx", version) },
	}}
}

func registerVerb(a *app) *cobra.Command {
	var invite string
	cmd := &cobra.Command{
		Use: "register", Short: "make the account --as with the password of --password-file", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.options(kindOnce)
			if err != nil {
				return err
			}
			if o.Password == "" {
				return usagef("register wants the new password in --password-file FILE")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			defer cancel()
			if err := client.Register(ctx, o, invite); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s is registered\n", o.Addr)
			return nil
		},
	}
	cmd.Flags().StringVar(&invite, "invite", "", "invitation code, where one is needed")
	return cmd
}

func devicesVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "devices", Short: "list the devices of the account", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				list, current, err := c.Devices(ctx)
				if err != nil {
					return err
				}
				for _, d := range list {
					a.printDevice(d, d.ID == current)
				}
				return nil
			})
		},
	}
}

func (a *app) printDevice(d im.Device, current bool) {
	if a.json {
		a.line(struct {
			ID        string    `json:"id"`
			Resource  string    `json:"resource"`
			Name      string    `json:"name,omitempty"`
			Client    string    `json:"client,omitempty"`
			IP        string    `json:"ip,omitempty"`
			Created   time.Time `json:"created"`
			LastLogin time.Time `json:"last_login"`
			Current   bool      `json:"current"`
			Revoked   bool      `json:"revoked"`
		}{d.ID.String(), d.Resource, d.Name, d.ClientName + " " + d.ClientVersion, d.IP, d.Created, d.LastLogin, current, d.Revoked})
		return
	}
	mark := " "
	switch {
	case current:
		mark = "*"
	case d.Revoked:
		mark = "x"
	}
	fmt.Fprintf(a.out, "%s %-17s %-28s %-24s %-16s %s\n", mark, d.ID, plain(d.Name), plain(d.Resource), d.IP, d.LastLogin.Local().Format("2006-01-02 15:04"))
}

func revokeVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "log a device out for good", Args: exactly(1, "ID, as cxx devices prints it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return usagef("%q is not the id of a device; cxx devices prints them", args[0])
			}
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return c.RevokeDevice(ctx, im.DeviceID(id))
			})
		},
	}
}

func passwdVerb(a *app) *cobra.Command {
	var file string
	var others bool
	cmd := &cobra.Command{
		Use: "passwd", Short: "change the password; --password-file holds the old one", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			old, err := a.secret(a.passwordFile, "old password: ")
			if err != nil {
				return err
			}
			next, err := a.secret(file, "new password: ")
			if err != nil {
				return err
			}
			return a.once(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				return c.ChangePassword(ctx, old, next, others)
			})
		},
	}
	cmd.Flags().StringVar(&file, "new-password-file", "", "`FILE` with the new password")
	cmd.Flags().BoolVar(&others, "end-others", false, "log all other devices out")
	return cmd
}

// secret reads a password from a file or, when none is named, the terminal.
func (a *app) secret(file, prompt string) (string, error) {
	if file != "" {
		return a.readSecret(file)
	}
	s, err := a.ask(prompt)
	if err != nil || s == "" {
		return "", usagef("passwd wants --password-file FILE and --new-password-file FILE")
	}
	return s, nil
}

func logoutVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "log this machine's devices of the account out and forget them", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			defer cancel()
			return a.logout(ctx)
		},
	}
}

// logout ends every device that has signed in from here.
func (a *app) logout(ctx context.Context) error {
	o, err := a.options(kindOnce)
	if err != nil {
		return err
	}
	base, err := a.base(o.Addr)
	if err != nil {
		return err
	}
	dirs, err := os.ReadDir(base)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return usageError{err}
	}
	var failed error
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		if err := a.logoutOne(ctx, o, filepath.Join(base, d.Name())); err != nil {
			failed = errors.Join(failed, fmt.Errorf("device %s: %w", d.Name(), err))
		}
	}
	return failed
}

func (a *app) logoutOne(ctx context.Context, o client.Options, dir string) error {
	s, err := state.OpenFile(dir)
	if errors.Is(err, state.ErrLocked) {
		return usagef("it is in use; end that cxx first")
	}
	if err != nil {
		return err
	}
	st, err := s.Load()
	if err != nil || st.Identity.Token == "" {
		return errors.Join(err, s.Close())
	}
	o.Store, o.Quiet, o.Password = s, true, "" // a token that is void need not be voided
	o.Presence = im.Presence{Show: im.ShowInvisible}
	c, err := client.Open(o)
	if err != nil {
		return err
	}
	defer c.Close()
	err = a.wait(ctx, c)
	if err == nil {
		err = c.Logout(ctx)
	}
	switch im.CodeOf(err) {
	case im.CodeRevoked, im.CodeTokenInvalid, im.CodeLoggedOut:
		return nil
	}
	return err
}
