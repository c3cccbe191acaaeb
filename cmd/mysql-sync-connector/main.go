// Command mysql-sync-connector carries rows between databases and services that do
// not speak MQTT.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// The help lists commands in the order of use.
var _ = unsorted()

// unsorted makes cobra keep that order: the setting is global.
func unsorted() bool {
	cobra.EnableCommandSorting = false
	return false
}

// version is set by the release build.
var version = "dev"

// memoryGoal is the heap size, in bytes, from which garbage is collected more often: otherwise, rows of many MB could make
// the heap grow to a multiple of what is in use. It is a goal, not a limit; a lower GOMEMLIMIT takes precedence. With less,
// rows of 30 MB are collected around without end; with more, they take more than 96 MiB together with the program and SQLite.
const memoryGoal = 46 << 20

// collectAt is how much garbage may accumulate before it is collected, in percent of the memory in use (see GOGC). Little
// memory is in use, since rows wait in the state file; for large rows, memoryGoal bounds it.
const collectAt = 200

func main() {
	transform.Main()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), memoryGoal))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mysql-sync-connector:", command.CleanLines(text(err)))
		stop()
		os.Exit(command.ExitCode(err))
	}
}

// text formats an error for people: a file's mistakes have a line each.
func text(err error) string {
	if mistakes, ok := errors.AsType[keys.Mistakes](err); ok {
		return "the configuration is wrong\n" + mistakes.Located()
	}
	return err.Error()
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "mysql-sync-connector",
		Short: "Carry rows between databases and services",
		Long: `mysql-sync-connector carries rows between databases and services that do not speak
MQTT. It reads the rows of a query, compares them with what the destination has, and
sends those that are new or changed and, if asked (mode: replace), deletes those
that are gone. A state file records what each destination has acknowledged, so even
after a kill nothing is lost or sent twice.

Exit codes: 0 done, or stopped by SIGTERM or SIGINT; 1 a job failed, the last line
says why; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync-connector check connector.yaml
  mysql-sync-connector start connector.yaml
  mysql-sync-connector status connector.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			if meant := command.Suggest(c, args[0]); meant != nil {
				return command.Usage(meant)
			}
			return command.Usage(fmt.Errorf("expected a command before %s, such as start; see mysql-sync-connector --help", args[0]))
		},
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       command.Version(version),
	}
	c.SetFlagErrorFunc(command.FlagError)
	c.SetHelpCommand(command.Help())
	c.SuggestionsMinimumDistance = 2
	command.Group(c, "Set up:", checkCommand(), convertCommand(), schemaCommand())
	command.Group(c, "Run:", append([]*cobra.Command{startCommand(), reloadCommand()}, orderCommands()...)...)
	command.Group(c, "Watch and repair:", statusCommand(), jobsCommand(), runsCommand(), refusedCommand(), pauseCommand(), resumeCommand(), cancelCommand(), clearCommand())
	command.Group(c, "Back up:", backupCommand(), restoreCommand())
	c.AddCommand(command.Common("mysql-sync-connector", version)...)
	command.Strict(c)
	return c
}
