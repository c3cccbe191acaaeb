package schema_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// pools returns two pools for one database with our own tables and a table t.
func pools(t testing.TB) (one, other *mysqldb.DB) {
	server := testkit.Shared(t)
	cfg := config.MySQL{Host: server.Host, Port: server.Port, User: server.User, Password: server.Password, Database: server.Create(t)}
	open := func() *mysqldb.DB {
		db, err := mysqldb.Open(t.Context(), zap.NewNop(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	one, other = open(), open()
	if err := schema.Migrate(t.Context(), zap.NewNop(), one); err != nil {
		t.Fatal(err)
	}
	if _, err := one.ExecContext(t.Context(), `CREATE TABLE t (id INT PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	return one, other
}

// claim makes a pool the owner; broken counts the writes that found another owner.
func claim(t testing.TB, db *mysqldb.DB) (owner schema.Owner, broken *int) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if owner, err = schema.Claim(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	broken = new(int)
	db.Fence(owner.Condition(), func() { *broken++ })
	return owner, broken
}

// TestOnlyTheOwnerWrites: in a transaction, in a statement, and in one that creates a table.
func TestOnlyTheOwnerWrites(t *testing.T) {
	t.Parallel()
	one, other := pools(t)
	_, broken := claim(t, one)
	write := func(db *mysqldb.DB, id int) error {
		return errors.Join(
			mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
				_, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (?)`, id)
				return err
			}),
			func() error { _, err := db.ExecContext(t.Context(), `INSERT INTO t VALUES (?)`, -id); return err }(),
		)
	}
	if err := write(one, 1); err != nil {
		t.Fatal(err)
	}

	// An open transaction keeps the next owner waiting: it is committed before that begins.
	tx, err := one.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (22)`); err != nil {
		t.Fatal(err)
	}
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := schema.Claim(t.Context(), conn); !mysqldb.LockTimeout(err) {
		t.Fatalf("a transaction is open, and the database was taken over: %v", err)
	}
	if _, err := tx.ExecContext(t.Context(), `INSERT INTO t VALUES (2)`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	owner, theirs := claim(t, other)
	if err := write(other, 3); err != nil {
		t.Fatal(err)
	}
	if err := write(one, 4); !errors.Is(err, mysqldb.ErrFenced) || *broken != 2 {
		t.Errorf("the former owner wrote, and was told %d times: %v", *broken, err)
	}
	if _, err := one.ExecContext(t.Context(), `CREATE TABLE u (id INT)`); !errors.Is(err, mysqldb.ErrFenced) {
		t.Errorf("the former owner created a table: %v", err)
	}
	var ids []int
	if err := one.Select(&ids, `SELECT id FROM t ORDER BY id`); err != nil || len(ids) != 6 || ids[4] != 3 {
		t.Errorf("the table has %v (%v)", ids, err)
	}
	if owns, err := owner.Owns(t.Context(), conn); !owns || err != nil || *theirs != 0 {
		t.Errorf("there is no owner: %v", err)
	}

	// Readers need not be the owner.
	reading, err := one.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reading.ExecContext(t.Context(), `INSERT INTO t VALUES (9)`); err == nil {
		t.Error("a read-only transaction wrote")
	}
	if err := reading.Rollback(); err != nil {
		t.Fatal(err)
	}

	// A connection whose transaction failed or was abandoned can be reused.
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		err := mysqldb.InTx(ctx, other, func(tx mysqldb.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO t VALUES (5)`)
			cancel()
			return errors.Join(err, errors.New("given up"))
		})
		if err == nil {
			t.Fatal("no error")
		}
		if _, err := other.ExecContext(t.Context(), `INSERT INTO t VALUES (3)`); !mysqldb.Duplicate(err) {
			t.Fatal(err)
		}
	}
	if err := other.Get(&ids, `SELECT id FROM t WHERE id > 3`); err == nil {
		t.Error("an abandoned transaction was committed")
	}
	// Without a mark nobody is the owner.
	if _, err := other.DB.Exec(`DELETE FROM sync_node`); err != nil {
		t.Fatal(err)
	}
	if err := write(other, 6); !errors.Is(err, mysqldb.ErrFenced) || *theirs == 0 {
		t.Errorf("without an owner a write returns: %v", err)
	}
}

// BenchmarkFence measures the smallest transaction, with and without the condition.
func BenchmarkFence(b *testing.B) {
	one, other := pools(b)
	claim(b, other)
	for name, db := range map[string]*mysqldb.DB{"plain": one, "fenced": other} {
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				err := mysqldb.InTx(b.Context(), db, func(tx mysqldb.Tx) error {
					_, err := tx.ExecContext(b.Context(), `INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE id = VALUES(id)`, i%100)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
