package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthTime bounds how long a running node may take to say how it is.
const healthTime = 4 * time.Second

func healthCommand() *cobra.Command {
	var live bool
	c := &cobra.Command{
		Use:   "health CONFIGURATION",
		Short: "Tell whether the running node is ready, for containers and scripts",
		Long: `Ask the running node whether it reaches its database and its broker, as /readyz
does; with --live only whether it answers, as /healthz does. Silent when all is
well. The node is asked by the Unix socket in queueDirectory: run the command as
the node's user, on its machine.

Exit codes: 0 it is; 1 it is not, or does not run, and the last line says why;
2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync health /etc/mysql-sync/configuration.json
  mysql-sync health --live /etc/mysql-sync/configuration.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			path := "/readyz"
			if live {
				path = "/healthz"
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTime)
			defer cancel()
			if err := apiOf(cfg).call(ctx, http.MethodGet, path, nil, nil); err != nil {
				return fmt.Errorf("not healthy: %w", err)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&live, "live", false, "only whether the node answers")
	return c
}
