package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

func errorsCommand() *cobra.Command {
	var of status.Rows
	var asJSON bool
	var limit int
	var at string
	c := &cobra.Command{
		Use:   "errors CONFIGURATION",
		Short: "List the rows that remotes refused, with reasons",
		Long: `List the rows that a remote refused, or that a transformer failed on, latest first,
each with the reason and the time of the next attempt. All other rows keep going. A
row that only waits for another, such as its parent, is listed too and marked as
waiting: it counts as pending. One that waits for a unique value held by another row
counts as an error after some attempts. Works on a running or stopped node, and with
--at on a site that a running node reaches.

What to do: fix the row, or what blocks it at the remote (a table not altered there
yet, a unique value already taken), then wait, or run mysql-sync retry.

Exit codes: 0 listed; 1 failed; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync errors configuration.json
  mysql-sync errors configuration.json --remote berlin --table orders
  mysql-sync errors hub.json --at store-17
  mysql-sync errors configuration.json --json | jq -r .message | sort | uniq -c`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
			if err := errors.Join(unless(at, checkRemote(cfg, of.Remote), checkTable(cfg, of.Table)), checkLimit(limit)); err != nil {
				return err
			}
			n, _, done, err := reachAt(cmd.Context(), cfg, at)
			if err != nil {
				return err
			}
			defer done()
			list, err := n.Errors(cmd.Context(), of, limit)
			if err != nil {
				return err
			}
			if asJSON {
				return lines(cmd.OutOrStdout(), list)
			}
			showErrors(cmd.OutOrStdout(), list, limit)
			return nil
		}),
	}
	atFlag(c, &at)
	c.Flags().StringVar(&of.Remote, "remote", "", "only rows of this remote")
	c.Flags().StringVar(&of.Table, "table", "", "only rows of this table")
	c.Flags().IntVar(&limit, "limit", 100, "maximum number to list, up to 1000")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	completes(c, "remote", remotes)
	completes(c, "table", syncTables)
	return c
}

// listMost is the longest list: the API returns no more.
const listMost = 1000

func checkLimit(limit int) error {
	if limit < 1 || limit > listMost {
		return command.Usage(fmt.Errorf("--limit: %d is not between 1 and %d", limit, listMost))
	}
	return nil
}

// showErrors prints refused rows, each with its reason on a separate line, since reasons are long.
func showErrors(w io.Writer, list []status.RowError, limit int) {
	if len(list) == 0 {
		fmt.Fprintln(w, "no rows refused")
		return
	}
	for _, e := range list {
		fmt.Fprintf(w, "%s  %s → %s  %s\n", moment(e.At), command.Clean(e.Table+" "+e.ID), command.Clean(e.Remote), tries(e))
		fmt.Fprintf(w, "    %s\n", command.Clean(e.Message))
	}
	if len(list) == limit {
		fmt.Fprintf(w, "… there may be more: see --limit\n")
	}
}

func tries(e status.RowError) string {
	text := strconv.Itoa(e.Attempts) + " tries"
	if e.Attempts == 1 {
		text = "1 try"
	}
	if e.Waits {
		text = "waits for another row, " + text
	}
	if e.RetryAt.After(time.Now()) {
		return "(" + text + ", the next at " + moment(e.RetryAt) + ")"
	}
	return "(" + text + ", the next soon)"
}

// moment is a time for people, in their zone; a dash if unknown.
func moment(t time.Time) string {
	if t.IsZero() || t.Unix() <= 0 {
		return "—"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// lines prints a list as one JSON object per line.
func lines[T any](w io.Writer, list []T) error {
	e := command.JSON(w)
	for i := range list {
		if err := e.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}
