package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/pflag"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

// app is what every verb works with: the flags that all have, and where to
// read and write.
type app struct {
	in        io.Reader
	out, errs io.Writer

	nas, acs        []string
	as              string
	passwordFile    string
	caFile          string
	insecure, plain bool
	stateDir        string
	json, verbose   bool
	timeout         time.Duration
	adjust          func(*client.Options) // tests replace the network
}

func (a *app) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&a.nas, "nas", fromEnv("CXX_NAS"), "NAS to ask for a server, `HOST:PORT`; may be repeated")
	f.StringSliceVar(&a.acs, "acs", nil, "server to use without asking a NAS, `HOST:PORT`")
	f.StringVar(&a.as, "as", os.Getenv("CXX_AS"), "account, `USER@DOMAIN`")
	f.StringVar(&a.passwordFile, "password-file", os.Getenv("CXX_PASSWORD_FILE"), "`FILE` with the password in its first line; - is standard input")
	f.StringVar(&a.caFile, "ca", "", "`FILE` with the certificates to trust (PEM)")
	f.BoolVar(&a.insecure, "insecure", false, "check no certificate; for tests")
	f.BoolVar(&a.plain, "plaintext", false, "use no TLS; for a server on this machine")
	f.StringVar(&a.stateDir, "state", "", "`DIR` for devices, cursors and tokens (default: the user's configuration directory)")
	f.BoolVar(&a.json, "json", false, "print JSON, one object per line")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "log to standard error")
	f.DurationVar(&a.timeout, "timeout", 20*time.Second, "give up after this time")
}

func fromEnv(name string) []string {
	if v := os.Getenv(name); v != "" {
		return strings.Split(v, ",")
	}
	return nil
}

// options are those of every verb; kind is the kind of device.
func (a *app) options(kind string) (client.Options, error) {
	addr, err := im.ParseAddr(a.as)
	if a.as == "" || err != nil || addr.Local == "" {
		return client.Options{}, usagef("--as wants the account, as in --as alice@example.org; it is %q", a.as)
	}
	if len(a.nas)+len(a.acs) == 0 {
		return client.Options{}, usagef("no server is named; give --nas HOST:PORT")
	}
	o := client.Options{
		NAS: a.nas, ACS: a.acs, Addr: addr.Bare().String(), CAFile: a.caFile, Insecure: a.insecure, Plaintext: a.plain,
		Device: device(kind, a.stateDir),
	}
	if a.verbose {
		o.Log = slog.New(slog.NewTextHandler(a.errs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if a.passwordFile != "" {
		if o.Password, err = a.readSecret(a.passwordFile); err != nil {
			return o, err
		}
	}
	if a.adjust != nil {
		a.adjust(&o)
	}
	return o, nil
}

// readSecret reads the first line of a file.
func (a *app) readSecret(name string) (string, error) {
	r := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", usagef("the password file cannot be read: %v", err)
		}
		defer f.Close()
		r = f
	}
	line, err := bufio.NewReader(io.LimitReader(r, 4<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", usagef("the password file cannot be read: %v", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usagef("the password file %s is empty; write the password in its first line", name)
	}
	return line, nil
}

// ask reads a secret from the terminal without showing it.
func (a *app) ask(prompt string) (string, error) {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) {
		return "", errors.New("there is no terminal to ask on")
	}
	fmt.Fprint(a.errs, prompt)
	b, err := term.ReadPassword(f.Fd())
	fmt.Fprintln(a.errs)
	return string(b), err
}

// Kinds of devices.
const (
	kindChat   = "chat"
	kindListen = "listen"
	kindStatus = "status"
	kindOnce   = "once"
)

// slots is how many devices of a kind there are: parallel one-shot commands
// and several chats of one user must not throw each other out.
var slots = map[string]int{kindChat: 3, kindListen: 1, kindStatus: 1, kindOnce: 3}

// base is the directory of the account's devices.
func (a *app) base(addr string) (string, error) {
	dir := a.stateDir
	if dir == "" {
		user, err := os.UserConfigDir()
		if err != nil {
			return "", usagef("there is no place for the device's state (%v); give --state DIR", err)
		}
		dir = filepath.Join(user, "cxx")
	}
	return filepath.Join(dir, strings.NewReplacer("/", "_", "\\", "_", ":", "_").Replace(addr)), nil
}

// acquire opens the state of a device of a kind that nobody uses, waiting for
// one until ctx ends when its kind may be waited for.
func (a *app) acquire(ctx context.Context, kind, addr string) (s *state.File, name string, err error) {
	base, err := a.base(addr)
	if err != nil {
		return nil, "", err
	}
	for {
		for i := range slots[kind] {
			name = kind
			if i > 0 {
				name = fmt.Sprintf("%s-%d", kind, i+1)
			}
			s, err = state.OpenFile(filepath.Join(base, name))
			if !errors.Is(err, state.ErrLocked) {
				return s, name, err
			}
		}
		if kind != kindOnce {
			return nil, "", usagef("another cxx %s runs for %s; give this one a --state DIR of its own", kind, addr)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, "", usagef("other cxx commands for %s have kept all devices busy; try again", addr)
		}
	}
}
