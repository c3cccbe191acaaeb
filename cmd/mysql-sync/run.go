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

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/daemon"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
)

// stopTime bounds an orderly stop.
const stopTime = 4500 * time.Millisecond

func runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run CONFIGURATION",
		Short: "Run a node until it is told to stop",
		Long: `Run a node until SIGTERM or SIGINT, then stop within 5 seconds: work under way is
finished or left for the next start, and the others are told.

A database or broker that is not there yet is waited for. A login that is refused,
a table that is not there or has no primary key, and any other mistake in the
configuration ends the node at once; all mistakes are told together.

SIGHUP has the node read the configuration and the transformers again, as
mysql-sync reload does. They are checked as at a start; a mistake is logged, and the
node goes on as it was.

Exit codes: 0 stopped in order; 1 failed, also where the database refuses the login
or lacks a table; 2 a mistake that shows in the configuration alone.`,
		Example: "  mysql-sync run /etc/mysql-sync/configuration.json",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), args[0]) },
	}
}

func run(ctx context.Context, path string) error {
	log := logging.New(os.Stderr)
	limitMemory(log.Logger, memlimit.FromCgroup)
	load := func() (*config.Config, []string, error) { return config.Load(path, os.Environ()) }
	service, err := daemon.NewService(load, log, buildVersion())
	if err != nil {
		return usageError{err}
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
			go func() { _ = service.Reload(ctx) }() // which logs what is wrong
			continue
		case <-ctx.Done():
		}
		select {
		case err := <-done:
			return ended(ctx, err)
		case <-time.After(stopTime):
			log.Warn("stopped without waiting longer for work under way; it is done at the next start")
			return nil
		}
	}
}

// ended returns what is wrong with how a node ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
