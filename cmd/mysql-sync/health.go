package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// healthTime bounds how long a running node may take to report its health.
const healthTime = 4 * time.Second

func healthCommand() *cobra.Command {
	var live bool
	c := &cobra.Command{
		Use:   "health CONFIGURATION",
		Short: "Check whether the running node is ready, for containers and scripts",
		Long: `Ask the running node whether it reaches its database and its broker, like /readyz;
with --live, only whether it answers, like /healthz. Prints nothing if all is well.
The node is asked over the Unix socket in queueDirectory: run the command on its
machine, as the node's user.

Exit codes: 0 yes; 1 no, or the node is not running: the last line says why; 2 the
command line or the configuration is wrong.`,
		Example: `  mysql-sync health /etc/mysql-sync/configuration.json
  mysql-sync health --live /etc/mysql-sync/configuration.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
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
		}),
	}
	c.Flags().BoolVar(&live, "live", false, "check only whether the node answers")
	return c
}
