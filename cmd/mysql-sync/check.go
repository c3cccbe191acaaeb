package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/service"
)

var errMistakes = errors.New("there are mistakes")

func checkCommand() *cobra.Command {
	var asJSON, each bool
	var listen time.Duration
	c := &cobra.Command{
		Use:   "check CONFIGURATION",
		Short: "Find out what keeps a node from working",
		Long: `Look at everything a node with this configuration needs, and report each item as
fine (✓), working but worth knowing (!), or wrong (✗), with what that means and what
to do about it:

  the configuration, all errors at once; queueDirectory; the transformers;
  the database login, the server's version, clock and settings, the user's
  privileges one by one with any missing GRANT, the definers of the triggers;
  each table: its key, engine, foreign keys, other programs' triggers;
  the broker login, whether its access rules and message size allow a node's
  messages, and whether another client uses the same name;
  each remote: whether it is online, accepts the tables, answers, accepts batches
  (an empty one is sent to it, unless it encrypts or speaks version 1), has the
  right time, the same keys, and columns that hold all values; rows that it has
  refused, and rows waiting there for others.

If many tables have the same finding, the first ones are shown and the others named;
--all and --json show every one.

Nothing is changed and a running node is not disturbed, so you can run check at any
time; it takes some seconds, since it listens for the remotes. If the database or
the broker is down, everything else is still checked.

Exit codes: 0 fine, or warnings only; 1 something is wrong; 2 the command line or
the configuration is wrong, and nothing else was checked.`,
		Example: `  mysql-sync check configuration.json
  mysql-sync check configuration.json --json | jq 'select(.level != "right")'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if listen < 0 {
				return usageError{errors.New("--listen: expected a duration such as 10s")}
			}
			found, err := checkNode(cmd.Context(), args[0], listen)
			if err != nil {
				return usageError{err}
			}
			if asJSON {
				for _, f := range found {
					if err := json.NewEncoder(cmd.OutOrStdout()).Encode(f); err != nil {
						return err
					}
				}
			} else {
				printFindings(cmd.OutOrStdout(), found, each)
			}
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			return verdict(found)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line: level (right, warning, mistake), area, about, text, do")
	c.Flags().BoolVar(&each, "all", false, "every finding, even if many tables have the same one")
	c.Flags().DurationVar(&listen, "listen", 7*time.Second, "how long to listen for the remotes at most")
	return c
}

// verdict is the error of findings: a usageError where the configuration is wrong, as
// in all commands.
func verdict(found []check.Finding) error {
	if check.Worst(found) != check.Mistake {
		return nil
	}
	if slices.ContainsFunc(found, func(f check.Finding) bool { return f.Area == check.AreaConfiguration && f.Level == check.Mistake }) {
		return usageError{errMistakes}
	}
	return errMistakes
}

// checkNode looks at a configuration and, where it has no mistakes, at the rest.
func checkNode(ctx context.Context, path string, listen time.Duration) ([]check.Finding, error) {
	cfg, found, err := check.Configuration(path, os.Environ())
	if err != nil || cfg == nil {
		return found, err
	}
	return append(found, check.Node(ctx, cfg, check.Options{Listen: max(listen, time.Millisecond), Socket: service.Socket(cfg)})...), nil
}

// aboutWidth is up to how many characters what a finding is about is aligned.
const aboutWidth = 32

// How many findings that say the same are printed: each of so many, else the first
// ones, and of the rest so many names.
const (
	alikeMost  = 4
	alikeFirst = 2
	alikeNames = 12
)

// printFindings prints a table with a heading for each area, and the sum. What is said
// of many tables is said of the first, with the names of the others, unless each is
// asked for.
func printFindings(w io.Writer, found []check.Finding, each bool) {
	width, mistakes, warnings := 0, 0, 0
	for _, f := range found {
		width = max(width, min(utf8.RuneCountInString(f.About), aboutWidth))
		switch f.Level {
		case check.Mistake:
			mistakes++
		case check.Warning:
			warnings++
		}
	}
	area := ""
	for _, alike := range grouped(found, each) {
		if alike[0].Area != area {
			area = alike[0].Area
			fmt.Fprintln(w, area)
		}
		shown := alike
		if !each && len(alike) > alikeMost {
			shown = alike[:alikeFirst]
		}
		for i, f := range shown {
			fmt.Fprintf(w, "  %s %-*s  %s\n", f.Level.Mark(), width, f.About, f.Text)
			if f.Do != "" && (i == len(shown)-1 || shown[i+1].Do != f.Do) {
				fmt.Fprintf(w, "    %*s  → %s\n", width, "", f.Do)
			}
		}
		if rest := alike[len(shown):]; len(rest) > 0 {
			fmt.Fprintf(w, "  %s %-*s  the same for %s\n", alike[0].Level.Mark(), width, fmt.Sprintf("%d more", len(rest)), namesOf(rest))
		}
	}
	fmt.Fprintln(w, summary(mistakes, warnings))
}

// grouped returns the findings of each area with those that say the same together, by
// the place of their first.
func grouped(found []check.Finding, each bool) (groups [][]check.Finding) {
	type kind struct {
		level      check.Level
		area, text string
	}
	at := map[kind]int{}
	for _, f := range found {
		k := kind{f.Level, f.Area, f.Kind}
		i, known := at[k]
		if !known || each || f.Kind == "" {
			i = len(groups)
			at[k], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// namesOf lists what findings are about, each once.
func namesOf(list []check.Finding) string {
	var names []string
	for _, f := range list {
		if !slices.Contains(names, f.About) {
			names = append(names, f.About)
		}
	}
	if more := len(names) - alikeNames; more > 0 {
		return fmt.Sprintf("%s and %d more (--all shows each)", strings.Join(names[:alikeNames], ", "), more)
	}
	return strings.Join(names, ", ")
}

// summary counts what was found in words.
func summary(mistakes, warnings int) string {
	if mistakes+warnings == 0 {
		return "All is right."
	}
	count := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	var parts []string
	if mistakes > 0 {
		parts = append(parts, count(mistakes, "mistake"))
	}
	if warnings > 0 {
		parts = append(parts, count(warnings, "warning"))
	}
	return strings.Join(parts, ", ") + "."
}
