package ordeal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// load writes to the source. No value is ever written twice, and no id is reused.
type load struct {
	db      *mysqldb.DB
	random  *rand.Rand
	ids     []int64
	last    int64 // id
	changes int   // states so far, and the last value
}

// start fills a source with some rows.
func start(tb testkit.TB, seed uint64, rows int) *load {
	tb.Helper()
	l := &load{db: testkit.Schema(tb, "CREATE TABLE a (id INT PRIMARY KEY, v INT NOT NULL)"), random: rand.New(rand.NewPCG(seed, 1))}
	if err := l.step(rows, 0, 0); err != nil {
		tb.Fatalf("%v", err)
	}
	return l
}

// run writes until ctx ends: some changes per step, and as many steps as the pauses allow.
func (l *load) run(ctx context.Context, size int, every time.Duration) error {
	for pause.For(ctx, every) == nil {
		if err := l.step(size, size, 3*size); err != nil {
			return err
		}
	}
	return nil
}

// step is a transaction: it inserts, deletes and updates rows.
func (l *load) step(adds, removes, updates int) error {
	tx, err := l.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var gone []string
	for range min(removes, len(l.ids)-1) {
		at := l.random.IntN(len(l.ids))
		gone = append(gone, fmt.Sprint(l.ids[at]))
		l.ids[at] = l.ids[len(l.ids)-1]
		l.ids = l.ids[:len(l.ids)-1]
	}
	if len(gone) > 0 {
		if _, err := tx.Exec("DELETE FROM a WHERE id IN (" + strings.Join(gone, ", ") + ")"); err != nil {
			return fmt.Errorf("delete rows of the source: %w", err)
		}
	}
	for range updates {
		l.changes++
		if _, err := tx.Exec("UPDATE a SET v = ? WHERE id = ?", l.changes, l.ids[l.random.IntN(len(l.ids))]); err != nil {
			return fmt.Errorf("change a row of the source: %w", err)
		}
	}
	for range adds {
		l.changes++
		l.last++
		if _, err := tx.Exec("INSERT INTO a VALUES (?, ?)", l.last, l.changes); err != nil {
			return fmt.Errorf("add a row to the source: %w", err)
		}
		l.ids = append(l.ids, l.last)
	}
	return tx.Commit()
}
