package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/client/state"
	"github.com/cxx-im/cxx/im"
)

// patience is how long a command waits in silence before it says what for.
const patience = 2 * time.Second

// device describes this machine. The resource is the same at every start from
// the same place, so that a device whose state was lost is taken up again
// instead of leaving one behind.
func device(kind, stateDir string) client.Device {
	host, _ := os.Hostname()
	where, _ := filepath.Abs(stateDir)
	sum := sha256.Sum256([]byte(host + "\x00" + where))
	class := im.ClassBot
	if kind == kindChat {
		class = im.ClassDesktop
	}
	return client.Device{
		Name: fmt.Sprintf("cxx %s on %s", kind, host), Class: class,
		Resource:   fmt.Sprintf("cxx-%s-%s", kind, hex.EncodeToString(sum[:3])),
		ClientName: "cxx", ClientVersion: version,
	}
}

// once runs f with a client that is signed in, for the time of --timeout.
func (a *app) once(ctx context.Context, f func(ctx context.Context, c *client.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	return a.quietly(ctx, f)
}

// quietly runs f with a client that is signed in as a device for one-shot
// commands: it shows the user to nobody and takes no part in the inbox.
func (a *app) quietly(ctx context.Context, f func(ctx context.Context, c *client.Client) error) error {
	c, err := a.open(ctx, kindOnce, func(o *client.Options) {
		o.Quiet, o.VolatileOutbox = true, true
		o.Presence = im.Presence{Show: im.ShowInvisible}
	})
	if err != nil {
		return err
	}
	defer c.Close()
	return f(ctx, c)
}

// open signs in as a device of a kind and waits for the first login, for the
// time of --timeout.
func (a *app) open(ctx context.Context, kind string, adjust func(*client.Options)) (*client.Client, error) {
	c, err := a.openOnce(ctx, kind, adjust)
	switch code := im.CodeOf(err); {
	case code == im.CodeRevoked && (a.passwordFile != "" || kind == kindChat):
		// Somebody has logged this device out. Whoever knows the password may
		// sign in as a new one.
	case code == im.CodeTokenInvalid && kind == kindChat:
	default:
		return c, err
	}
	return a.openOnce(ctx, kind, adjust)
}

func (a *app) openOnce(ctx context.Context, kind string, adjust func(*client.Options)) (*client.Client, error) {
	o, err := a.options(kind)
	if err != nil {
		return nil, err
	}
	adjust(&o)
	soon, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	s, name, err := a.acquire(soon, kind, o.Addr)
	if err != nil {
		return nil, err
	}
	if err := a.askOnce(s, kind, &o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	o.Store = s
	if name != kind {
		o.Device.Resource += name[len(kind):]
	}
	c, err := client.Open(o)
	if err != nil {
		return nil, usageError{err}
	}
	first, stop := context.WithTimeout(ctx, a.timeout)
	defer stop()
	if err := a.wait(first, c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// askOnce asks for the password when the chat needs one. Scripts are never
// asked: they would hang.
func (a *app) askOnce(s *state.File, kind string, o *client.Options) error {
	if kind != kindChat || o.Password != "" {
		return nil
	}
	st, err := s.Load()
	if err != nil || st.Identity.Token != "" {
		return err
	}
	if o.Password, err = a.ask("password for " + o.Addr + ": "); err != nil {
		return usageError{err}
	}
	return nil
}

// wait waits for the first login and says so when it takes long.
func (a *app) wait(ctx context.Context, c *client.Client) error {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := c.WaitOnline(soon)
	if err == nil || ctx.Err() != nil || soon.Err() == nil {
		return err
	}
	fmt.Fprintf(a.errs, "cxx: still trying: %s\n", sentence(err))
	return c.WaitOnline(ctx)
}
