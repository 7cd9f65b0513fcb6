// Command cxx is the terminal client of C-XX. Without a verb it is a chat for
// people (package tui); with one it does a single thing for scripts and says in
// its exit code how that went. What it knows of the protocol is package client.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

// Exit codes.
const (
	exitOK          = 0
	exitRefused     = 1 // the server said no
	exitUsage       = 2 // the command line, a file or the local state is wrong
	exitUnreachable = 3 // no server was reached, or the outcome is unknown
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: os.Stdin, out: os.Stdout, errs: os.Stderr}
	os.Exit(a.run(ctx, os.Args[1:]))
}

// run executes one command line and returns its exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(a.errs, "cxx: %s\n", sentence(err))
	return exitCode(err)
}

// usageError is a mistake that the caller can mend.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func exitCode(err error) int {
	var (
		usage usageError
		far   *client.UnreachableError
		trust *client.TrustError
		e     *im.Error
	)
	switch {
	case errors.As(err, &usage), errors.Is(err, state.ErrLocked), errors.Is(err, client.ErrCredentials):
		return exitUsage
	case errors.As(err, &far), errors.As(err, &trust), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return exitUnreachable
	case !errors.As(err, &e):
		return exitUsage
	case !e.Code.Trait().Definite, e.Code == im.CodeNoACS, e.Code == im.CodeRetryLater:
		return exitUnreachable
	}
	return exitRefused
}

// sentence says what is wrong and what to do.
func sentence(err error) string {
	var (
		far    *client.UnreachableError
		trust  *client.TrustError
		notTLS tls.RecordHeaderError
		host   x509.HostnameError
	)
	switch known := errors.As(err, &trust); {
	case known && errors.As(err, &notTLS):
		return trust.Error() + ", or use --plaintext for a test server on this machine"
	case known && errors.As(err, &host):
		return trust.Error()
	case known:
		return trust.Error() + " with --ca FILE, or use --insecure for a test server on this machine"
	case errors.As(err, &far):
		return far.Error() + "; check --nas, and that the server runs"
	}
	return brief(err)
}

// brief says what is wrong.
func brief(err error) string {
	var e *im.Error
	switch {
	case errors.Is(err, client.ErrCredentials):
		return "this device has not signed in yet and there is no password; give --password-file FILE"
	case errors.As(err, &e):
		s := e.Detail
		if s == "" {
			s = "the server refused"
		}
		return fmt.Sprintf("%s (%s)", s, e.Code)
	}
	return err.Error()
}

const longHelp = `cxx is the terminal client of C-XX.

Without a verb it opens a chat. With a verb it does one thing and exits: 0 when
that was done, 1 when the server refused, 2 when the command line or a file is
wrong, 3 when no server was reached or the outcome is not known.

Each kind of use has a device of its own (the chat, listen, everything else),
kept under --state, so that they do not disturb each other. CXX_NAS, CXX_AS and
CXX_PASSWORD_FILE stand in for the flags of these names.`

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use: "cxx", Short: "terminal client of C-XX", Long: longHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("%q is not a verb; cxx --help lists them", args[0])
			}
			return nil
		},
		RunE:          func(cmd *cobra.Command, _ []string) error { return a.chat(cmd.Context()) },
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	a.flags(root.PersistentFlags())
	root.CompletionOptions.HiddenDefaultCmd = true
	for _, add := range []func(*app) []*cobra.Command{messageVerbs, listenVerbs, contactVerbs, blockVerbs, groupVerbs, memberVerbs, accountVerbs} {
		root.AddCommand(add(a)...)
	}
	return root
}

// exactly wants n arguments and names them when they are not there.
func exactly(n int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s wants %s; it got %d argument(s)", cmd.Name(), names, len(args))
		}
		return nil
	}
}
