package main

import (
	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/connector"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration",
		Long: `Print the JSON Schema of the configuration, which editors use to complete and check.
Which keys from and to have depends on the source and destination they name; the
commands check and start check those.

Exit codes: 0 printed; 2 the command line is wrong.`,
		Example: "  mysql-sync-connector schema > connector.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := connector.Kinds().Schema()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
