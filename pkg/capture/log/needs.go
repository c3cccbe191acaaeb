package log

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Need is what the log needs and does not have.
type Need struct {
	About string // a variable or a right of the server
	What  string // what is wrong, and what follows
	Do    string // the statement, or what else to do
	Must  bool   // without it the log cannot be read
}

// needed are the variables that matter. A server leaves out those that it does not know.
var needed = []string{"log_bin", "server_id", "binlog_format", "binlog_row_image", "binlog_row_metadata", "gtid_mode", "wsrep_on", "binlog_storage_engine",
	"binlog_expire_logs_seconds", "sync_binlog"}

// leastKept is for how long a server should keep its log: as long as a node may be away.
const leastKept = 48 * time.Hour

// Needs returns what a server lacks for its log to be read with the login.
func Needs(ctx context.Context, db *mysqldb.DB, login config.MySQL) ([]Need, error) {
	args := make([]any, len(needed))
	for i, name := range needed {
		args[i] = name
	}
	variables := map[string]string{}
	err := mysqldb.Each(ctx, db, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ("+mysqldb.List(len(needed))+")", args, func(r *sql.Rows) error {
		var name, value string
		err := r.Scan(&name, &value)
		variables[strings.ToLower(name)] = value
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what the server logs: %w", err)
	}
	list := judge(db.MariaDB, variables)
	if slices.ContainsFunc(list, unreadable) {
		return list, nil // what comes next asks for the log
	}
	left, err := excludes(ctx, db)
	if err != nil {
		return nil, err
	}
	refused, err := refused(ctx, db, login)
	return slices.Concat(list, left, refused), err
}

// unreadable reports whether a server without this need does not give its log to anyone, whatever it is asked. A log that
// holds too little can be asked for all the same, so that all needs are told at once.
func unreadable(n Need) bool {
	return n.Must && n.About != "binlog_format" && n.About != "binlog_row_image"
}

// set says how to change a variable for good.
func set(name, value string) string {
	return "SET GLOBAL " + name + " = " + value + "; and the same in the server's configuration."
}

// judge judges a server's variables.
func judge(mariaDB bool, v map[string]string) (list []Need) {
	on := func(name string) bool { return strings.EqualFold(v[name], "ON") || v[name] == "1" }
	add := func(about, what, do string, must bool) { list = append(list, Need{about, what, do, must}) }
	if !on("log_bin") {
		add("log_bin", "the server writes no binary log", "Put log_bin, server_id = 1 and binlog_format = ROW into the server's configuration, and restart it.", true)
		return list
	}
	if v["server_id"] == "0" {
		add("server_id", "it is 0: the server gives its log to no one", set("server_id", "1"), true)
	}
	if v["binlog_format"] != "" && v["binlog_format"] != "ROW" {
		add("binlog_format", "it is "+v["binlog_format"]+": the log has statements, not rows; connections that are open keep theirs", set("binlog_format", "'ROW'"), true)
	}
	if image := v["binlog_row_image"]; image != "" && image != "FULL" && image != "FULL_NODUP" {
		add("binlog_row_image", "it is "+image+": the log lacks what changes of counters and of merged rows need", set("binlog_row_image", "'FULL'"), true)
	}
	if mode, ok := v["gtid_mode"]; !mariaDB && ok && mode != "ON" {
		add("gtid_mode", "it is "+mode+": the log's transactions have no names", "Set enforce_gtid_consistency = ON, then gtid_mode step by step to ON (OFF_PERMISSIVE, ON_PERMISSIVE, ON), and both in the server's configuration.", true)
	}
	if on("wsrep_on") {
		add("wsrep_on", "each member of a Galera cluster has a log of its own", "Leave capture at trigger.", true)
	}
	if engine := v["binlog_storage_engine"]; engine != "" {
		add("binlog_storage_engine", "it is "+engine+": the order of such a log was not examined", "Leave capture at trigger.", true)
	}
	if metadata := v["binlog_row_metadata"]; metadata != "FULL" {
		add("binlog_row_metadata", "the log does not name columns: after ALTER TABLE, whole tables may have to be sent again", set("binlog_row_metadata", "'FULL'"), false)
	}
	if seconds := v["binlog_expire_logs_seconds"]; seconds != "" {
		if kept, err := time.ParseDuration(seconds + "s"); err == nil && kept > 0 && kept < leastKept {
			add("binlog_expire_logs_seconds", "the log is kept for "+kept.String()+": if the node is away for longer, all tables are sent again", set("binlog_expire_logs_seconds", "172800"), false)
		}
	}
	if v["sync_binlog"] != "1" {
		add("sync_binlog", "if the server's machine crashes, the log may lack what the tables have, and all tables are sent again; what the node had not read by then, if it was down, is not", set("sync_binlog", "1"), false)
	}
	return list
}

// excludes finds out, if the login may, whether binlog_do_db or binlog_ignore_db keep the database out of the log. If it may not, a
// start finds out: the log then lacks what the node itself writes.
func excludes(ctx context.Context, db *mysqldb.DB) ([]Need, error) {
	for _, query := range []string{"SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"} {
		rows, err := db.QueryxContext(ctx, query)
		if err != nil {
			if mysqldb.Transient(err) {
				return nil, fmt.Errorf("read what the server logs: %w", err)
			}
			continue // it is another version's, or not allowed
		}
		defer rows.Close()
		row := map[string]any{}
		if !rows.Next() || rows.MapScan(row) != nil {
			return nil, rows.Err()
		}
		text := func(name string) []string {
			b, _ := row[name].([]byte)
			return strings.FieldsFunc(string(b), func(r rune) bool { return r == ',' })
		}
		do, ignore := text("Binlog_Do_DB"), text("Binlog_Ignore_DB")
		if len(do) > 0 && !slices.Contains(do, db.Name) || slices.Contains(ignore, db.Name) {
			return []Need{excluded}, nil
		}
		if len(do)+len(ignore) > 0 {
			return []Need{filtered}, nil
		}
		return nil, rows.Err()
	}
	return nil, nil
}

// excluded is what keeps a database's writes out of the log.
var excluded = Need{"binlog_do_db", "binlog_do_db or binlog_ignore_db keeps the database out of the log", "Remove them from the server's configuration, and restart it.", true}

// filtered is what keeps some statements out of it.
var filtered = Need{"binlog_do_db", "binlog_do_db or binlog_ignore_db is set: what a session whose default database is another alters here, or writes as text, is not in the log",
	"Remove them from the server's configuration, and restart it.", false}

// refused finds out whether the server gives its log to the login, by asking for it.
func refused(ctx context.Context, db *mysqldb.DB, login config.MySQL) ([]Need, error) {
	end, err := binlog.AskWritten(ctx, db, db.MariaDB)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, understandMost)
	defer cancel()
	r := binlog.NewReader(binlog.Config{MySQL: login, MariaDB: db.MariaDB, Wants: func(*binlog.Layout) ([]int, bool) { return nil, false }}, end.Position)
	defer r.Close()
	r.Wait(false)
	_, err = r.Next(ctx)
	switch {
	case errors.Is(err, binlog.ErrRights):
		var user string
		if err := db.GetContext(ctx, &user, `SELECT CURRENT_USER()`); err != nil {
			return nil, err
		}
		return []Need{{"REPLICATION SLAVE", "the login lacks it: the server does not give it the log", "GRANT REPLICATION SLAVE ON *.* TO " + mysqldb.Account(user) + ";", true}}, nil
	case err != nil && !errors.Is(err, binlog.ErrGone):
		return nil, fmt.Errorf("try to read the log: %w", err)
	}
	return nil, nil
}
