package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
)

// listMost is how many items a list shows at most.
const listMost = 1000

func runsCommand() *cobra.Command {
	var asJSON bool
	var state string
	var which api.Which
	c := &cobra.Command{
		Use:   "runs FILE [JOB]",
		Short: "List the jobs' runs, newest first",
		Long: `List the runs of all jobs or of one, newest first: what started each and when, how
many rows it read and sent, and why it failed.

Exit codes: 0 listed; 1 it could not be read; 2 the command line or the
configuration is wrong.`,
		Example: `  mysql-sync-connector runs connector.yaml orders
  mysql-sync-connector runs connector.yaml --result failed`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if which.Limit < 1 || which.Limit > listMost {
				return command.Usage(fmt.Errorf("--limit: %d is not between 1 and %d", which.Limit, listMost))
			}
			s, err := siteOf(args[0], state)
			if err != nil {
				return err
			}
			if len(args) > 1 {
				which.Job = args[1]
			}
			ctx := cmd.Context()
			var list []api.Run
			if err := s.look(ctx, func() (err error) {
				list, err = s.client.Runs(ctx, which)
				return err
			}, func(d *connector.Desk) (err error) {
				list, err = d.Runs(ctx, which)
				return err
			}); err != nil {
				return err
			}
			if asJSON {
				return encode(cmd.OutOrStdout(), list...)
			}
			printRuns(cmd.OutOrStdout(), list)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	c.Flags().StringVar(&which.State, "result", "", "only runs in this state: running, waiting, done, failed, interrupted, skipped or cancelled")
	c.Flags().BoolVar(&which.Open, "open", false, "only runs that failed or are waiting and still need attention")
	c.Flags().Int64Var(&which.Before, "before", 0, "only those with a lower id, for the next page")
	c.Flags().IntVar(&which.Limit, "limit", 50, "maximum number to list")
	stateFlag(c, &state)
	return c
}

func printRuns(w io.Writer, list []api.Run) {
	if len(list) == 0 {
		fmt.Fprintln(w, "No runs yet.")
		return
	}
	g := command.Grid{Columns: []command.Column{
		{Name: "RUN", Right: true}, {Name: "JOB"}, {Name: "WHY", Matters: 4}, {Name: "STARTED"}, {Name: "TOOK", Right: true, Matters: 3}, {Name: "RESULT"}, {Name: "READ", Right: true, Matters: 2},
		{Name: "SENT", Right: true, Matters: 1}, {Name: "DELETED", Right: true, Matters: 5}, {Name: "UNCHANGED", Right: true, Matters: 6}, {Name: "REFUSED", Right: true, Matters: 1}, {Name: "ERROR"},
	}}
	for i := range list {
		r := &list[i]
		took, failed := "", r.Error
		if r.Ended != nil {
			took = command.Span(r.Ended.Sub(r.Started))
		}
		if r.ReportDate != "" {
			r.Kind += " of " + r.ReportDate
		}
		if r.Stage != "" {
			failed = r.Stage + ": " + failed
		}
		g.Add(fmt.Sprint(r.ID), r.Job, r.Kind, r.Started.Local().Format(time.DateTime), took, r.State, command.Number(int64(r.Read)), command.Number(int64(r.Sent)),
			command.Number(int64(r.Deleted)), command.Number(int64(r.Unchanged)), command.Number(int64(r.Refused)), failed)
	}
	g.Print(w, width(w))
}

func refusedCommand() *cobra.Command {
	var asJSON bool
	var state string
	var after int64
	var limit int
	c := &cobra.Command{
		Use:   "refused FILE JOB",
		Short: "List the rows that a destination refused",
		Long: `List the rows of a job that a destination refused, with the reason. They are retried
by the retry command, by manual runs, hourly by scheduled runs, and when they change
at the source.

Exit codes: 0 listed; 1 it could not be read; 2 the command line or the
configuration is wrong.`,
		Example: "  mysql-sync-connector refused connector.yaml orders",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > listMost {
				return command.Usage(fmt.Errorf("--limit: %d is not between 1 and %d", limit, listMost))
			}
			s, err := siteOf(args[0], state)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			var list []api.Refused
			if err := s.look(ctx, func() (err error) {
				list, err = s.client.Refused(ctx, args[1], after, limit)
				return err
			}, func(d *connector.Desk) (err error) {
				list, err = d.Refused(ctx, args[1], after, limit)
				return err
			}); err != nil {
				return err
			}
			if asJSON {
				return encode(cmd.OutOrStdout(), list...)
			}
			printRefused(cmd.OutOrStdout(), list)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line, including the row itself unless it has more than 256 KiB")
	c.Flags().Int64Var(&after, "after", 0, "only those with a higher id, for the next page")
	c.Flags().IntVar(&limit, "limit", 50, "maximum number to list")
	stateFlag(c, &state)
	return c
}

func printRefused(w io.Writer, list []api.Refused) {
	if len(list) == 0 {
		fmt.Fprintln(w, "No rows have been refused.")
		return
	}
	for i := range list {
		r := &list[i]
		what := "change"
		if r.Delete {
			what = "delete"
		}
		fmt.Fprintf(w, "%d  %s of %s at %s, tried %s, last %s\n    %s\n", r.ID, what, command.Clean(r.Key), command.Clean(r.Destination),
			command.Some(int64(r.Tries), "time", "times"), r.At.Local().Format(time.DateTime), command.Clean(r.Reason))
	}
}
