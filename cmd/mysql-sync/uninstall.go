package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/service"
)

func uninstallCommand() *cobra.Command {
	var yes, asJSON bool
	c := &cobra.Command{
		Use:   "uninstall CONFIGURATION",
		Short: "List or remove everything a node has created",
		Long: `List everything a node has created: its triggers, its tables with their rows, its
files in queueDirectory, and the announcement the broker keeps for it. With --yes,
remove all of it. Your own tables and their rows stay untouched.

The triggers go before the tables, so that no write of your applications fails. The
node must be stopped. Anything not sent yet will never be sent: the command says how
many rows that affects. If interrupted, run it again.

The database user needs the privilege DROP, which a node does not need: without it,
nothing is removed. You can pass another login through the environment.

Exit codes: 0 done, or listed; 1 failed, or a node is running; 2 the command line or
the configuration is wrong.`,
		Example: `  mysql-sync uninstall configuration.json
  mysql-sync uninstall configuration.json --yes
  MYSQL_SYNC_MYSQLCONFIG__USER=root MYSQL_SYNC_MYSQLCONFIG__PASSWORD=… mysql-sync uninstall configuration.json --yes`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: withConfig(func(cmd *cobra.Command, cfg *config.Config, _ []string) error {
			db, err := connect(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer db.Close()
			if !asJSON {
				return uninstall(cmd.Context(), cmd.OutOrStdout(), cfg, db, yes, &remains{})
			}
			var r remains
			if err := uninstall(cmd.Context(), io.Discard, cfg, db, yes, &r); err != nil {
				return err
			}
			return command.JSON(cmd.OutOrStdout()).Encode(r)
		}),
	}
	c.Flags().BoolVar(&yes, "yes", false, "remove it")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object: what exists, what will never be sent, whether it was removed")
	return c
}

// remains is what a node has left behind.
type remains struct {
	Client   string      `json:"client"`
	Database string      `json:"database"`
	Running  bool        `json:"running"` // a node is using the database
	Removed  bool        `json:"removed"`
	Triggers []string    `json:"triggers"`
	Tables   []leftTable `json:"tables"`
	Files    []string    `json:"files"`
	// What is lost with them.
	Unsent     []unsent `json:"unsent"`
	Uncaptured int64    `json:"uncaptured"` // changes that are not recorded yet
	Conflicts  int64    `json:"conflicts"`  // versions that lost
	// Announced says why the broker may still have the node's announcement.
	Announced string `json:"announced,omitempty"`
}

type leftTable struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// unsent is what a remote still needs.
type unsent struct {
	Remote  string `json:"remote"`
	Pending int64  `json:"pending"`
	Errors  int64  `json:"errors"`
}

// uninstall reports what exists, in words and in left, and with yes removes it.
func uninstall(ctx context.Context, w io.Writer, cfg *config.Config, db *mysqldb.DB, yes bool, left *remains) (err error) {
	if !yes {
		if left.Running, err = owner.Claimed(ctx, db); err != nil {
			return err
		}
		err := describe(ctx, w, cfg, db, left)
		switch {
		case err != nil:
			return err
		case left.Running:
			say(w, "\nA node is using the database: stop it before using --yes.")
		case !left.none():
			say(w, "\nNothing was changed. --yes removes all of it; your own tables stay untouched.")
		}
		return nil
	}
	ctx, release, err := owner.Claim(ctx, zap.NewNop(), db, cfg.ClientName)
	if err != nil {
		return err
	}
	defer release()
	if err := describe(ctx, w, cfg, db, left); err != nil || left.none() {
		return err
	}
	if len(left.Tables) > 0 {
		if err := schema.CheckDrop(ctx, db); err != nil {
			return fmt.Errorf("nothing was removed: %w", err)
		}
	}
	// Triggers before tables: a trigger without its table makes users' writes fail. Promise 7.
	if len(left.Tables) > 0 {
		if err := choice.Uninstall(ctx, db); err != nil {
			return interrupted(ctx, err)
		}
		if err := schema.Drop(ctx, db); err != nil {
			return interrupted(ctx, err)
		}
	}
	for _, f := range left.Files {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	left.Removed = true
	say(w, "\nEverything was removed.")
	if err := mesh.Unannounce(ctx, cfg); err != nil {
		left.Announced = err.Error()
		say(w, "The broker may still keep the announcement of %s: %s", cfg.ClientName, command.Clean(err.Error()))
	}
	return nil
}

// interrupted says why the work was interrupted, and what to do.
func interrupted(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(err, cause)
	}
	return fmt.Errorf("%w: run the command again to continue", err)
}

func (r *remains) none() bool { return len(r.Triggers)+len(r.Tables)+len(r.Files) == 0 }

// describe finds and reports what exists.
func describe(ctx context.Context, w io.Writer, cfg *config.Config, db *mysqldb.DB, r *remains) error {
	r.Client, r.Database = cfg.ClientName, db.Name
	r.Triggers, r.Tables, r.Files, r.Unsent = []string{}, []leftTable{}, []string{}, []unsent{}
	tables, err := schema.Standing(ctx, db)
	if err != nil {
		return err
	}
	standing, err := choice.Standing(ctx, db)
	if err != nil {
		return err
	}
	for _, f := range service.Files(cfg) {
		if _, err := os.Lstat(f); err == nil {
			r.Files = append(r.Files, f)
		}
	}
	if len(tables) > 0 {
		r.Triggers = append(r.Triggers, standing...)
	} else if len(standing) > 0 {
		say(w, "The triggers %s exist without a table sync_migrations: they belong to another program and are kept.", command.Clean(strings.Join(standing, ", ")))
	}
	for _, t := range tables {
		left := leftTable{Name: t}
		if err := db.GetContext(ctx, &left.Rows, "SELECT COUNT(*) FROM "+mysqldb.Quote(t)); err != nil {
			return fmt.Errorf("count the rows of %s: %w", t, err)
		}
		r.Tables = append(r.Tables, left)
	}
	if r.none() {
		say(w, "Nothing created by mysql-sync is in database %s.", command.Clean(db.Name))
		return nil
	}
	say(w, "In database %s, created by %s:", command.Clean(db.Name), cfg.ClientName)
	for _, t := range r.Triggers {
		say(w, "  trigger %s", command.Clean(t))
	}
	for _, t := range r.Tables {
		say(w, "  table   %s, %s", t.Name, command.Some(t.Rows, "row", "rows"))
	}
	for _, f := range r.Files {
		say(w, "  file    %s", command.Clean(f))
	}
	return warn(ctx, w, cfg, db, r)
}

// warn says what will be lost.
func warn(ctx context.Context, w io.Writer, cfg *config.Config, db *mysqldb.DB, r *remains) error {
	if len(r.Tables) < len(schema.Own) || schema.CheckReady(ctx, db) != nil {
		return nil // interrupted before, or of another version
	}
	s, err := stopped(cfg, db).State(ctx)
	if err != nil {
		return err
	}
	for _, remote := range s.Remotes {
		if remote.Pending.Rows > 0 || remote.Errors > 0 {
			r.Unsent = append(r.Unsent, unsent{remote.Name, remote.Pending.Rows, remote.Errors})
			say(w, "! %s still needs %s, and refused %s: they will not be sent.", remote.Name, command.Some(remote.Pending.Rows, "row", "rows"), command.Number(remote.Errors))
		}
	}
	if r.Uncaptured = s.Uncaptured.Rows; r.Uncaptured > 0 {
		say(w, "! %s not recorded yet, and will not be sent.", command.Some(r.Uncaptured, "change is", "changes are"))
	}
	if r.Conflicts = s.Conflicts.Kept; r.Conflicts > 0 {
		say(w, "! %s kept here and will be deleted.", command.Some(r.Conflicts, "version that lost a conflict is", "versions that lost a conflict are"))
	}
	return nil
}
