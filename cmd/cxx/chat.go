package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"

	"github.com/cxx-im/cxx/client"
	"github.com/cxx-im/cxx/cmd/cxx/tui"
)

// chat opens the chat for people.
func (a *app) chat(ctx context.Context) error {
	in, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(in.Fd()) {
		return usagef("the chat wants a terminal; cxx --help lists the verbs for scripts")
	}
	c, err := a.open(ctx, kindChat, func(o *client.Options) {
		o.SyncFrom, o.WatchPresence = client.Latest, true
		o.Log = nil // the screen is taken
	})
	if err != nil {
		return err
	}
	p := tea.NewProgram(tui.New(c, time.Now), tea.WithContext(ctx), tea.WithInput(in))
	feed, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { pump(feed, c, p) })
	_, err = p.Run()
	stop()
	c.Close()
	wg.Wait()
	if errors.Is(err, tea.ErrInterrupted) || errors.Is(ctx.Err(), context.Canceled) {
		err = nil
	}
	if err == nil {
		return closing(c)
	}
	return usageError{fmt.Errorf("the chat ended: %w", err)}
}

// pump hands the client's events to the chat.
func pump(ctx context.Context, c *client.Client, p *tea.Program) {
	for ev, err := range c.Events(ctx) {
		if err != nil {
			if ctx.Err() == nil {
				p.Send(tui.EndedMsg{Err: err})
			}
			return
		}
		p.Send(tui.EventMsg{Event: ev})
		c.Acknowledge()
	}
}

// closing is the error to leave with when the server had ended the client.
func closing(c *client.Client) error {
	if err := c.Err(); !errors.Is(err, client.ErrClosed) {
		return err
	}
	return nil
}
