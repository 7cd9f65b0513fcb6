package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// wants takes from least to most arguments and says what is missing in the
// words of the command's own usage line.
func wants(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		words := strings.TrimSpace(strings.TrimPrefix(c.Use, c.Name()))
		if words == "" {
			return fmt.Errorf("%s takes no arguments, and was given %q", c.CommandPath(), args)
		}
		return fmt.Errorf("%s was given %d arguments; write %s %s", c.CommandPath(), len(args), c.CommandPath(), words)
	}
}

// group is a command that only has commands below it.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown(c, args[0])
			}
			return c.Help()
		},
	}
	c.AddCommand(below...)
	return c
}

func unknown(c *cobra.Command, word string) error {
	s := fmt.Sprintf("%q is not a command of %s", word, c.CommandPath())
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(word); len(near) > 0 {
		s += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return fmt.Errorf("%s (%s --help lists them)", s, c.CommandPath())
}
