package apply

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestUsersOnASecondaryIndexGetNoDeadlock: users find rows by an index, so they lock its entries before the rows, while
// changes to those values are applied, which lock the rows first.
func TestUsersOnASecondaryIndexGetNoDeadlock(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{}, `CREATE TABLE items (id INT PRIMARY KEY, n INT, u VARCHAR(20), v INT DEFAULT 0, KEY (n), UNIQUE (u))`)
	const rows = 8
	for i := range rows {
		r.apply(r.row("items", i, 1, fmt.Sprintf("%d-0", i), 0))
	}
	users := testkit.Shared(t).Connect(t, r.db.Name)
	ctx, stop := context.WithCancel(t.Context())
	var round atomic.Int64
	ended := make(chan error, 1)
	go func() {
		var errs []error
		for i := 0; ctx.Err() == nil; i++ {
			statement := `UPDATE items FORCE INDEX (n) SET v = v + 1 WHERE n > 0`
			if i%2 == 0 {
				row, now := i/2%rows, round.Load()
				statement = fmt.Sprintf(`UPDATE items FORCE INDEX (u) SET v = v + 1 WHERE u IN ('%d-%d', '%d-%d')`, row, now, row, now+1)
			}
			if _, err := users.ExecContext(ctx, statement); mysqldb.Deadlock(err) {
				errs = append(errs, err)
			}
		}
		ended <- fmt.Errorf("%d of a user's statements: %v", len(errs), errs)
	}()
	for n := range 300 {
		round.Store(int64(n))
		var list []Incoming
		for i := range rows {
			list = append(list, r.row("items", i, 2+n, fmt.Sprintf("%d-%d", i, n+1), n))
		}
		if _, err := r.Apply(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err.Error() != "0 of a user's statements: []" {
		t.Error(err)
	}
	r.until(`SELECT COUNT(*) FROM items WHERE n = 301`, rows)
}
