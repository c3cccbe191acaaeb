package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mysql-sync/mysql-sync/pkg/blueprint"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/owner"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// joining is what join has learned so far.
type joining struct {
	setup
	yes, start bool
	done       bool // an earlier run has written the configuration
	path       string
	token      join.Token
	request    string          // its id, random
	ca         string          // file with the authority of the broker's certificate; "": the system's
	key        join.PrivateKey // this site's; stored next to the configuration until that is written
	shared     join.Shared
	profile    join.Profile
	tables     []blueprint.Table
}

func joinCommand() *cobra.Command {
	var j joining
	c := &cobra.Command{
		Use:   "join TOKEN [CONFIGURATION]",
		Short: "Make this machine a site of the hub that gave a token",
		Long: `Join a hub with the token that mysql-sync invite printed there: ask for this site's
database, ask the hub to let it in, create the missing tables if you agree, and
write a configuration (by default configuration.json, readable only by its owner).
With - as TOKEN, the token is read from standard input, which keeps it out of the
history.

No SQL comes from the hub: it describes its tables by names, types and literals, and
the statements are built here. Tables that exist are left as they are.

A join that was interrupted can be repeated with the same token: what identifies this
site at the hub is kept in CONFIGURATION.joining until the configuration is written.

What flags give is not asked for. Without a terminal nothing is asked: --mysql-user
and --mysql-database are then required, and --yes to create tables. Passwords are
never flags: typed ones go to the file; otherwise see --mysql-password-env and
--mysql-password-file.

Exit codes: 0 written, or stopped by a signal with --start; 1 failed; 2 the command
line or the token is wrong, or the file exists.`,
		Example: `  mysql-sync join msync1_…
  mysql-sync join - store-17.json --mysql-user sync --mysql-database shop --yes --start < store-17.token`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			j.path = "configuration.json"
			if len(args) > 1 {
				j.path = args[1]
			}
			j.changed = cmd.Flags().Changed
			if err := j.prepare(args[0], cmd.InOrStdin()); err != nil {
				return err
			}
			return j.run(cmd.Context(), cmd.OutOrStdout(), args[0] == "-")
		},
	}
	f := c.Flags()
	f.StringVar(&j.client, "client", "", "`name` of this site, if the token is for several")
	f.BoolVar(&j.yes, "yes", false, "create missing tables without asking")
	f.BoolVar(&j.start, "start", false, "run the node at once, in this process")
	j.nodeFlags(f)
	return c
}

// prepare reads the token and checks the flags: all mistakes are found before anything is done.
func (j *joining) prepare(text string, in io.Reader) (err error) {
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(in, 2*join.TokenBytes))
		if err != nil {
			return err
		}
		if text = string(b); strings.TrimSpace(text) == "" {
			return command.Usage(errors.New("standard input is empty: give it the token that mysql-sync invite printed at the hub"))
		}
	}
	if j.token, err = join.ParseToken(text); err != nil {
		return command.Usage(err)
	}
	_, begun, err := findKey(keyFile(j.path), j.token.ID)
	if err != nil {
		return command.Usage(err)
	}
	if now := time.Now(); !begun && now.After(j.token.Until) { // else the hub decides
		return command.Usage(fmt.Errorf("the token has expired: it could be used until %s, and this machine's clock says %s; ask for a new one", moment(j.token.Until), moment(now)))
	}
	if err := j.setup.prepare(); err != nil {
		return command.Usage(err)
	}
	switch {
	case !config.IsPattern(j.token.Site):
		if j.client != "" && j.client != j.token.Site {
			return command.Usage(fmt.Errorf("--client: the token is for the name %s; leave this out", j.token.Site))
		}
		j.client = j.token.Site
	case j.client != "" && !config.Matches(j.token.Site, j.client):
		return command.Usage(fmt.Errorf("--client: the token is for names such as %s", j.token.Site))
	}
	if j.done, err = j.written(); err != nil {
		return command.Usage(err)
	}
	if _, err := os.Lstat(j.path); err == nil && !j.done {
		return command.Usage(fmt.Errorf("%s already exists: if this site has joined, start it with mysql-sync run %s; otherwise name another file", j.path, shellWord(j.path)))
	}
	return freePath(j.path, true)
}

