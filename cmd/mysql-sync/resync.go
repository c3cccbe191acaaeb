package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

func resyncCommand() *cobra.Command {
	var remote, where, at string
	var missing, all, asJSON bool
	c := &cobra.Command{
		Use:   "resync CONFIGURATION TABLE",
		Short: "Resend a table to remotes",
		Long: `Send the rows of a table to remotes again. The running node begins within a second
(a stopped one when it starts), resumes after a kill, and logs its progress;
mysql-sync status shows it.

With --missing, the default, a remote gets the rows it lacks, and none of its rows
is overwritten. With --all it gets every row as if it were written now. --at has a
site send its rows of the table again.

Exit codes: 0 recorded; 1 failed; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync resync configuration.json orders
  mysql-sync resync hub.json orders --at store-17
  mysql-sync resync configuration.json orders --remote berlin --all --where "year >= 2025"`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: firstOf(syncTables),
		RunE: func(cmd *cobra.Command, args []string) error {
			if missing && all {
				return command.Usage(errors.New("--missing and --all are mutually exclusive"))
			}
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			if at != "" && where != "" {
				return command.Usage(errors.New("--where is SQL, which a site does not take from another node: leave it out, or run this there"))
			}
			if at == "" && !cfg.Syncs(args[1]) {
				return command.Usage(fmt.Errorf("table %s is not in syncTables", args[1]))
			}
			if err := unless(at, checkRemote(cfg, remote)); err != nil {
				return err
			}
			n, running, done, err := reachAt(cmd.Context(), cfg, at)
			if err != nil {
				return err
			}
			defer done()
			mode := snapshot.Missing
			if all {
				mode = snapshot.All
			}
			if err := n.Resync(cmd.Context(), status.Resync{Table: args[1], Remote: remote, Mode: mode, Where: where}); err != nil {
				return err
			}
			to := cfg.RemoteClients
			if s, ok := n.(*site); ok {
				to = s.sendsTo()
			}
			if remote != "" {
				to = []string{remote}
			}
			for _, r := range to {
				if asJSON {
					if err := command.JSON(cmd.OutOrStdout()).Encode(asked{args[1], r, mode, running}); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s will be sent to %s (%s)\n", args[1], command.Clean(r), mode)
			}
			return nil
		},
	}
	atFlag(c, &at)
	c.Flags().StringVar(&remote, "remote", "", "only to this remote")
	c.Flags().StringVar(&where, "where", "", "only rows that match this SQL condition")
	c.Flags().BoolVar(&missing, "missing", false, "only rows the remote lacks (the default)")
	c.Flags().BoolVar(&all, "all", false, "every row, as if it were written now")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line, for each remote")
	completes(c, "remote", remotes)
	return c
}

// asked is a table that will be sent to a remote, as JSON.
type asked struct {
	Table   string `json:"table"`
	Remote  string `json:"remote"`
	Mode    string `json:"mode"`    // missing, all
	Running bool   `json:"running"` // it starts now; otherwise when the node is started
}
