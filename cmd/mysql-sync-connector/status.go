package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
)

func statusCommand() *cobra.Command {
	var asJSON bool
	var state string
	c := &cobra.Command{
		Use:   "status FILE",
		Short: "Show the state of the jobs",
		Long: `Show whether the connector is running, and for each job when it runs next, how its
last run ended, how many rows are pending or refused at each destination, and the
open alerts.

The state comes from the running connector, or from the state file if none is
running. Nothing is changed.

Exit codes: 0 shown; 1 it could not be read; 2 the command line or the configuration
is wrong.`,
		Example: `  mysql-sync-connector status connector.yaml
  mysql-sync-connector status connector.yaml --json | jq '.jobs[] | select(.last.state == "failed")'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := siteOf(args[0], state)
			if err != nil {
				return err
			}
			status, err := s.status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return encode(cmd.OutOrStdout(), status)
			}
			printStatus(cmd.OutOrStdout(), status, time.Now())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	stateFlag(c, &state)
	return c
}

func jobsCommand() *cobra.Command {
	var asJSON bool
	var state string
	c := &cobra.Command{
		Use:   "jobs FILE",
		Short: "List the jobs",
		Long: `List the jobs with their schedules, when they run next, and how their last run
ended.

Exit codes: 0 listed; 1 it could not be read; 2 the command line or the
configuration is wrong.`,
		Example: "  mysql-sync-connector jobs connector.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := siteOf(args[0], state)
			if err != nil {
				return err
			}
			status, err := s.status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return encode(cmd.OutOrStdout(), status.Jobs...)
			}
			printJobs(cmd.OutOrStdout(), status, time.Now())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	stateFlag(c, &state)
	return c
}

// status returns a connector's status.
func (s *site) status(ctx context.Context) (status *api.Status, err error) {
	return status, s.look(ctx, func() (err error) {
		status, err = s.client.Status(ctx)
		return err
	}, func(d *connector.Desk) (err error) {
		status, err = d.Status(ctx)
		return err
	})
}

// printStatus prints a connector's status for people.
func printStatus(w io.Writer, s *api.Status, now time.Time) {
	name := command.Clean(s.Name)
	if s.Running {
		fmt.Fprintf(w, "%s  running for %s, version %s\n", name, command.Span(now.Sub(*s.Started)), command.Clean(s.Version))
	} else {
		fmt.Fprintf(w, "%s  not running; from the state file %s:\n", name, command.Clean(s.State))
	}
	fmt.Fprintln(w)
	printJobs(w, s, now)
	g := command.Grid{Columns: []command.Column{
		{Name: "JOB"}, {Name: "DESTINATION"}, {Name: "ROWS", Right: true}, {Name: "WAITING", Right: true}, {Name: "REFUSED", Right: true}, {Name: "SETTLED UP TO", Matters: 1},
	}}
	for i := range s.Jobs {
		for _, l := range s.Jobs[i].Legs {
			g.Add(s.Jobs[i].Name, l.Destination, command.Number(int64(l.Known)), command.Number(int64(l.Waiting)), command.Number(int64(l.Refused)), l.Settled)
		}
	}
	if len(g.Rows()) > 0 {
		fmt.Fprintln(w)
		g.Print(w, width(w))
	}
	for i, a := range s.Alerts {
		if i == 0 {
			fmt.Fprintln(w, "\nALERTS")
		}
		fmt.Fprintf(w, "%s  %s, %s: %s\n", a.Since.Local().Format(time.DateTime), command.Clean(a.Rule), command.Clean(a.Subject), command.Clean(a.Text))
	}
	for i := range s.Jobs {
		if last := s.Jobs[i].Last; last != nil && last.Error != "" {
			fmt.Fprintf(w, "\n%s, run %d failed at %s: %s\n", command.Clean(last.Job), last.ID, command.Clean(last.Stage), command.Clean(last.Error))
		}
	}
}

// printJobs prints a table of jobs.
func printJobs(w io.Writer, s *api.Status, now time.Time) {
	g := command.Grid{Columns: []command.Column{
		{Name: "JOB"}, {Name: "STATE"}, {Name: "SCHEDULE", Matters: 3}, {Name: "NEXT RUN", Matters: 2}, {Name: "LAST RUN", Matters: 1}, {Name: "RESULT"},
		{Name: "READ", Right: true, Matters: 4}, {Name: "SENT", Right: true, Matters: 4}, {Name: "DELETED", Right: true, Matters: 5},
	}}
	for i := range s.Jobs {
		j := &s.Jobs[i]
		state, next := "ready", "—"
		switch {
		case j.Running:
			state = "running"
		case j.Paused != nil:
			state = strings.TrimSuffix("paused: "+j.Paused.Reason, ": ")
		case !s.Running:
			state = "—"
		}
		if j.Next != nil && s.Running && j.Paused == nil {
			next = j.Next.Local().Format(time.DateTime)
		}
		if j.Last == nil {
			g.Add(j.Name, state, j.Schedule, next, "never")
			continue
		}
		l := j.Last
		g.Add(j.Name, state, j.Schedule, next, command.Ago(now, l.Started), l.State, command.Number(int64(l.Read)), command.Number(int64(l.Sent)), command.Number(int64(l.Deleted)))
	}
	g.Print(w, width(w))
}
