package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

func reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload CONFIGURATION",
		Short: "Make the running node reread its configuration and transformers",
		Long: `Tell the running node to reread its configuration and its transformers, like SIGHUP,
and wait until it works with them. If they contain an error, the command reports it
and the node carries on as before. The same happens if the node fails to work with
them and falls back. The node is looked for in the new queueDirectory: after
changing that or clientName, send SIGHUP instead.

Exit codes: 0 the node works with them; 1 it is not running, takes too long, or fell
back; 2 the command line, the configuration or a transformer is wrong.`,
		Example:           "  mysql-sync reload configuration.json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
			if err := apiOf(cfg).call(cmd.Context(), http.MethodPost, "/api/reload", nil, nil); err != nil {
				return needsNode(err)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "the node has reloaded")
			return err
		}),
	}
}

// logLevels are the values of loggingLevel, quietest first; trace equals debug.
var logLevels = []string{"error", "warn", "info", "debug", "trace"}

func logLevelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "log-level CONFIGURATION LEVEL",
		Short: "Change the running node's log level until it stops",
		Long: `Change the running node's log level: error, warn, info, debug, or trace, which
equals debug. The configuration keeps its loggingLevel, which applies again after
the next start or reload.

Exit codes: 0 changed; 1 the node is not running, or refused; 2 the command line or
the configuration is wrong.`,
		Example: `  mysql-sync log-level configuration.json debug
  mysql-sync log-level configuration.json info`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: firstOf(func(*config.Config) []string { return logLevels }),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(logLevels, args[1]) {
				return command.Usage(fmt.Errorf("%q is not one of %s", args[1], strings.Join(logLevels, ", ")))
			}
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			if err := apiOf(cfg).call(cmd.Context(), http.MethodPut, "/api/log-level", web.LogLevel{Level: args[1]}, nil); err != nil {
				return needsNode(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "the node now logs at level %s\n", args[1])
			return err
		},
	}
}

// needsNode adds to serve.ErrNotRunning that the command requires a running node.
func needsNode(err error) error {
	if errors.Is(err, serve.ErrNotRunning) {
		return fmt.Errorf("%w: nothing to do; it reads its configuration when it starts", err)
	}
	return err
}
