package main

import (
	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [FILE]",
		Short: "Print the JSON Schema of the configuration",
		Long: `Print the JSON Schema of the configuration, which editors use to complete and check,
including the types added by adapters next to FILE. Which keys from and to have
depends on the source and destination they name; the commands check and start check
those.

Exit codes: 0 printed; 2 the command line is wrong, or an adapter's name is taken.`,
		Example: "  mysql-sync-connector schema > connector.schema.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kinds := connector.Kinds()
			if len(args) > 0 {
				var err error
				if kinds, err = connector.KindsOf(args[0]); err != nil {
					return command.Usage(err)
				}
			}
			text, err := kinds.Schema()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
