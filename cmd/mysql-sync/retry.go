package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func retryCommand() *cobra.Command {
	var remote string
	c := &cobra.Command{
		Use:   "retry CONFIGURATION",
		Short: "Send rows that were refused again, now",
		Long: `Send the rows that a remote refused, or that a transformer failed on, again now. The
node tries them by itself too, after a minute and then at growing intervals of up
to an hour; see sync_status for what was wrong with each.

Exit codes: 0 done; 1 failed; 2 a mistake in the command line or configuration.`,
		Example: "  mysql-sync retry configuration.json --remote berlin",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, db, err := open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer db.Close()
			remotes, err := remotesOf(cfg, remote)
			if err != nil {
				return err
			}
			for _, r := range remotes {
				res, err := db.ExecContext(cmd.Context(), `UPDATE sync_outbox SET retry_at = 0 WHERE remote = ? AND state = 'waiting'`, r)
				if err != nil {
					return fmt.Errorf("retry rows of %s: %w", r, err)
				}
				n, err := res.RowsAffected()
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d rows\n", r, n)
			}
			return nil
		},
	}
	c.Flags().StringVar(&remote, "remote", "", "only those of this remote")
	return c
}
