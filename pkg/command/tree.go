package command

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Suggest returns an error for a word that is neither a command nor a file, with the commands that it may stand for.
func Suggest(root *cobra.Command, word string) error {
	if _, err := os.Lstat(word); err == nil || strings.ContainsAny(word, "./") {
		return nil
	}
	list := root.SuggestionsFor(word)
	if len(list) == 0 {
		return fmt.Errorf("%q is neither a command nor a file; %s --help lists the commands", word, root.Name())
	}
	return fmt.Errorf("%q is neither a command nor a file; did you mean %s?", word, strings.Join(list, " or "))
}

// FlagError is an error about a flag, with the closest one that the command has.
func FlagError(c *cobra.Command, err error) error {
	if word, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if nearest := keys.Nearest(word, names); nearest != "" {
			err = fmt.Errorf("%w; did you mean --%s?", err, nearest)
		}
	} else if strings.HasPrefix(err.Error(), "unknown shorthand flag: ") {
		err = fmt.Errorf("%w; if it is not a flag, write -- before it", err) // the id -5, for example
	}
	return Usage(fmt.Errorf("%w; see %s --help", err, c.CommandPath()))
}

// Help is cobra's, except that an unknown command is an error.
func Help() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about a command",
		RunE: func(c *cobra.Command, args []string) error {
			of, rest, err := c.Root().Find(args)
			if err == nil && (len(rest) == 0 || of != c.Root()) {
				of.InitDefaultHelpFlag()
				return of.Help()
			}
			if meant := Suggest(c.Root(), args[0]); meant != nil {
				return Usage(meant)
			}
			return Usage(fmt.Errorf("%q is not a command; %s --help lists the commands", args[0], c.Root().Name()))
		},
	}
}

// Group adds commands under a heading of the help.
func Group(root *cobra.Command, heading string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: heading, Title: heading})
	for _, c := range commands {
		c.GroupID = heading
		root.AddCommand(c)
	}
}

// Strict makes a wrong number of arguments, and flags that exclude each other, usage errors, in all commands.
func Strict(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				if c.HasSubCommands() {
					return Usage(fmt.Errorf("%w; see %s --help", err, c.CommandPath()))
				}
				return Usage(fmt.Errorf("%s given; usage: %s", Some(int64(len(args)), "argument is", "arguments are"), c.UseLine()))
			}
			if err := c.ValidateFlagGroups(); err != nil {
				return FlagError(c, err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		Strict(sub)
	}
}
