package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cxx-im/cxx/cmd/node"
	"github.com/cxx-im/cxx/internal/pki"
)

func keygenCommand() *cobra.Command {
	var dir string
	var hosts []string
	var nodes []int
	c := &cobra.Command{
		Use:   "keygen --out DIR --nodes 1,2,3 [--host NAME …]",
		Short: "Make the keys and certificates of a cell",
		Long:  "Makes what the processes of a cell need in common: a server certificate, an identity for\neach ACS, the keys of login tickets, the key that seals passwords, the admin token. What is\nthere already is kept, so that nodes can be added later.",
		Args:  wants(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			made, err := pki.Cell(dir, hosts, nodes, func(path string) error {
				_, err := node.MakeSeal(path)
				return err
			})
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
			for _, m := range made {
				secret := ""
				if m.Secret {
					secret = "secret"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", m.Path, m.For, secret)
			}
			return w.Flush()
		},
	}
	c.Flags().StringVar(&dir, "out", "data", "directory to make them in; it serves as the data directory of a process")
	c.Flags().StringSliceVar(&hosts, "host", nil, "host names and addresses that clients dial")
	c.Flags().IntSliceVar(&nodes, "nodes", []int{1}, "numbers of the ACS")
	return c
}
