package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
)

// orderCommands are the commands that run a job.
func orderCommands() []*cobra.Command {
	const codes = `

The command waits for the run to end, and shows its progress on a terminal. If the
connector is not running, the command does the work itself.

Exit codes: 0 the run succeeded; 1 it failed, or could not start; 2 the command line
or the configuration is wrong.`
	return []*cobra.Command{
		orderCommand(api.OrderRun, "Run a job now", `Run a job now, whatever its schedule. Refused rows are retried.`+codes),
		orderCommand(api.OrderRetry, "Send pending and refused rows", `Send the rows that wait for a destination and those that it has refused, without
reading the source. For a report, the dates that have failed are requested again, or
the one given by --date.`+codes),
		orderCommand(api.OrderBackfill, "Read all rows again", `Read all rows even if the job has a watermark. Unchanged rows are not sent again. For
a report, --date is the day to request.`+codes),
		orderCommand(api.OrderApprove, "Run a job without its guard against deletes", `Run a job, and let it make the deletes that its guard has stopped: of more rows than
guard.percent and guard.rows allow, because the source no longer has them.`+codes),
	}
}

func orderCommand(kind, short, long string) *cobra.Command {
	var state string
	o := api.Order{Kind: kind}
	c := &cobra.Command{
		Use: kind + " FILE JOB", Short: short, Long: long,
		Example: "  mysql-sync-connector " + kind + " connector.yaml orders",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := siteOf(args[0], state)
			if err != nil {
				return err
			}
			if err := s.has(args[1]); err != nil {
				return err
			}
			return s.order(cmd.Context(), cmd.OutOrStdout(), args[1], o)
		},
	}
	if kind == api.OrderBackfill || kind == api.OrderRetry {
		c.Flags().StringVar(&o.Date, "date", "", "day of the report, such as 2026-11-27")
	}
	stateFlag(c, &state)
	return c
}

// order runs a job, in the running connector or in this process.
func (s *site) order(ctx context.Context, w io.Writer, job string, o api.Order) error {
	shown, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() { defer close(done); s.progress(shown, w, job) }()
	err := s.client.Order(ctx, job, o, true)
	stop()
	<-done
	if !errors.Is(err, api.ErrNotRunning) {
		if err == nil {
			s.result(ctx, w, job)
		}
		return said(err)
	}
	log := logging.New(os.Stderr)
	if err := log.SetLevel("warn"); err != nil {
		return err
	}
	c, err := connector.New(s.plan, connector.Options{Log: log.Logger.With(zap.String("state", s.state)), Version: version, State: s.state, Pause: firstPause, Once: true, Only: job, Order: o})
	if err != nil {
		return said(err)
	}
	if err := c.Run(ctx); err != nil {
		return err
	}
	s.result(ctx, w, job)
	return nil
}

// result prints the counters of the last run.
func (s *site) result(ctx context.Context, w io.Writer, job string) {
	status, err := s.status(ctx)
	if err != nil {
		return // the run itself succeeded
	}
	for i := range status.Jobs {
		if l := status.Jobs[i].Last; l != nil && l.Job == job {
			fmt.Fprintf(w, "run %d: %s read, %d sent, %d deleted, %d unchanged, %d refused\n", l.ID, command.Some(int64(l.Read), "row", "rows"), l.Sent, l.Deleted, l.Unchanged, l.Refused)
		}
	}
}

// progressTime is how often a terminal shows a run's progress.
const progressTime = 500 * time.Millisecond

// progress shows the running connector's progress on a terminal, until ctx ends.
func (s *site) progress(ctx context.Context, w io.Writer, job string) {
	if width(w) == 0 {
		return
	}
	for {
		select {
		case <-ctx.Done():
			fmt.Fprint(w, "\r\x1b[K")
			return
		case <-time.After(progressTime):
		}
		status, err := s.client.Status(ctx)
		if err != nil {
			continue // it may be about to end
		}
		for i := range status.Jobs {
			if j := &status.Jobs[i]; j.Name == job && j.Running && j.Last != nil {
				waiting := 0
				for _, l := range j.Legs {
					waiting += l.Waiting
				}
				fmt.Fprintf(w, "\r\x1b[Krun %d: %s read, %s sent, %s waiting", j.Last.ID, command.Number(int64(j.Last.Read)), command.Number(int64(j.Last.Sent)), command.Number(int64(waiting)))
			}
		}
	}
}
