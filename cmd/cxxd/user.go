package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/im"
	"github.com/cxx-im/cxx/web"
)

func userCommand() *cobra.Command {
	return group("user", "Make, list and change accounts, on a running server or a stopped one",
		userAdd(), userPasswd(), userImport(), userList(), userSwitch("disable"), userSwitch("enable"), userDevices(), userRevoke())
}

// onUsers is a command that works on accounts of a running or stopped server.
func onUsers(use, short string, args cobra.PositionalArgs, run func(ctx context.Context, c *cobra.Command, a *web.Client, args []string) error) *cobra.Command {
	var s settings
	c := &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(c *cobra.Command, args []string) error {
			a, done, err := s.admin(c.Context())
			if err != nil {
				return err
			}
			return errors.Join(run(c.Context(), c, a, args), done())
		},
	}
	s.flags(c)
	return c
}

const passwordFlag = "password-file"

// withPassword gives c the flag, and reads the password before anything is
// opened or made.
func withPassword(c *cobra.Command, password *string) *cobra.Command {
	c.Flags().String(passwordFlag, "", "file with the password, - for standard input")
	c.PreRunE = func(c *cobra.Command, _ []string) (err error) {
		*password, err = readPassword(c)
		return err
	}
	return c
}

// readPassword reads the first line of the file that the flag names.
func readPassword(c *cobra.Command) (string, error) {
	name, _ := c.Flags().GetString(passwordFlag)
	if name == "" {
		return "", errors.New("give the password with --" + passwordFlag + " FILE, or - to type it in or pipe it")
	}
	in, done, err := open(c, name)
	if err != nil {
		return "", fmt.Errorf("the password file cannot be read: %w", err)
	}
	defer done()
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("the password cannot be read: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fmt.Errorf("the first line of the password file %s is empty; write the password there", name)
	}
	return line, nil
}

// open opens a file, or standard input for -.
func open(c *cobra.Command, name string) (in io.Reader, done func() error, err error) {
	if name == "-" {
		return c.InOrStdin(), func() error { return nil }, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, nil, errors.Join(fmt.Errorf("%s is a directory", name), f.Close())
	}
	return f, f.Close, nil
}

// lineText shows a line that made no account. What the file says is shown
// escaped and short: it may be anything.
func lineText(l web.LineError) string {
	s := ""
	if l.Line > 0 {
		s = fmt.Sprintf("line %d: ", l.Line)
	}
	if l.Addr != "" {
		shown := strings.Trim(strconv.QuoteToGraphic(l.Addr), `"`)
		if len(shown) > 80 {
			shown = strings.ToValidUTF8(shown[:80], "") + "…"
		}
		s += shown + ": "
	}
	return s + l.Detail + " (" + l.Code + ")"
}

func userAdd() *cobra.Command {
	var password string
	return withPassword(onUsers("add ADDR --password-file FILE|-", "Make an account", wants(1, 1),
		func(ctx context.Context, c *cobra.Command, a *web.Client, args []string) error {
			u, err := a.CreateUser(ctx, args[0], password)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "made %s, user %s\n", u.Addr, u.ID)
			return nil
		}), &password)
}

func userPasswd() *cobra.Command {
	var password string
	c := withPassword(onUsers("passwd ADDR --password-file FILE|-", "Set the password of an account", wants(1, 1),
		func(ctx context.Context, c *cobra.Command, a *web.Client, args []string) error {
			end, _ := c.Flags().GetBool("end-sessions")
			if err := a.SetPassword(ctx, args[0], password, end); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "the password of %s is set\n", args[0])
			return nil
		}), &password)
	c.Flags().Bool("end-sessions", false, "also log the user out everywhere")
	return c
}

func userImport() *cobra.Command {
	var in io.Reader
	done := func() error { return nil }
	c := onUsers("import FILE|-", "Make accounts from a CSV file with lines addr,password", wants(1, 1),
		func(ctx context.Context, c *cobra.Command, a *web.Client, _ []string) error {
			defer done()
			r, err := a.ImportUsers(ctx, in)
			for _, l := range r.Failed {
				fmt.Fprintln(c.ErrOrStderr(), lineText(l))
			}
			fmt.Fprintf(c.OutOrStdout(), "%d accounts made, %d lines refused\n", r.Made, len(r.Failed))
			if err == nil && len(r.Failed) > 0 {
				err = fmt.Errorf("%d lines made no account; correct them and import again, what is made already stays", len(r.Failed))
			}
			return err
		})
	c.PreRunE = func(c *cobra.Command, args []string) (err error) {
		if in, done, err = open(c, args[0]); err != nil {
			return fmt.Errorf("the file with the accounts cannot be read: %w", err)
		}
		return nil
	}
	return c
}

func userList() *cobra.Command {
	return onUsers("list", "List accounts", wants(0, 0),
		func(ctx context.Context, c *cobra.Command, a *web.Client, _ []string) error {
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "USER\tADDRESS\tMADE\tSTATE")
			var after im.UserID
			for {
				page, err := a.Users(ctx, after, 0)
				if err != nil {
					return err
				}
				for _, u := range page.Users {
					state := "enabled"
					if u.Disabled {
						state = "disabled"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.ID, u.Addr, u.Created.Format("2006-01-02"), state)
					after = u.ID
				}
				if len(page.Users) == 0 || page.Next == 0 {
					return w.Flush()
				}
			}
		})
}

func userSwitch(verb string) *cobra.Command {
	short := "Let a disabled account in again"
	if verb == "disable" {
		short = "End the sessions of an account and refuse new ones"
	}
	return onUsers(verb+" ADDR", short, wants(1, 1),
		func(ctx context.Context, c *cobra.Command, a *web.Client, args []string) error {
			run := a.EnableUser
			if verb == "disable" {
				run = a.DisableUser
			}
			if err := run(ctx, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is %sd\n", args[0], verb)
			return nil
		})
}

func userDevices() *cobra.Command {
	return onUsers("devices ADDR", "List the devices of an account", wants(1, 1),
		func(ctx context.Context, c *cobra.Command, a *web.Client, args []string) error {
			list, err := a.Devices(ctx, args[0])
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "DEVICE\tRESOURCE\tCLIENT\tLAST LOGIN\tFROM\tSTATE")
			for _, d := range list {
				state := "in use"
				if d.Revoked {
					state = "logged out"
				}
				fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\t%s\n", d.ID, d.Resource, d.ClientName, d.ClientVersion, d.LastLogin.Format("2006-01-02 15:04"), d.IP, state)
			}
			return w.Flush()
		})
}

func userRevoke() *cobra.Command {
	return onUsers("revoke ADDR [DEVICE]", "Log out one device of an account, or all", wants(1, 2),
		func(ctx context.Context, c *cobra.Command, a *web.Client, args []string) error {
			var d im.DeviceID
			if len(args) == 2 {
				if _, err := fmt.Sscan(args[1], &d); err != nil || d == 0 {
					return fmt.Errorf("%q is not the number of a device; cxxd user devices lists them", args[1])
				}
			}
			return a.RevokeDevice(ctx, args[0], d)
		})
}
