package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

func retryCommand() *cobra.Command {
	var of status.Rows
	var asJSON bool
	var at string
	c := &cobra.Command{
		Use:   "retry CONFIGURATION",
		Short: "Resend refused rows now",
		Long: `Resend the rows that a remote refused, or that a transformer failed on, now: all of
them, or those selected by the flags. A stopped node sends them when it starts. The
node also retries them on its own, at growing intervals of up to an hour; mysql-sync
errors shows what was wrong with each. --at does this at a site.

Exit codes: 0 done; 1 failed; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync retry configuration.json
  mysql-sync retry configuration.json --remote berlin
  mysql-sync retry configuration.json --table orders --id 17
  mysql-sync retry hub.json --at store-17 --table orders
  mysql-sync retry configuration.json --json | jq .rows`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if of.ID != "" && of.Table == "" {
				return command.Usage(errors.New("--id requires --table"))
			}
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			if err := unless(at, checkRemote(cfg, of.Remote), checkTable(cfg, of.Table)); err != nil {
				return err
			}
			n, running, done, err := reachAt(cmd.Context(), cfg, at)
			if err != nil {
				return err
			}
			defer done()
			rows, err := n.Retry(cmd.Context(), of)
			if err != nil {
				return err
			}
			if asJSON {
				return command.JSON(cmd.OutOrStdout()).Encode(retried{rows, running})
			}
			when := "now"
			if !running {
				when = "when the node runs"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s sent again %s\n", command.Some(rows, "refused row is", "refused rows are"), when)
			return nil
		},
	}
	atFlag(c, &at)
	c.Flags().StringVar(&of.Remote, "remote", "", "only rows of this remote")
	c.Flags().StringVar(&of.Table, "table", "", "only rows of this table")
	c.Flags().StringVar(&of.ID, "id", "", "only the row with this id, as mysql-sync errors shows it; requires --table")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object: rows, and whether the node is running")
	completes(c, "remote", remotes)
	completes(c, "table", syncTables)
	return c
}

// retried is what retry has done, as JSON.
type retried struct {
	Rows    int64 `json:"rows"`
	Running bool  `json:"running"` // they go now; otherwise when the node is started
}
