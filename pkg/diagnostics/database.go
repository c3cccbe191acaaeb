package diagnostics

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// tablesMost is how many tables are described.
const tablesMost = 500

// inDatabase returns what writes a part that comes from the database, over a connection of its own: the node's may be busy.
func (n *Node) inDatabase(write func(ctx context.Context, w io.Writer, db *mysqldb.DB, tables []string) error) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		db, err := mysqldb.Connect(ctx, n.Config.MySQL)
		if err != nil {
			return err
		}
		defer db.Close()
		names := slices.Concat(n.Config.Tables(), schema.Own)
		return write(ctx, w, db, names[:min(len(names), tablesMost)])
	}
}

// tables writes sizes and definitions.
func tables(ctx context.Context, w io.Writer, db *mysqldb.DB, names []string) error {
	const sizes = `SELECT TABLE_NAME AS name, COALESCE(ENGINE, '') AS engine, COALESCE(TABLE_ROWS, 0) AS number, COALESCE(DATA_LENGTH, 0) AS data, COALESCE(INDEX_LENGTH, 0) AS indexes, COALESCE(DATA_FREE, 0) AS free, COALESCE(TABLE_COLLATION, '') AS collation_name
FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?`
	for _, name := range names {
		var t struct {
			Name, Engine                string
			Number, Data, Indexes, Free int64
			Collation                   string `db:"collation_name"`
		}
		if err := db.GetContext(ctx, &t, sizes, name); err != nil {
			fmt.Fprintf(w, "-- %s: not found, or not readable: %v\n\n", name, withoutValues(err.Error()))
			continue
		}
		fmt.Fprintf(w, "-- %s: about %d rows, data %d bytes, indexes %d bytes, free %d bytes, %s, %s\n", name, t.Number, t.Data, t.Indexes, t.Free, t.Engine, t.Collation)
		var definition struct {
			Table  string `db:"Table"`
			Create string `db:"Create Table"`
		}
		if err := db.GetContext(ctx, &definition, "SHOW CREATE TABLE "+mysqldb.Quote(name)); err != nil {
			fmt.Fprintf(w, "-- %v\n\n", withoutValues(err.Error()))
			continue
		}
		fmt.Fprintf(w, "%s;\n\n", definition.Create)
	}
	return nil
}

// triggers writes the triggers of tables. Those of users may contain anything: only their names are told.
func triggers(ctx context.Context, w io.Writer, db *mysqldb.DB, names []string) error {
	const all = `SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS tbl, ACTION_TIMING AS timing, EVENT_MANIPULATION AS event, ACTION_ORDER AS number, DEFINER AS definer, SQL_MODE AS mode, LEFT(ACTION_STATEMENT, 20000) AS statement
FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() ORDER BY EVENT_OBJECT_TABLE, TRIGGER_NAME LIMIT 2000`
	var list []struct {
		Name, Timing, Event, Definer, Mode, Statement string
		Table                                         string `db:"tbl"`
		Number                                        int64
	}
	if err := db.SelectContext(ctx, &list, all); err != nil {
		return err
	}
	for _, t := range list {
		if !slices.Contains(names, t.Table) {
			continue
		}
		fmt.Fprintf(w, "-- %s: %s %s on %s, number %d, definer %s, sql_mode %s\n", t.Name, t.Timing, t.Event, t.Table, t.Number, t.Definer, t.Mode)
		if strings.HasPrefix(t.Name, "mysqlSync") {
			fmt.Fprintf(w, "%s;\n", t.Statement)
		}
		fmt.Fprintln(w)
	}
	return nil
}

// matters are the variables of a server that change how a node works, or how fast.
var matters = []string{
	"version", "version_comment", "sql_mode", "time_zone", "system_time_zone", "character_set_server", "collation_server", "lower_case_table_names", "max_allowed_packet",
	"max_connections", "wait_timeout", "interactive_timeout", "net_read_timeout", "net_write_timeout", "innodb_lock_wait_timeout", "innodb_flush_log_at_trx_commit", "innodb_buffer_pool_size",
	"innodb_rollback_on_timeout", "innodb_strict_mode", "innodb_autoinc_lock_mode", "transaction_isolation", "tx_isolation", "autocommit", "read_only", "super_read_only", "event_scheduler",
	"log_bin", "log_bin_trust_function_creators", "binlog_format", "binlog_row_image", "sync_binlog", "slave_run_triggers_for_rbr", "foreign_key_checks", "unique_checks", "explicit_defaults_for_timestamp",
	"group_concat_max_len", "tmp_table_size", "max_heap_table_size", "tmpdir", "datadir", "wsrep_on", "require_secure_transport", "max_statement_time", "max_execution_time", "auto_increment_increment", "auto_increment_offset",
}

// variables writes the server's variables that matter, some of its counters, and the user's rights.
func variables(ctx context.Context, w io.Writer, db *mysqldb.DB, _ []string) error {
	type pair struct {
		Name  string `db:"Variable_name"`
		Value string `db:"Value"`
	}
	for _, ask := range []struct {
		statement string
		wanted    []string
	}{
		{"SHOW GLOBAL VARIABLES", matters},
		{"SHOW GLOBAL STATUS", []string{"Uptime", "Threads_connected", "Threads_running", "Max_used_connections", "Aborted_connects", "Innodb_row_lock_waits", "Innodb_row_lock_time_avg", "Innodb_deadlocks", "Slow_queries", "Questions", "Com_commit", "Com_rollback"}},
	} {
		var list []pair
		if err := db.SelectContext(ctx, &list, ask.statement); err != nil {
			return err
		}
		for _, v := range list {
			if slices.Contains(ask.wanted, v.Name) {
				fmt.Fprintf(w, "%s = %s\n", v.Name, v.Value)
			}
		}
		fmt.Fprintln(w)
	}
	var grants []string
	if err := db.SelectContext(ctx, &grants, "SHOW GRANTS"); err != nil {
		return err
	}
	for _, g := range grants {
		at, _, _ := strings.Cut(g, " IDENTIFIED ")
		fmt.Fprintln(w, at)
	}
	return nil
}
