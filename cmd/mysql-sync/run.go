package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/daemon"
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

Exit codes: 0 stopped in order; 1 failed; 2 a mistake in the configuration.`,
		Example: "  mysql-sync run /etc/mysql-sync/configuration.json",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), args[0]) },
	}
}

func run(ctx context.Context, path string) error {
	cfg, warnings, err := config.Load(path, os.Environ())
	if err != nil {
		return usageError{err}
	}
	log := logger(cfg.LoggingLevel)
	for _, w := range warnings {
		log.Warn("configuration: " + w)
	}
	node, err := daemon.New(cfg, log, buildVersion())
	if err != nil {
		return usageError{err}
	}
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(stopTime):
			log.Warn("stopped without waiting longer for work under way; it is done at the next start")
			return nil
		}
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// logger writes to standard error, for people to read.
func logger(level string) *zap.Logger {
	levels := map[string]zapcore.Level{"error": zap.ErrorLevel, "warn": zap.WarnLevel, "info": zap.InfoLevel, "debug": zap.DebugLevel, "trace": zap.DebugLevel}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	enc.EncodeLevel = zapcore.CapitalLevelEncoder
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(enc), zapcore.Lock(os.Stderr), levels[level]))
}
