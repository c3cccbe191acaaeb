package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// load reads the configuration of a command.
func load(path string) (*config.Config, error) {
	cfg, _, err := config.Load(path, os.Environ())
	if err != nil {
		return nil, command.Usage(err)
	}
	return cfg, nil
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
