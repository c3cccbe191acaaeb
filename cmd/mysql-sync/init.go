package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

func initCommand() *cobra.Command {
	var s setup
	var force, alone bool
	c := &cobra.Command{
		Use:   "init [CONFIGURATION]",
		Short: "Write the configuration of a new node",
		Long: `Ask for what a node needs, connect to its database and its broker, show which tables
can be synced and why others cannot, and write a configuration (by default
configuration.json, readable only by its owner): JSON, YAML or TOML, depending on
the file extension. If it replaces a file (--force), it keeps that file's owner,
group and permissions. Finally it prints the next steps, with the statements for a
database user that has just the privileges of a node.

Anything given by a flag is not asked for. With --non-interactive nothing is asked;
it requires --client, --remote, --mysql-user, --mysql-database and --table (or
--all-tables).

Passwords are never flags. Typed ones are not shown and go to the file. If left
empty, they come from the environment variables MYSQL_PASSWORD and MQTT_PASSWORD (or
others: --mysql-password-env, --broker-password-env) if these are set; the file then
names the variable, and the node needs it too. Or keep them in separate files:
--mysql-password-file, --broker-password-file.

Exit codes: 0 written; 1 failed, nothing written; 2 the command line is wrong, or
the file exists (see --force).`,
		Example: `  mysql-sync init
  sudo mysql-sync init /etc/mysql-sync/configuration.json --force --queue-directory /var/lib/mysql-sync
  MYSQL_PASSWORD=… mysql-sync init berlin.json --non-interactive --client berlin --remote hamburg \
    --mysql-host db.example.com --mysql-user sync --mysql-database shop --table orders,items \
    --broker mqtts://broker.example.com`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: configuration(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "configuration.json"
			if len(args) > 0 {
				path = args[0]
			}
			if err := freePath(path, force); err != nil {
				return err
			}
			s.changed = cmd.Flags().Changed
			if err := s.prepare(); err != nil {
				return command.Usage(err)
			}
			var d *dialog
			if !alone {
				if !term.IsTerminal(int(os.Stdin.Fd())) {
					return command.Usage(errors.New("cannot ask because standard input is not a terminal: use flags and --non-interactive"))
				}
				d = newDialog(os.Stdin, cmd.OutOrStdout())
			} else if err := s.complete(); err != nil {
				return command.Usage(err)
			}
			if d != nil {
				if err := d.until(cmd.Context(), &s.client, s.changed("client"), "Name of this node", hostName(), clientName); err != nil {
					return err
				}
			}
			db, err := s.database(cmd.Context(), d)
			if err != nil {
				return err
			}
			defer db.Close()
			if err := s.tables(cmd.Context(), cmd.OutOrStdout(), d, db); err != nil {
				return err
			}
			if err := s.broker(cmd.Context(), cmd.OutOrStdout(), d); err != nil {
				return err
			}
			if err := s.write(path, force); err != nil {
				return err
			}
			s.nextSteps(cmd.Context(), cmd.OutOrStdout(), db, path)
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&alone, "non-interactive", false, "ask nothing")
	f.BoolVar(&force, "force", false, "overwrite an existing file")
	f.StringVar(&s.client, "client", "", "`name` of this node")
	f.StringSliceVar(&s.remotes, "remote", nil, "`name` of another node; comma-separated or repeated")
	f.StringSliceVar(&s.both, "table", nil, "`table` to send and receive")
	f.StringSliceVar(&s.send, "send-table", nil, "`table` to send only")
	f.StringSliceVar(&s.receive, "receive-table", nil, "`table` to receive only")
	f.BoolVar(&s.all, "all-tables", false, "send and receive all tables that can be synced")
	s.nodeFlags(f)
	f.StringVar(&s.mqtt.url, "broker", "", "`URL` of the broker, such as mqtts://broker.example.com:8883 (default mqtt://localhost:1883)")
	f.StringVar(&s.mqtt.listen, "broker-listen", "", "`address`, such as 127.0.0.1:1883, at which the node itself is the broker")
	f.StringVar(&s.mqtt.user, "broker-user", "", "`user` at the broker")
	f.StringVar(&s.mqtt.password.env, "broker-password-env", "", "environment `variable` with the password (default MQTT_PASSWORD, if set)")
	f.StringVar(&s.mqtt.password.file, "broker-password-file", "", "`file` with the password")
	f.StringVar(&s.mqtt.ca, "broker-ca", "", "`file` with the broker's CA certificate")
	return c
}

// nodeFlags adds the flags about the node's database and folder.
func (s *setup) nodeFlags(f *pflag.FlagSet) {
	f.StringVar(&s.queue, "queue-directory", "", "`folder` for what the node keeps outside its database (default queue, next to the configuration)")
	f.StringVar(&s.mysql.host, "mysql-host", "localhost", "`host` of the database server")
	f.IntVar(&s.mysql.port, "mysql-port", 3306, "`port` of the database server")
	f.StringVar(&s.mysql.socket, "mysql-socket", "", "`path` of the database server's Unix socket, instead of host and port")
	f.StringVar(&s.mysql.user, "mysql-user", "", "`user` at the database server")
	f.StringVar(&s.mysql.database, "mysql-database", "", "`name` of the database")
	f.StringVar(&s.mysql.password.env, "mysql-password-env", "", "environment `variable` with the password (default MYSQL_PASSWORD, if set)")
	f.StringVar(&s.mysql.password.file, "mysql-password-file", "", "`file` with the password")
}

// freePath returns an error unless a file may be written at path.
func freePath(path string, force bool) error {
	if !keys.IsExtension(path) {
		return command.Usage(fmt.Errorf("%s: the file name must end in one of %s", path, strings.Join(keys.Extensions, ", ")))
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return command.Usage(fmt.Errorf("%s already exists: choose another file, or overwrite it with --force", path))
	}
	// Find out that the folder is not writable before asking any questions.
	probe, err := os.CreateTemp(filepath.Dir(path), ".mysql-sync-*.json")
	if err != nil {
		return command.Usage(fmt.Errorf("cannot write %s: %w", path, err))
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// database connects to the database; with a dialog it asks until that works.
func (s *setup) database(ctx context.Context, d *dialog) (*mysqldb.DB, error) {
	if d == nil {
		return mysqldb.Connect(ctx, s.mysql.config())
	}
	for wrong := all; ; {
		db, err := s.askDatabase(ctx, d, wrong)
		if err == nil || ctx.Err() != nil || errors.Is(err, io.EOF) {
			return db, err
		}
		d.say("\n%s\n\n", command.CleanLines(err.Error()))
		wrong = wrongAnswer(err)
	}
}

// answers is a group of answers about the database that belong together.
type answers int

const (
	all answers = iota
	ofServer
	ofLogin
	ofDatabase
)

// wrongAnswer tells, from an error, which answers to ask for again; the others stay.
func wrongAnswer(err error) answers {
	switch mysqldb.Number(err) {
	case 1045, 1698, 1251, 3118, 4151:
		return ofLogin
	case 1044, 1049:
		return ofDatabase
	}
	return ofServer
}

// askDatabase asks where the database is, or again for the wrong answers, and connects to it. The first time, it does not
// ask for what flags have given.
func (s *setup) askDatabase(ctx context.Context, d *dialog, wrong answers) (*mysqldb.DB, error) {
	m := &s.mysql
	given := func(part answers, flags ...string) bool {
		return wrong != all && wrong != part || wrong == all && slices.ContainsFunc(flags, s.changed)
	}
	server := m.server()
	if !given(ofServer, "mysql-host", "mysql-port", "mysql-socket") {
		if err := d.until(ctx, &server, false, "Database server: host, host:port, or the path of a socket", server, m.setServer); err != nil {
			return nil, err
		}
	}
	if !given(ofLogin, "mysql-user") {
		if err := d.until(ctx, &m.user, false, "User at the database server", orElse(m.user, "sync"), notEmpty); err != nil {
			return nil, err
		}
	}
	if !given(ofLogin, "mysql-password-env", "mysql-password-file") {
		if err := d.password(ctx, &m.password, mysqlPassword); err != nil {
			return nil, err
		}
	}
	if m.database == "" || wrong == ofDatabase {
		c := m.config()
		c.Database = ""
		server, err := mysqldb.Connect(ctx, c)
		if err != nil {
			return nil, err
		}
		defer server.Close()
		names, err := server.Databases(ctx)
		if err != nil {
			return nil, err
		}
		proposed := orElse(keys.Nearest(m.database, names), m.database)
		if len(names) == 1 {
			proposed = names[0]
		} else if len(names) > 1 {
			d.say("Databases: %s\n", command.Clean(strings.Join(names, ", ")))
		}
		if err := d.until(ctx, &m.database, false, "Database", proposed, notEmpty); err != nil {
			return nil, err
		}
	}
	return mysqldb.Connect(ctx, m.config())
}

// tables decides which tables are synced.
func (s *setup) tables(ctx context.Context, w io.Writer, d *dialog, db *mysqldb.DB) error {
	found, err := check.Candidates(ctx, db)
	if err != nil {
		return err
	}
	if d == nil || s.all || s.changed("table") || s.changed("send-table") || s.changed("receive-table") {
		showSkipped(w, found)
	} else {
		showTables(w, found)
		var answer string
		choose := func(text string) error {
			names, err := chosen(text, found)
			s.both = names
			return err
		}
		if err := d.until(ctx, &answer, false, "Tables to send and receive (comma-separated names or numbers, or all)", "all", choose); err != nil {
			return err
		}
	}
	if s.all {
		s.both = fit(found)
	}
	if err := s.checkTables(found); err != nil {
		return err
	}
	if d == nil {
		return nil
	}
	answer := strings.Join(s.remotes, ",")
	return d.until(ctx, &answer, s.changed("remote"), "Other nodes (comma-separated names)", "", func(text string) error {
		s.remotes = names(text)
		return s.checkRemotes()
	})
}

// broker chooses the broker, and tries to log in there.
func (s *setup) broker(ctx context.Context, w io.Writer, d *dialog) error {
	m := &s.mqtt
	var wrong []string // flags whose answers to ask for again; nil: the first time
	for {
		if d != nil {
			given := func(flags ...string) bool {
				if wrong != nil {
					return !slices.Contains(wrong, flags[0])
				}
				return slices.ContainsFunc(flags, s.changed)
			}
			if err := s.askBroker(ctx, d, given); err != nil {
				return err
			}
		}
		err := m.try(ctx, s.client)
		var other *transport.ProtocolError
		if errors.As(err, &other) && other.Speaks != "" {
			m.url = other.Speaks + "://" + other.Server // proposed as the next answer
		}
		switch {
		case other != nil:
			wrong = []string{"broker", "broker-ca"}
		case transport.Distrusted(err):
			wrong = []string{"broker-ca"}
		default:
			wrong = []string{"broker-user", "broker-password-env"}
		}
		switch {
		case err == nil || d != nil && ctx.Err() != nil:
			return err
		case errors.Is(err, errUnreachable):
			fmt.Fprintf(w, "Note: %s; a node waits for it.\n", command.Clean(err.Error()))
			return nil
		case d == nil:
			return err
		}
		d.say("\n%s\n\n", command.CleanLines(err.Error()))
	}
}

func (s *setup) askBroker(ctx context.Context, d *dialog, given func(...string) bool) error {
	m := &s.mqtt
	if !given("broker", "broker-listen") {
		var answer string
		if err := d.until(ctx, &answer, false, "Broker (URL, or own to run one in this node)", orElse(m.url, defaultBroker), m.setURL); err != nil {
			return err
		}
		if m.listen != "" {
			if err := d.until(ctx, &m.listen, false, "Address to listen on (0.0.0.0:1883 is reachable from other machines)", m.listen, address); err != nil {
				return err
			}
		}
	}
	if strings.HasPrefix(m.url, "mqtts:") || strings.HasPrefix(m.url, "wss:") {
		if err := d.until(ctx, &m.ca, given("broker-ca"), "File with its CA certificate (empty: use the system's)", m.ca, readable); err != nil {
			return err
		}
	}
	if err := d.until(ctx, &m.user, given("broker-user"), "User at the broker (empty: no login)", m.user, m.login); err != nil {
		return err
	}
	if m.user == "" || given("broker-password-env", "broker-password-file") {
		return nil
	}
	for {
		err := d.password(ctx, &m.password, mqttPassword)
		if err != nil || m.listen == "" || m.password.value != "" {
			return err
		}
		d.say("  a user of the node's own broker needs a password\n")
	}
}

// nextSteps says what to do after the file is written. If the server cannot tell what a user needs, that is no failure:
// check reports it.
func (s *setup) nextSteps(ctx context.Context, w io.Writer, db *mysqldb.DB, path string) {
	fmt.Fprintf(w, "\n%s written. Next:\n\n", path)
	fmt.Fprintf(w, "  mysql-sync check %s   shows what is still missing\n  mysql-sync run %s     starts the node\n", path, path)
	for _, p := range []secret{s.mysql.password, s.mqtt.password} {
		if p.env != "" {
			fmt.Fprintf(w, "\nThe node needs the environment variable %s.\n", p.env)
		}
	}
	if statements, err := check.Setup(ctx, db); err == nil {
		fmt.Fprintf(w, "\nTo create a database user with just the privileges of a node:\n\n")
		for _, q := range statements {
			fmt.Fprintf(w, "  %s\n", q)
		}
	}
	s.otherSites(w)
}

// otherSites says what to do at the other sites.
func (s *setup) otherSites(w io.Writer) {
	if len(s.remotes) == 0 {
		return
	}
	fmt.Fprintf(w, "\nAt the other sites (create the same tables there; DDL is not replicated):\n\n")
	for _, r := range s.remotes {
		others := []string{s.client}
		for _, o := range s.remotes {
			if o != r {
				others = append(others, o)
			}
		}
		flags := ""
		for _, f := range []struct {
			name   string
			tables []string
		}{{"--table", s.both}, {"--receive-table", s.send}, {"--send-table", s.receive}} { // tables sent here are received there
			if len(f.tables) > 0 {
				flags += " " + f.name + " " + shellWord(strings.Join(f.tables, ","))
			}
		}
		if s.mqtt.listen == "" && s.mqtt.user != "" {
			user := s.mqtt.user
			if user == s.client {
				user = r // as required by rules that bind a login to its name
			}
			flags += " --broker-user " + shellWord(user)
		}
		fmt.Fprintf(w, "  mysql-sync init --client %s --remote %s%s%s\n", r, strings.Join(others, ","), command.Clean(flags), command.Clean(s.mqtt.elsewhere()))
	}
	if s.mqtt.private() {
		fmt.Fprintf(w, "\nOther machines cannot reach the broker at %s: to let them in, change broker.listen and add broker.users.\n", command.Clean(s.mqtt.listen))
	}
	if s.mqtt.ca != "" {
		fmt.Fprintf(w, "\nThey need a copy of the broker's CA, %s, and pass it with --broker-ca.\n", command.Clean(s.mqtt.ca))
	}
}

// shellWord quotes a word for a shell if necessary.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:/@", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
