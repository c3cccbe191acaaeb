package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// watchEvery is the interval of --watch.
const watchEvery = time.Second

func statusCommand() *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "status CONFIGURATION",
		Short: "Show a node's state: remotes, pending rows, errors, transfers",
		Long: `Show the state of a node: its database and broker; for each remote whether it is
online, how many rows it still needs and how long the oldest has waited, how many it
refused, and how many pass per second; tables being sent as a whole; and anything
that needs a person's attention.

For a stopped node, it shows what its database says is pending and refused.

--watch refreshes every second, in place on a terminal, until Ctrl-C. Without a
terminal, or with NO_COLOR set, there are no colours.

Exit codes: 0 the node is running; 1 it is not, or could not be reached; 2 the
command line or the configuration is wrong.`,
		Example: `  mysql-sync status configuration.json
  mysql-sync status configuration.json --watch
  mysql-sync status configuration.json --json | jq '.remotes[] | {name, lag}'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
			l := &look{cfg: cfg}
			defer l.close()
			show := func(ctx context.Context, w io.Writer, s screen) error { return l.show(ctx, w, s, asJSON) }
			if watch {
				return repeat(cmd.Context(), cmd.OutOrStdout(), watchEvery, asJSON, show)
			}
			return show(cmd.Context(), cmd.OutOrStdout(), screenOf(cmd.OutOrStdout()))
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object, like GET /api/status, plus whether the node is running")
	c.Flags().BoolVar(&watch, "watch", false, "refresh every second")
	return c
}

// look polls a node.
type look struct {
	cfg  *config.Config
	node *status.Stopped // once it was found not to be running
	lock func(context.Context) (bool, error)
	done func()
}

// seen is the result of a poll.
type seen struct {
	Running bool `json:"running"`
	*status.State
	note string // why nothing more can be shown
}

// take polls the node. A stopped node is no error.
func (l *look) take(ctx context.Context) (seen, error) {
	var s status.State
	err := apiOf(l.cfg).within(ctx, "/api/status", &s)
	if !errors.Is(err, serve.ErrNotRunning) {
		return seen{Running: true, State: &s}, err
	}
	found := seen{note: err.Error()}
	if l.node == nil {
		db, err := open(ctx, l.cfg)
		if err != nil {
			return found, fmt.Errorf("%s; and %w", found.note, err)
		}
		l.node, l.done = stopped(l.cfg, db), func() { _ = db.Close() } // nothing is written
		l.lock = func(ctx context.Context) (bool, error) { return owner.Claimed(ctx, db) }
	}
	if found.State, err = l.node.State(ctx); err != nil {
		return found, fmt.Errorf("%s; and %w", found.note, err)
	}
	if elsewhere, err := l.lock(ctx); err == nil && elsewhere {
		found.note += "; but a node is using the database: with another queueDirectory, on another machine, or still starting"
	}
	return found, nil
}

func (l *look) close() {
	if l.done != nil {
		l.done()
	}
}

// show prints the result of a poll. The error is errNotRunning if the node is stopped.
func (l *look) show(ctx context.Context, w io.Writer, s screen, asJSON bool) error {
	found, err := l.take(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		err = command.JSON(w).Encode(found)
	} else {
		found.print(w, s)
	}
	if err == nil && !found.Running {
		err = errNotRunning
	}
	return err
}
