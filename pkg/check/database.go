package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// databaseTime bounds all queries to the database server.
const databaseTime = 15 * time.Second

// checkDatabase checks the server, the privileges and the tables. ts has the tables that could be read; working says that a
// node is using the database.
func checkDatabase(ctx context.Context, cfg *config.Config) (list []finding.Finding, ts map[string]*schema.Table, working bool) {
	ctx, cancel := context.WithTimeout(ctx, databaseTime)
	defer cancel()
	f := &finding.List{Area: AreaDatabase}
	db, err := mysqldb.Connect(ctx, cfg.MySQL)
	if err != nil {
		f.Wrongf("mysqlConfig", loginAdvice(err, cfg.MySQL), "%v", err)
		return f.Found, nil, false
	}
	defer db.Close()
	s, err := readServer(ctx, db)
	var g *grants
	if err == nil {
		g, err = readGrants(ctx, db)
	}
	if err != nil {
		f.Wrongf("mysqlConfig", "", "%v", err)
		return f.Found, nil, false
	}
	f.Rightf("mysqlConfig", "the login as %s to database %s works", account(s.user), db.Name)
	judgeServer(f, s, g)
	fromLog := checkCapture(ctx, f, db, cfg)
	judgeTableLocks(f, s, fromLog)
	if err := ApplySession(ctx, cfg); err != nil {
		f.Wrongf("applySession", "Remove the variable, correct its value, or grant the login the required privilege.", "%v", err)
	} else if n := len(cfg.ApplySession); n > 0 {
		f.Rightf("applySession", "the sessions that write received rows set %d of your variables", n)
	}
	if err := TransformerLogin(ctx, cfg); err != nil {
		f.Wrongf("transformerLogin", "Correct transformerLogin.user and password, or grant the user the privileges that its statements need.", "%v", errors.Unwrap(err))
	} else if l := cfg.TransformerLogin; l != nil {
		f.Rightf("transformerLogin", "the login as %s works", l.User)
	}
	if err := schema.CheckOwn(ctx, db); err != nil {
		f.Wrongf("own tables", "", "%v", err)
	}
	known := schema.NewTables(db)
	c, err := readCatalogue(ctx, db, known, allTables(cfg), cfg.SyncTables)
	if err != nil {
		f.Wrongf("mysqlConfig", "", "%v", err)
		return f.Found, nil, s.worker != 0
	}
	privileges, tables := &finding.List{Area: AreaPrivileges}, &finding.List{Area: AreaTables}
	armed := slices.Concat(cfg.SyncTables, parentsOf(c.keys, cfg)) // with triggers
	switch {
	case fromLog && s.mariaDB:
		armed = parentsOf(c.keys, cfg)
	case fromLog:
		armed = nil // the log has what foreign keys do
	}
	if len(armed) > 0 {
		judgeBinaryLog(f, s, g)
	}
	judgeGrants(privileges, g, s.user, neededPrivileges(schema.Own, cfg.SyncTables, cfg.ReceiveTables, armed))
	judgeDefiners(f, c, s.user, len(armed) > 0)
	judgeTables(tables, c, cfg, s, g)
	judgeCounters(tables, c, cfg)
	if err := checkRoutes(ctx, tables, db, known, cfg, c); err != nil {
		f.Wrongf("routes", "", "%v", err)
	}
	remotes := &finding.List{Area: AreaRemotes}
	if held, err := readHeldUp(ctx, outbox.New(db, known, nil), cfg.RemoteClients); err != nil {
		f.Wrongf("own tables", "", "%v", err)
	} else {
		judgeHeldUp(remotes, held)
	}
	if stale, whole, err := readStale(ctx, outbox.New(db, known, nil), cfg.RemoteClients); err != nil {
		f.Wrongf("own tables", "", "%v", err)
	} else {
		judgeStale(remotes, stale, whole)
	}
	return slices.Concat(f.Found, privileges.Found, tables.Found, remotes.Found), c.tables, s.worker != 0
}

// ApplySession returns an error if the server does not accept the variables of the sessions that write received rows.
func ApplySession(ctx context.Context, cfg *config.Config) error {
	if len(cfg.ApplySession) == 0 {
		return nil
	}
	db, err := mysqldb.Connect(ctx, cfg.MySQL, cfg.ApplySession...)
	if err != nil {
		return err
	}
	return db.Close()
}

// TransformerLogin returns an error if the transformers have their own login and the server does not accept it.
func TransformerLogin(ctx context.Context, cfg *config.Config) error {
	if cfg.TransformerLogin == nil {
		return nil
	}
	db, err := mysqldb.Connect(ctx, cfg.TransformerMySQL())
	if err != nil {
		return fmt.Errorf("transformerLogin: %w", err)
	}
	return db.Close()
}

// parentsOf returns the tables that need a trigger because deleting or changing their rows deletes or changes rows of
// synced tables.
func parentsOf(keys []schema.ForeignKey, cfg *config.Config) []string {
	var parents []string
	for _, k := range keys {
		if cfg.Syncs(k.Table) && (k.OnDelete == "CASCADE" || k.OnDelete == "SET NULL" || k.OnUpdate == "CASCADE" || k.OnUpdate == "SET NULL") {
			parents = append(parents, k.RefTable)
		}
	}
	return parents
}

// loginAdvice says what to do about a failed connection. The error numbers are those of the server.
func loginAdvice(err error, m config.MySQL) string {
	switch mysqldb.Number(err) {
	case 1044:
		return "Correct mysqlConfig.database, or give the user the right: " + GrantAll(m.Database, mysqldb.QuoteString(m.User)+"@…")
	case 1045, 1698:
		return "Correct mysqlConfig.user and password; mysql-sync init prints the statements that create a user."
	case 1049:
		return "Correct mysqlConfig.database, or create it: CREATE DATABASE " + mysqldb.Quote(m.Database) + " CHARACTER SET utf8mb4;"
	case 1130:
		return "Create a user for this machine: CREATE USER " + mysqldb.QuoteString(m.User) + "@'address of this machine' …"
	case 1040, 1203, 1226:
		return "Raise the server's max_connections, or the user's limit."
	}
	where := m.SocketPath
	if where == "" {
		where = net.JoinHostPort(m.Host, strconv.Itoa(m.Port))
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) {
		return "Check that the server is running and that " + where + " is reachable from here; a node waits for it before it starts."
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
