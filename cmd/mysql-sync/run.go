package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/service"
)

// stopTime bounds a clean stop.
const stopTime = 4500 * time.Millisecond

func runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run CONFIGURATION",
		Short: "Run a node until it is stopped",
		Long: `Run a node until SIGTERM or SIGINT, then stop within 5 seconds: work in progress is
finished or left for the next start, and the other nodes are notified.

The node waits for a database or broker that is not up yet. A refused login, a table
that is missing or has no primary key, or any other configuration error ends the
node at once; all errors are reported together.

On SIGHUP the node rereads the configuration and the transformers, like mysql-sync
reload. They are checked as at startup; if there is an error, it is logged and the
node carries on as before.

Exit codes: 0 stopped by a signal; 1 failed, including when the database refuses the
login or lacks a table; 2 the configuration itself is wrong.`,
		Example: "  mysql-sync run /etc/mysql-sync/configuration.json",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), args[0]) },
	}
}

func run(ctx context.Context, path string) error {
	log := logging.New(os.Stderr)
	limitMemory(log.Logger, memlimit.FromCgroup)
	load := func(signed []byte) (*config.Config, []string, error) {
		return config.Try(path, os.Environ(), signed)
	}
	service, err := service.New(load, log, command.Version(version))
	if err != nil {
		return command.Usage(err)
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	for {
		select {
		case err := <-done:
			return ended(ctx, err)
		case <-hangup:
			go func() { _ = service.Reload(ctx) }() // it logs errors itself
			continue
		case <-ctx.Done():
		}
		select {
		case err := <-done:
			return ended(ctx, err)
		case <-time.After(stopTime):
			log.Warn("stopped without waiting for work in progress; it is done at the next start")
			return nil
		}
	}
}

// ended returns what went wrong when a node stopped.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
