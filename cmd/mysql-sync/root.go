package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
)

const about = `mysql-sync keeps selected MySQL and MariaDB tables in sync across many sites, peer
to peer, over an MQTT broker.

A node installs triggers (mysqlSync…) that record changed rows in the table
table_changes, sends each changed row to its remotes, writes the rows they send, and
shows in the table sync_status what each remote has.

Exit codes: 0 stopped by SIGTERM or SIGINT; 1 failed, the last line says why; 2 the
command line or the configuration is wrong, each error names its key.`

// root returns the command line. A file as the only argument runs a node, as it always has.
func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "mysql-sync CONFIGURATION",
		Short: "Replicate tables between MySQL and MariaDB databases over MQTT",
		Long:  about,
		Example: `  mysql-sync configuration.json      run a node
  mysql-sync run configuration.yaml  the same
  mysql-sync status configuration.json --watch`,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return cmd.Help()
			case 1:
				if meant := command.Suggest(cmd, args[0]); meant != nil {
					return command.Usage(meant)
				}
				return run(cmd.Context(), args[0])
			}
			if meant := command.Suggest(cmd, args[0]); meant != nil {
				return command.Usage(meant)
			}
			return command.Usage(errors.New("expected one configuration file; see mysql-sync --help"))
		},
	}
	c.SetFlagErrorFunc(command.FlagError)
	c.SetHelpCommand(command.Help())
	c.Version = command.Version(version)
	c.SuggestionsMinimumDistance = 2
	group(c, "Set up:", initCommand(), checkCommand(), joinCommand(), aclCommand(), keyCommand(), schemaCommand())
	group(c, "Sites of a hub:", inviteCommand(), sitesCommand(), leadCommand())
	group(c, "Run:", runCommand(), reloadCommand(), logLevelCommand())
	group(c, "Watch and repair:", statusCommand(), fleetCommand(), healthCommand(), errorsCommand(), retryCommand(), conflictsCommand(), rowCommand(), verifyCommand(), resyncCommand(), pauseCommand(), resumeCommand(), transformCommand(), diagnosticsCommand())
	group(c, "Remove:", uninstallCommand())
	c.AddCommand(command.Common("mysql-sync", version)...)
	cobra.EnableCommandSorting = false // in the order in which they are needed
	command.Strict(c)
	return c
}

// group adds commands under a heading of the help. The shell completes files for the first argument of commands that
// take a configuration.
func group(root *cobra.Command, heading string, commands ...*cobra.Command) {
	for _, c := range commands {
		if c.ValidArgsFunction == nil && strings.Contains(c.Use, " CONFIGURATION") {
			c.ValidArgsFunction = configuration(nil)
		}
	}
	command.Group(root, heading, commands...)
}
