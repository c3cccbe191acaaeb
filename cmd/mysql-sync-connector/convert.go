package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

func convertCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "convert FILE",
		Short: "Convert another program's configuration to the connector's",
		Long: `Convert a configuration of Fliplet Agent to the connector's own form, which can
express more, and print it. Fliplet Agent's files can also be started as they are.

Secrets are not printed: each becomes an environment variable, whose name is given.

Exit codes: 0 printed; 1 it cannot be converted; 2 the command line or the
configuration is wrong.`,
		Example: "  mysql-sync-connector convert sample.yml > connector.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, warnings, err := connector.Load(args[0])
			if err != nil {
				return command.Usage(err)
			}
			text, variables, err := p.Write(connector.Kinds())
			if err != nil {
				return err
			}
			if text, err = keys.Format("connector."+to, text); err != nil {
				return err
			}
			for _, w := range warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), command.CleanLines(w))
			}
			if len(variables) > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "Set these environment variables, or replace them with {file: PATH}: %s\n", strings.Join(variables, ", "))
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	c.Flags().StringVar(&to, "to", "yaml", "format: yaml, json or toml")
	c.PreRunE = func(*cobra.Command, []string) error {
		if to != "yaml" && to != "json" && to != "toml" {
			return command.Usage(fmt.Errorf("--to: %q is not one of yaml, json, toml", to))
		}
		return nil
	}
	return c
}
