package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

func conflictsCommand() *cobra.Command {
	var asJSON, yes bool
	var limit int
	var putBack string
	var columns []string
	c := &cobra.Command{
		Use:   "conflicts CONFIGURATION",
		Short: "List the versions that lost a conflict, and restore one",
		Long: `List the conflicts this node found, latest first: two versions of a row, neither of
which knew of the other, with both rows. Each is kept at the node where the two met.
Works on a running or stopped node.

--put-back N shows the row as it is now, as it won and as it lost, and writes the
losing one over the current one, as a write of this node: it goes to all remotes.
--columns restores only some of its columns. If the row was written since the
conflict, the command asks first; without a terminal it needs --yes. If the row
changes between the check and the write, nothing is written. The overwritten row is
kept as a conflict with the policy putBack, and can be restored in turn.

Exit codes: 0 done; 1 failed, or declined; 2 the command line or the configuration
is wrong.`,
		Example: `  mysql-sync conflicts configuration.json
  mysql-sync conflicts configuration.json --put-back 17
  mysql-sync conflicts configuration.json --put-back 17 --columns price,name --yes
  mysql-sync conflicts configuration.json --json | jq .loser.row`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(putBack, 10, 64)
			if putBack != "" && err != nil {
				return command.Usage(fmt.Errorf("--put-back: %q is not the number of a conflict", putBack))
			}
			if putBack == "" && (len(columns) > 0 || yes) {
				return command.Usage(errors.New("--columns and --yes require --put-back"))
			}
			if err := checkLimit(limit); err != nil {
				return err
			}
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			n, _, done, err := reach(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer done()
			if putBack != "" {
				return restore(cmd, n, id, columns, yes, asJSON)
			}
			return listConflicts(cmd.Context(), cmd.OutOrStdout(), n, limit, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	c.Flags().IntVar(&limit, "limit", 100, "maximum number to list, up to 1000")
	c.Flags().StringVar(&putBack, "put-back", "", "restore the row that lost conflict `N`")
	c.Flags().StringSliceVar(&columns, "columns", nil, "restore only these columns")
	c.Flags().BoolVar(&yes, "yes", false, "even over a row written since the conflict")
	return c
}

// listConflicts prints the latest conflicts. If rows are large, the node answers with fewer than requested, and is
// asked for the rest.
func listConflicts(ctx context.Context, w io.Writer, n status.Node, limit int, asJSON bool) error {
	listed := 0
	for before := uint64(0); listed < limit; {
		list, err := n.Conflicts(ctx, before, limit-listed)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		listed, before = listed+len(list), list[len(list)-1].ID
		if !asJSON {
			showConflicts(w, list)
		} else if err := lines(w, list); err != nil {
			return err
		}
	}
	switch {
	case asJSON:
	case listed == 0:
		fmt.Fprintln(w, "no conflicts")
	case listed == limit:
		fmt.Fprintln(w, "… there may be more: see --limit")
	}
	return nil
}

func showConflicts(w io.Writer, list []status.Conflict) {
	for _, c := range list {
		fmt.Fprintf(w, "%d  %s  %s  (%s)\n", c.ID, moment(c.At), command.Clean(c.Table+" "+c.Row), command.Clean(c.Policy))
		fmt.Fprintf(w, "    stands: %-32s %s\n    lost:   %-32s %s\n", command.Clean(c.Winner.Origin), rowText(c.Winner), command.Clean(c.Loser.Origin), rowText(c.Loser))
		if c.PutBack != nil {
			fmt.Fprintf(w, "    put back at %s\n", moment(*c.PutBack))
		}
	}
}

func rowText(v status.Version) string {
	if len(v.Row) == 0 || string(v.Row) == "null" {
		return "(deleted)"
	}
	return command.Clean(string(v.Row))
}
