package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

func reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload CONFIGURATION",
		Short: "Have the running node read its configuration and transformers again",
		Long: `Have the running node read its configuration and its transformers again, as SIGHUP
does, and wait until it works with them. Where they have a mistake, it is told and
the node goes on as it was. So it is where the node does not come to work with them
and goes back to those before. The node is looked for in the new queueDirectory:
after a change of that, or of clientName, send SIGHUP instead.

Exit codes: 0 the node works with them; 1 it does not run, takes too
long, or went back; 2 a mistake in the command line, the configuration or a
transformer.`,
		Example:           "  mysql-sync reload configuration.json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			if err := apiOf(cfg).call(cmd.Context(), http.MethodPost, "/api/reload", nil, nil); err != nil {
				return needsNode(err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the node works with what it has read")
			return err
		},
	}
}

// logLevels are those of loggingLevel, the quietest first; trace is debug.
var logLevels = []string{"error", "warn", "info", "debug", "trace"}

func logLevelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "log-level CONFIGURATION LEVEL",
		Short: "Change what the running node logs, until it ends",
		Long: `Change what the running node logs from now on: error, warn, info, debug, or trace,
which is debug. The configuration keeps its loggingLevel, which holds again after
the next start or reload.

Exit codes: 0 changed; 1 the node does not run, or refused; 2 a mistake in the
command line or configuration.`,
		Example: `  mysql-sync log-level configuration.json debug
  mysql-sync log-level configuration.json info`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: firstOf(func(*config.Config) []string { return logLevels }),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(logLevels, args[1]) {
				return usageError{fmt.Errorf("%q is none of %s", args[1], strings.Join(logLevels, ", "))}
			}
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			if err := apiOf(cfg).call(cmd.Context(), http.MethodPut, "/api/log-level", web.LogLevel{Level: args[1]}, nil); err != nil {
				return needsNode(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the node logs from level %s on\n", args[1])
			return err
		},
	}
}

// needsNode says of errNotRunning that only a running node can do it.
func needsNode(err error) error {
	if errors.Is(err, errNotRunning) {
		return fmt.Errorf("%w: there is nothing to do, since it reads its configuration when it starts", err)
	}
	return err
}
