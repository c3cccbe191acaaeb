package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Shell completions. If the configuration cannot be read, nothing is completed.

// configuration completes the configuration file, which is the first argument of all commands, and then the other
// arguments from the configuration; rest may be nil.
func configuration(rest func(cfg *config.Config, before []string) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return []string{"json", "yaml", "yml", "toml"}, cobra.ShellCompDirectiveFilterFileExt
		}
		cfg, _, err := config.Load(args[0], os.Environ())
		if err != nil || rest == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return rest(withSites(cfg), args[1:]), cobra.ShellCompDirectiveNoFileComp
	}
}

// completes makes the shell complete a flag's value from the configuration.
func completes(c *cobra.Command, flag string, values func(*config.Config) []string) {
	f := func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		cfg, _, err := config.Load(args[0], os.Environ())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return values(withSites(cfg)), cobra.ShellCompDirectiveNoFileComp
	}
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the command has no such flag
	}
}

func remotes(cfg *config.Config) []string { return cfg.RemoteClients }

// peers returns all configured clients: those that rows are sent to, and those that they are accepted from.
func peers(cfg *config.Config) []string {
	all := slices.Concat(cfg.RemoteClients, cfg.AcceptFrom)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(c string) bool { return c == "*" })
}

func syncTables(cfg *config.Config) []string { return cfg.SyncTables }

func allTables(cfg *config.Config) []string {
	all := slices.Concat(cfg.SyncTables, cfg.ReceiveTables)
	slices.Sort(all)
	return slices.Compact(all)
}

// firstOf completes one argument after the configuration file, and no further ones.
func firstOf(values func(*config.Config) []string) cobra.CompletionFunc {
	return configuration(func(cfg *config.Config, before []string) []string {
		if len(before) > 0 {
			return nil
		}
		return values(cfg)
	})
}

// anyOf completes any number of arguments after the configuration file, each once.
func anyOf(values func(*config.Config) []string) cobra.CompletionFunc {
	return configuration(func(cfg *config.Config, before []string) []string {
		return slices.DeleteFunc(slices.Clone(values(cfg)), func(v string) bool { return slices.Contains(before, v) })
	})
}
