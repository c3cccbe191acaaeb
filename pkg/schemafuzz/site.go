package schemafuzz

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// site is a place with a database, its users and a node.
type site struct {
	*testkit.Site
	toBroker, toDatabase *testkit.Proxy // not used by the users

	ledger *Ledger
	mu     *sync.Mutex // of the ledger
	log    []string    // what the users did, and what came of it
	failed error       // what no user must see
}

// newSite makes a database with some tables, and the configuration of its node, which syncs tables with others.
func newSite(tb testkit.TB, number int, remotes, ddl, tables []string, broker *testkit.Broker) *site {
	x := &site{Site: testkit.NewSite(tb, testkit.Shared(tb), broker, siteName(number), remotes, tables, map[string]any{
		"loggingLevel": "debug",
		"applySession": map[string]any{"@synced": 1}, // for the users' own triggers
	})}
	x.Exec(ddl...)
	x.toBroker, x.toDatabase = x.Through("mqttConfig", broker.Addr()), x.Through("mysqlConfig", x.Server.Addr())
	x.Block("mqttConfig")["keepalive"], x.Block("mqttConfig")["reconnectPeriod"] = 5, 100
	x.Write()
	return x
}

// work runs some transactions of one user, one after the other.
func (x *site) work(ctx context.Context, list []Transaction) {
	for _, t := range list {
		if x.failed != nil || ctx.Err() != nil {
			return
		}
		if err := x.do(ctx, t); err != nil {
			x.failed = fmt.Errorf("transaction %s: %w", t.Name, err)
		}
	}
}

// do runs a transaction. It returns an error only if the user would not have got it without a node.
func (x *site) do(ctx context.Context, t Transaction) error {
	conn, err := x.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_, _ = conn.ExecContext(ctx, "SET foreign_key_checks = 1, @a = NULL, @b = NULL")
		_ = conn.Close()
	}()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	before, err := lookAll(ctx, tx, t.Tables)
	if err == nil {
		err = x.statements(ctx, tx, t)
	}
	switch {
	case err == nil && !t.Rollback:
	case t.Rollback, mayFail(err):
		x.log = append(x.log, "ROLLBACK")
		return nil
	default:
		return err
	}
	if err := consistent(ctx, tx, t); err != nil {
		return err
	}
	after, err := lookAll(ctx, tx, t.Tables)
	if err != nil {
		return err
	}
	time.Sleep(t.Hold) // a user's think time
	if err := tx.Commit(); err != nil {
		return err
	}
	x.log = append(x.log, "COMMIT")
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ledger.commit(x.Name, t.Name, before, after)
	return nil
}

// statements runs a transaction's statements. On an error it must be rolled back.
func (x *site) statements(ctx context.Context, tx *sql.Tx, t Transaction) error {
	x.log = append(x.log, "-- "+t.Name)
	for _, q := range t.Statements {
		result, err := tx.ExecContext(ctx, q)
		if err != nil {
			x.log = append(x.log, fmt.Sprintf("%s; -- %v", q, err))
			if t.Strict || !mayFail(err) || strings.HasPrefix(err.Error(), "Error 12") {
				return err
			}
			continue
		}
		n, _ := result.RowsAffected() // for the log only
		x.log = append(x.log, fmt.Sprintf("%s; -- %d rows", q, n))
	}
	return nil
}

// consistent returns an error if a transaction without checks has left children without their
// parents: then the script is wrong.
func consistent(ctx context.Context, tx *sql.Tx, t Transaction) error {
	if !slices.Contains(t.Statements, uncheck) {
		return nil
	}
	for _, table := range t.Tables {
		for _, f := range table.ForeignKeys {
			var n int
			if err := tx.QueryRowContext(ctx, dangling(table, f)).Scan(&n); err != nil || n > 0 {
				return fmt.Errorf("the script leaves %d rows of %s without parents (%s): %v", n, table.Name, f.Name, err)
			}
		}
	}
	return nil
}

// lookAll reads tables and locks them against changes until the transaction ends.
func lookAll(ctx context.Context, tx *sql.Tx, tables []*Table) (map[string]image, error) {
	all := map[string]image{}
	for _, t := range tables {
		m, err := look(ctx, tx, t, "FOR UPDATE")
		if err != nil {
			return nil, err
		}
		all[t.Name] = m
	}
	return all, nil
}

// mayFail reports whether a user's statement can fail like this without any node: a duplicate
// value, a missing parent, an existing child, NULL where no row was found, a deadlock, or more
// cascades than MySQL 9.7 allows.
func mayFail(err error) bool {
	for _, number := range []string{"1062", "1451", "1452", "1216", "1217", "1048", "1213", "1205", "1761", "6575"} {
		if err != nil && strings.HasPrefix(err.Error(), "Error "+number) {
			return !strings.Contains(err.Error(), "mysqlSync") && !errors.Is(err, sql.ErrTxDone)
		}
	}
	return false
}

// atRest returns nil when nothing is left to do and no problem is reported.
func (x *site) atRest() error {
	var left, told int
	if err := x.DB.Get(&left, testkit.Unsettled); err != nil {
		return fmt.Errorf("look at %s: %w", x.Name, err)
	}
	if left > 0 {
		return fmt.Errorf("%s still has %d rows to record or send%s", x.Name, left, x.tells())
	}
	if err := x.DB.Get(&told, `SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`); err != nil {
		return fmt.Errorf("look at %s: %w", x.Name, err)
	}
	if told > 0 {
		return fmt.Errorf("%s reports %d rows that failed%s", x.Name, told, x.tells())
	}
	return nil
}

// tells returns what the node reports about some of the rows that failed.
func (x *site) tells() string {
	var list []string
	err := x.DB.Select(&list, `SELECT CONCAT('\n  ', table_name, ' "', primary_key, '" for ', remote, ': ', status, ' ', COALESCE(message, ''))
		FROM sync_status WHERE status <> 'successful' LIMIT 6`)
	if err != nil {
		return err.Error()
	}
	return strings.Join(list, "")
}
