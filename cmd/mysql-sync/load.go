package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
)

// joinTime bounds asking the database which sites have joined.
const joinTime = 3 * time.Second

// load reads the configuration of a command, with the sites that have joined.
func load(path string) (*config.Config, error) {
	cfg, _, err := config.Load(path, os.Environ())
	if err != nil {
		return nil, command.Usage(err)
	}
	return withSites(cfg), nil
}

// withSites returns a configuration with the sites that have joined. If the database does not answer, a command goes on without
// them, and fails by itself where it needs the database.
func withSites(cfg *config.Config) *config.Config {
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	if all, err := sites.Of(ctx, cfg); err == nil {
		return all
	}
	return cfg
}

// withConfig returns the Run function of a command whose first argument is a configuration.
func withConfig(run func(cmd *cobra.Command, cfg *config.Config, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cfg, err := load(args[0])
		if err != nil {
			return err
		}
		return run(cmd, cfg, args)
	}
}
