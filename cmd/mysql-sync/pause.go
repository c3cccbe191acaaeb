package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

func pauseCommand() *cobra.Command {
	var ask status.PauseAsk
	var length, at string
	var asJSON bool
	c := &cobra.Command{
		Use:   "pause CONFIGURATION",
		Short: "Pause sending to a remote, of a table, or all",
		Long: `Pause sending rows: to a remote, of a table, of a table to a remote or, without
flags, all. With --for, sending resumes by itself after that time, even if the node
is not running then; otherwise the pause lasts until mysql-sync resume. Restarts do
not end it.

Nothing is lost: rows that are due stay pending, and are sent afterwards. Rows of
tables that refer to a paused one by a foreign key wait with it. Everything else
continues: other remotes and tables, receiving, acks, and comparisons. To stop
receiving a table, pause it at the remotes. A second pause of the same remote and
table replaces the first; otherwise all pauses apply. A stopped node can be paused
too: the pause applies when it starts. --at pauses what a site sends.

Exit codes: 0 paused; 1 failed; 2 the command line or the configuration is wrong.`,
		Example: `  mysql-sync pause configuration.json --remote store-17 --for 2h
  mysql-sync pause configuration.json --table orders --reason "new column"
  mysql-sync pause hub.json --at store-17 --for 1h
  mysql-sync pause configuration.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			if length != "" {
				d, err := span(length)
				if err != nil {
					return command.Usage(fmt.Errorf("--for: %w", err))
				}
				ask.Seconds = d.Seconds()
			}
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			if err := unless(at, checkRemote(cfg, ask.Remote)); err != nil {
				return err
			}
			if at == "" && ask.Table != "" && !cfg.Syncs(ask.Table) {
				return command.Usage(fmt.Errorf("--table: %s is not in syncTables%s", ask.Table, meant(ask.Table, cfg.SyncTables)))
			}
			n, running, done, err := reachAt(cmd.Context(), cfg, at)
			if err != nil {
				return err
			}
			defer done()
			if err := n.Pause(cmd.Context(), ask); err != nil {
				if errors.Is(err, status.ErrRequest) {
					err = command.Usage(err)
				}
				return err
			}
			s, err := n.State(cmd.Context())
			if err != nil {
				return err
			}
			for _, p := range s.Pauses {
				if p.Remote != ask.Remote || p.Table != ask.Table {
					continue
				}
				if asJSON {
					return command.JSON(cmd.OutOrStdout()).Encode(pausedNow{p, running})
				}
				say(cmd.OutOrStdout(), "paused: %s", pauseLine(p, s.Now))
			}
			return nil
		},
	}
	atFlag(c, &at)
	c.Flags().StringVar(&ask.Remote, "remote", "", "only to this remote")
	c.Flags().StringVar(&ask.Table, "table", "", "only this table, and those that refer to it")
	c.Flags().StringVar(&length, "for", "", "how long, such as 90m, 2h or 3d (default until resumed)")
	c.Flags().StringVar(&ask.Reason, "reason", "", "reason shown with the pause")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object: the pause, and whether the node is running")
	completes(c, "remote", remotes)
	completes(c, "table", syncTables)
	return c
}

func resumeCommand() *cobra.Command {
	var of status.ResumeAsk
	var asJSON bool
	var at string
	c := &cobra.Command{
		Use:   "resume CONFIGURATION",
		Short: "End pauses",
		Long: `End the pauses of a remote, of a table, or of both; without flags, all. Pending rows
are sent now, or once a stopped node runs. Pauses that remain are listed. --at ends
pauses at a site.

Exit codes: 0 ended, or nothing was paused; 1 failed; 2 the command line or the
configuration is wrong.`,
		Example: `  mysql-sync resume configuration.json --remote store-17
  mysql-sync resume configuration.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := load(args[0])
			if err != nil {
				return err
			}
			n, running, done, err := reachAt(cmd.Context(), cfg, at)
			if err != nil {
				return err
			}
			defer done()
			ended, err := n.Resume(cmd.Context(), of)
			if err != nil {
				// A pause may be of a remote or a table that is no longer in the configuration.
				return errors.Join(err, unless(at, checkRemote(cfg, of.Remote), checkTable(cfg, of.Table)))
			}
			if asJSON {
				for _, p := range ended {
					if err := command.JSON(cmd.OutOrStdout()).Encode(pausedNow{p, running}); err != nil {
						return err
					}
				}
				return nil
			}
			s, err := n.State(cmd.Context())
			if err != nil {
				return err
			}
			for _, p := range ended {
				say(cmd.OutOrStdout(), "resumed: %s", command.Clean(whatIsPaused(p)))
			}
			if len(ended) == 0 {
				say(cmd.OutOrStdout(), "nothing was paused")
			}
			for _, p := range s.Pauses {
				say(cmd.OutOrStdout(), "still paused: %s", pauseLine(p, s.Now))
			}
			return nil
		},
	}
	atFlag(c, &at)
	c.Flags().StringVar(&of.Remote, "remote", "", "only pauses of this remote")
	c.Flags().StringVar(&of.Table, "table", "", "only pauses of this table")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line, for each ended pause")
	completes(c, "remote", remotes)
	completes(c, "table", syncTables)
	return c
}

// pausedNow is a pause as JSON.
type pausedNow struct {
	status.Pause
	Running bool `json:"running"` // whether the node is; otherwise this takes effect when it starts
}

var days = regexp.MustCompile(`^(\d{1,5})d(.*)$`)

// span parses a duration in Go's form, which may begin with days.
func span(text string) (time.Duration, error) {
	whole, rest := time.Duration(0), text
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		if whole, rest = time.Duration(n)*24*time.Hour, m[2]; rest == "" {
			rest = "0s"
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d+whole < time.Second {
		return 0, fmt.Errorf("%q is not a time of at least one second, such as 90m, 2h or 3d", text)
	}
	return d + whole, nil
}

// whatIsPaused names what a pause holds back.
func whatIsPaused(p status.Pause) string {
	switch {
	case p.Remote == "" && p.Table == "":
		return "everything"
	case p.Table == "":
		return "all tables to " + p.Remote
	case p.Remote == "":
		return p.Table + " to all remotes"
	}
	return p.Table + " to " + p.Remote
}

// pauseLine describes a pause.
func pauseLine(p status.Pause, now time.Time) string {
	line := whatIsPaused(p) + ", until it is resumed"
	if p.Until != nil {
		line = whatIsPaused(p) + ", until " + moment(*p.Until) + " (" + command.Span(p.Until.Sub(now)) + ")"
	}
	if p.By != "" {
		line += ", by " + p.By
	}
	if p.Reason != "" {
		line += ": " + p.Reason
	}
	if n := len(p.Along); n > 0 {
		line += "; with it " + strings.Join(p.Along, ", ") + ", which " + command.Word(int64(n), "refers", "refer") + " to it"
	}
	return command.Clean(line)
}

// pauses prints what is paused.
func (f seen) pauses(w io.Writer, s screen) {
	if len(f.Pauses) > 0 {
		fmt.Fprintln(w)
	}
	for _, p := range f.Pauses {
		say(w, "%s %s", s.bold("paused:"), pauseLine(p, f.Now))
	}
}
