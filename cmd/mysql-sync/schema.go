package main

import (
	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration",
		Long: `Print the JSON Schema of the configuration, which editors use to complete and check.

Exit codes: 0 printed; 2 the command line is wrong.`,
		Example: "  mysql-sync schema > configuration.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(config.Schema())
			return err
		},
	}
}
