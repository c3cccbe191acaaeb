package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Exit codes, as the help tells them.
const (
	exitFailed = 1 // the command did not do its work
	exitUsage  = 2 // the command line or the configuration is wrong
)

const about = `mysql-sync keeps selected MySQL and MariaDB tables in sync across many sites, peer
to peer, over an MQTT broker.

A node installs triggers (mysqlSync…) that record changed rows in the table
table_changes, sends each changed row to its remotes, writes the rows they send, and
shows in the table sync_status what each remote has.

Exit codes: 0 stopped by SIGTERM or SIGINT; 1 failed, the last line says why; 2 the
command line or the configuration is wrong, each error names its key.`

// root returns the command line. A file as the only argument is run, as ever.
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
				if meant := suggest(cmd, args[0]); meant != nil {
					return usageError{meant}
				}
				return run(cmd.Context(), args[0])
			}
			if meant := suggest(cmd, args[0]); meant != nil {
				return usageError{meant}
			}
			return usageError{errors.New("expected one configuration file; see mysql-sync --help")}
		},
	}
	c.SetFlagErrorFunc(flagError)
	c.SetHelpCommand(helpCommand())
	c.Version = buildVersion()
	c.SuggestionsMinimumDistance = 2
	group(c, "Set up:", initCommand(), checkCommand(), aclCommand(), keyCommand(), schemaCommand())
	group(c, "Run:", runCommand(), reloadCommand(), logLevelCommand())
	group(c, "Watch and repair:", statusCommand(), healthCommand(), errorsCommand(), retryCommand(), conflictsCommand(), verifyCommand(), resyncCommand(), transformCommand())
	group(c, "Remove:", uninstallCommand())
	c.AddCommand(versionCommand())
	cobra.EnableCommandSorting = false // they stand in the order in which one needs them
	strict(c)
	return c
}

// suggest returns an error for a word that is no command and no file, with the commands
// that it may stand for.
func suggest(root *cobra.Command, word string) error {
	if _, err := os.Lstat(word); err == nil || strings.ContainsAny(word, "./") {
		return nil
	}
	list := root.SuggestionsFor(word)
	if len(list) == 0 {
		return fmt.Errorf("%q is neither a command nor a file; mysql-sync --help lists the commands", word)
	}
	return fmt.Errorf("%q is neither a command nor a file; did you mean %s?", word, strings.Join(list, " or "))
}

// flagError is a mistake in a flag, with the nearest one that the command has.
func flagError(c *cobra.Command, err error) error {
	if word, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if nearest := config.Nearest(word, names); nearest != "" {
			err = fmt.Errorf("%w; did you mean --%s?", err, nearest)
		}
	}
	return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
}

// helpCommand is cobra's, but that a command that there is not is a mistake.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about a command",
		RunE: func(c *cobra.Command, args []string) error {
			of, rest, err := c.Root().Find(args)
			if err == nil && (len(rest) == 0 || of != c.Root()) {
				of.InitDefaultHelpFlag()
				return of.Help()
			}
			if meant := suggest(c.Root(), args[0]); meant != nil {
				return usageError{meant}
			}
			return usageError{fmt.Errorf("%q is not a command; mysql-sync --help lists the commands", args[0])}
		},
	}
}

// group adds commands under a heading of the help. The shell completes files for the
// first argument of those that have a configuration.
func group(root *cobra.Command, heading string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: heading, Title: heading})
	for _, c := range commands {
		c.GroupID = heading
		if c.ValidArgsFunction == nil && strings.Contains(c.Use, " CONFIGURATION") {
			c.ValidArgsFunction = configuration(nil)
		}
		root.AddCommand(c)
	}
}

// strict makes a wrong number of arguments a usageError, in all commands.
func strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				if c.HasSubCommands() {
					return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
				}
				return usageError{fmt.Errorf("%s given; usage: %s", some(int64(len(args)), "argument is", "arguments are"), c.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

// usageError is a mistake in the command line or the configuration.
type usageError struct{ error }

// Unwrap returns the mistake itself.
func (u usageError) Unwrap() error { return u.error }

func exitCode(err error) int {
	var usage usageError
	var mistakes config.Mistakes
	if errors.As(err, &usage) || errors.As(err, &mistakes) {
		return exitUsage
	}
	return exitFailed
}

// buildVersion is the release's version or, in other builds, the commit's.
func buildVersion() string {
	if version != "dev" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "-" + s.Value[:12]
		}
	}
	return version
}
