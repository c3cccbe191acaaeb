package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

func pauseCommand() *cobra.Command {
	var state, reason string
	c := &cobra.Command{
		Use:   "pause FILE JOB",
		Short: "Pause a job",
		Long: `Pause a job until resume. A run in progress continues; use cancel to stop it. Missed
runs are made up for after resume, within catchUp.

Exit codes: 0 paused; 1 it failed; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync-connector pause connector.yaml orders --reason "new price list"`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return tell(cmd, args, state, "paused",
				func(ctx context.Context, c *api.Client) error { return c.Pause(ctx, args[1], reason) },
				func(ctx context.Context, l *ledger.Ledger) error { return l.Pause(ctx, args[1], reason) })
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "reason shown with the paused job")
	stateFlag(c, &state)
	return c
}

func resumeCommand() *cobra.Command {
	var state string
	c := &cobra.Command{
		Use:   "resume FILE JOB",
		Short: "Resume a paused job",
		Long: `Resume a paused job. If runs were missed meanwhile, the job runs once, within
catchUp.

Exit codes: 0 resumed; 1 it failed; 2 the command line or the configuration is
wrong.`,
		Example: "  mysql-sync-connector resume connector.yaml orders",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return tell(cmd, args, state, "resumed",
				func(ctx context.Context, c *api.Client) error { return c.Resume(ctx, args[1]) },
				func(ctx context.Context, l *ledger.Ledger) error { return l.Resume(ctx, args[1]) })
		},
	}
	stateFlag(c, &state)
	return c
}

func clearCommand() *cobra.Command {
	var state, date string
	c := &cobra.Command{
		Use:   "clear FILE JOB",
		Short: "Clear a job's failed runs",
		Long: `Take a job's failed runs off the list that "runs --open" shows. Failed reports are
requested again with the job's next scheduled run; "retry" does so now.

Exit codes: 0 cleared; 1 it failed; 2 the command line or the configuration is wrong.`,
		Example: "  mysql-sync-connector clear connector.yaml sales --date 2026-11-27",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := schedule.AddDays(date, 0); date != "" && err != nil {
				return command.Usage(fmt.Errorf("--date: %w", err))
			}
			return tell(cmd, args, state, "cleared",
				func(ctx context.Context, c *api.Client) error { return c.Clear(ctx, args[1], date) },
				func(ctx context.Context, l *ledger.Ledger) error { return l.ClearReports(ctx, args[1], date) })
		},
	}
	c.Flags().StringVar(&date, "date", "", "only those of this day's report, such as 2026-11-27")
	stateFlag(c, &state)
	return c
}

func cancelCommand() *cobra.Command {
	var state string
	c := &cobra.Command{
		Use:   "cancel FILE JOB",
		Short: "Cancel a job's run",
		Long: `Cancel a job's current run. What it has read stays in the outbox, and the next run
continues from there.

Exit codes: 0 the run is ending; 1 no run is in progress; 2 the command line or the
configuration is wrong.`,
		Example: "  mysql-sync-connector cancel connector.yaml orders",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return tell(cmd, args, state, "cancelled",
				func(ctx context.Context, c *api.Client) error { return c.Cancel(ctx, args[1]) },
				func(context.Context, *ledger.Ledger) error { return api.ErrIdle })
		},
	}
	stateFlag(c, &state)
	return c
}

// tell sends a request to the running connector or, if none is running, changes the state.
func tell(cmd *cobra.Command, args []string, state, done string, running func(context.Context, *api.Client) error, stopped func(context.Context, *ledger.Ledger) error) error {
	s, err := siteOf(args[0], state)
	if err != nil {
		return err
	}
	if err := s.has(args[1]); err != nil {
		return err
	}
	err = running(cmd.Context(), s.client)
	if errors.Is(err, api.ErrNotRunning) {
		err = s.write(cmd.Context(), func(l *ledger.Ledger) error { return stopped(cmd.Context(), l) })
	}
	if err != nil {
		return said(err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is %s\n", args[1], done)
	return nil
}