func (j *joining) run(ctx context.Context, w io.Writer, piped bool) error {
	if !j.done {
		if err := j.join(ctx, w, piped); err != nil {
			return err
		}
	}
	say(w, "%s has joined %s: %s is written, readable only by its owner.", j.client, j.token.Hub, j.path)
	for _, left := range []string{draftFile(j.path), keyFile(j.path)} {
		if err := os.Remove(left); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if j.start {
		return run(ctx, j.path)
	}
	fmt.Fprintf(w, "\nStart the node with:\n\n  mysql-sync run %s\n\nCheck it first with: mysql-sync check %s\n", shellWord(j.path), shellWord(j.path))
	return nil
}

// join does everything up to writing the configuration.
func (j *joining) join(ctx context.Context, w io.Writer, piped bool) error {
	var d *dialog
	if !piped && term.IsTerminal(int(os.Stdin.Fd())) {
		d = newDialog(os.Stdin, w)
	}
	if j.client == "" {
		if d == nil {
			return command.Usage(fmt.Errorf("--client is missing: the token is for names such as %s", j.token.Site))
		}
		err := d.until(ctx, &j.client, false, "Name of this site, such as "+j.token.Site, "", func(name string) error {
			if !config.Matches(j.token.Site, name) {
				return fmt.Errorf("the token is for names such as %s", j.token.Site)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if d == nil && (j.mysql.user == "" || j.mysql.database == "") {
		return command.Usage(errors.New("--mysql-user and --mysql-database are missing, and there is no terminal to ask at"))
	}
	db, err := j.database(ctx, d)
	if err != nil {
		return err
	}
	defer db.Close()
	if used, err := owner.Claimed(ctx, db); err != nil {
		return err
	} else if used {
		return fmt.Errorf("another mysql-sync node, or a command, is using the database %s: give this site a database of its own, or stop the other one; the token is not used up",
			command.Clean(db.Name))
	}
	if j.key, err = keepKey(keyFile(j.path), j.token.ID); err != nil {
		return err
	}
	if j.shared, err = j.key.With(j.token.HubKey, j.key.Public(), j.token.ID); err != nil {
		return err
	}
	if j.ca, err = j.authority(); err != nil {
		return err
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	j.request = hex.EncodeToString(id[:])
	if err := j.ask(ctx, w); err != nil {
		return err
	}
	if err := j.create(ctx, w, d, db); err != nil {
		return err
	}
	return j.write(ctx, w)
}

// create creates the tables that are missing, if the person agrees.
func (j *joining) create(ctx context.Context, w io.Writer, d *dialog, db *mysqldb.DB) error {
	names := make([]string, len(j.tables))
	for i, t := range j.tables {
		names[i] = t.Name
	}
	if err := db.Spell(ctx, names); err != nil {
		return err
	}
	missing, lacking, err := blueprint.Missing(ctx, db, j.tables)
	if err != nil {
		return err
	}
	var there []string
	for _, name := range names {
		if !slices.ContainsFunc(missing, func(t blueprint.Table) bool { return t.Name == name }) {
			there = append(there, command.Clean(name))
		}
	}
	if len(there) > 0 {
		say(w, "In the database %s already, and in sync with the hub once the node runs: %s", j.mysql.database, strings.Join(there, ", "))
	}
	for _, column := range lacking {
		say(w, "Note: the column %s of the hub is missing here; rows that have it wait until it is added.", command.Clean(column))
	}
	notes, err := blueprint.Fit(ctx, db, missing)
	if err != nil {
		return err
	}
	var byHand, create []string
	for _, t := range missing {
		if t.Cannot != "" {
			byHand = append(byHand, "\n  "+command.Clean(t.Name)+": "+command.Clean(t.Cannot))
		} else {
			create = append(create, command.Clean(t.Name))
		}
	}
	if len(byHand) > 0 {
		return fmt.Errorf("these tables are missing, and have to be created by hand as they are at the hub; then repeat the command:%s", strings.Join(byHand, ""))
	}
	if len(create) == 0 {
		return nil
	}
	say(w, "Missing in the database %s: %s", j.mysql.database, strings.Join(create, ", "))
	for _, n := range notes {
		say(w, "Note: %s.", command.Clean(n))
	}
	if !j.yes {
		if d == nil {
			return command.Usage(fmt.Errorf("--yes is missing: %s would have to be created, and there is no terminal to ask at", strings.Join(create, ", ")))
		}
		answer := ""
		if err := d.until(ctx, &answer, false, "Create them as they are at the hub? yes or no", "yes", yesOrNo); err != nil {
			return err
		}
		if !strings.EqualFold(answer, "yes") && !strings.EqualFold(answer, "y") {
			return errors.New("the tables were not created: create them, then repeat the command with the same token")
		}
	}
	if err := blueprint.Create(ctx, db, missing); err != nil {
		return fmt.Errorf("%w; then repeat the command", err)
	}
	say(w, "Created: %s", strings.Join(create, ", "))
	return nil
}

func yesOrNo(text string) error {
	if !slices.Contains([]string{"yes", "y", "no", "n"}, strings.ToLower(text)) {
		return errors.New("yes or no")
	}
	return nil
}

// topics returns the topics of the request and its answers.
func (j *joining) topics() (request, answers string) {
	t := wire.Topics(j.token.Prefix)
	return t.JoinOf(j.token.Hub, j.token.ID, j.request), t.JoinedOf(j.token.Hub, j.token.ID, j.request)
}
