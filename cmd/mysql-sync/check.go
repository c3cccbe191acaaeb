package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/service"
)

var errMistakes = errors.New("there are mistakes")

func checkCommand() *cobra.Command {
	var asJSON, each bool
	var listen time.Duration
	c := &cobra.Command{
		Use:   "check CONFIGURATION",
		Short: "Find out what keeps a node from working",
		Long: `Look at everything a node with this configuration needs, and report each item as
fine (✓), working but worth knowing (!), or wrong (✗), with what that means and what
to do about it:

  the configuration, all errors at once; queueDirectory; the transformers;
  the database login, the server's version, clock and settings, the user's
  privileges one by one with any missing GRANT, the definers of the triggers;
  each table: its key, engine, foreign keys, other programs' triggers;
  the broker login, whether its access rules and message size allow a node's
  messages, and whether another client uses the same name;
  each remote: whether it is online, accepts the tables, answers, accepts batches
  (an empty one is sent to it, unless it encrypts or speaks version 1), has the
  right time, the same keys, and columns that hold all values; rows that it has
  refused, and rows waiting there for others.

If many tables have the same finding, the first ones are shown and the others named;
--all and --json show every one.

Nothing is changed and a running node is not disturbed, so you can run check at any
time; it takes some seconds, since it listens for the remotes. If the database or
the broker is down, everything else is still checked.

Exit codes: 0 fine, or warnings only; 1 something is wrong; 2 the command line or
the configuration is wrong, and nothing else was checked.`,
		Example: `  mysql-sync check configuration.json
  mysql-sync check configuration.json --json | jq 'select(.level != "right")'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if listen < 0 {
				return command.Usage(errors.New("--listen: expected a duration such as 10s"))
			}
			found, err := checkNode(cmd.Context(), args[0], listen)
			if err != nil {
				return command.Usage(err)
			}
			if asJSON {
				if err := finding.Encode(command.Safe(cmd.OutOrStdout()), found); err != nil {
					return err
				}
			} else {
				finding.Print(cmd.OutOrStdout(), found, each)
			}
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			return verdict(found)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line: level (right, warning, mistake), area, about, text, do, at (file and line)")
	c.Flags().BoolVar(&each, "all", false, "every finding, even if many tables have the same one")
	c.Flags().DurationVar(&listen, "listen", 7*time.Second, "how long to listen for the remotes at most")
	return c
}

// verdict returns the error for findings: a usage error if the configuration is wrong, as in all commands.
func verdict(found []finding.Finding) error {
	if finding.Worst(found) != finding.Mistake {
		return nil
	}
	if slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Area == check.AreaConfiguration && f.Level == finding.Mistake }) {
		return command.Usage(errMistakes)
	}
	return errMistakes
}

// checkNode checks a configuration and, if it has no mistakes, everything else.
func checkNode(ctx context.Context, path string, listen time.Duration) ([]finding.Finding, error) {
	cfg, found, err := check.Configuration(path, os.Environ())
	if err != nil {
		return found, err
	}
	if cfg != nil {
		found = append(found, check.Node(ctx, withSites(cfg), check.Options{Listen: max(listen, time.Millisecond), Socket: service.Socket(cfg)})...)
	}
	check.Locate(found, path, os.Environ(), cfg)
	return found, nil
}
