package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/journal"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

func conflictsCommand() *cobra.Command {
	var asJSON bool
	var limit int
	var putBack string
	c := &cobra.Command{
		Use:   "conflicts CONFIGURATION",
		Short: "List the versions that lost a conflict, and put one back",
		Long: `List the conflicts that this node found, the latest first: two versions of a row,
neither of which knew the other, with both rows. Each is kept at the node where the
two met.

--put-back N writes the row that lost over the one that stands now, as a write of
this node: it goes to all remotes.

Exit codes: 0 done; 1 failed; 2 a mistake in the command line or configuration.`,
		Example: `  mysql-sync conflicts configuration.json
  mysql-sync conflicts configuration.json --put-back 17`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, db, err := open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer db.Close()
			if putBack != "" {
				id, err := strconv.ParseUint(putBack, 10, 64)
				if err != nil {
					return usageError{fmt.Errorf("--put-back: %q is not the number of a conflict", putBack)}
				}
				return journal.PutBack(cmd.Context(), db, schema.NewTables(db), id)
			}
			list, err := journal.List(cmd.Context(), db, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			for _, c := range list {
				fmt.Fprintf(cmd.OutOrStdout(), "%d  %s UTC  %s %s  (%s)\n", c.ID, c.DetectedAt, c.Table, c.PrimaryKey, c.Policy)
				fmt.Fprintf(cmd.OutOrStdout(), "    stands: %-32s %s\n    lost:   %-32s %s\n", c.WinnerOrigin, row(c.Winner), c.LoserOrigin, row(c.Loser))
				if c.PutBackAt.Valid {
					fmt.Fprintf(cmd.OutOrStdout(), "    put back at %s UTC\n", c.PutBackAt.String)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	c.Flags().IntVar(&limit, "limit", 100, "list at most so many")
	c.Flags().StringVar(&putBack, "put-back", "", "write the row that lost conflict `N` again")
	return c
}

func row(s sql.NullString) string {
	if !s.Valid {
		return "(deleted)"
	}
	return s.String
}

// printJSON prints conflicts with their rows as JSON, null for a deleted one.
func printJSON(w io.Writer, list []journal.Conflict) error {
	raw := func(s sql.NullString) json.RawMessage {
		if !s.Valid {
			return json.RawMessage("null")
		}
		return json.RawMessage(s.String)
	}
	for _, c := range list {
		line := struct {
			journal.Conflict
			Winner    json.RawMessage `json:"winner"`
			Loser     json.RawMessage `json:"loser"`
			PutBackAt *string         `json:"putBackAt"`
		}{Conflict: c, Winner: raw(c.Winner), Loser: raw(c.Loser)}
		if c.PutBackAt.Valid {
			line.PutBackAt = &c.PutBackAt.String
		}
		if err := json.NewEncoder(w).Encode(line); err != nil {
			return err
		}
	}
	return nil
}
