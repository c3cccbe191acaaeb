package log_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestWhatIsDoneIsNotYieldedByTheNextStart: rule 8. P cannot pass it, for what else is in its transaction or before it.
func TestWhatIsDoneIsNotYieldedByTheNextStart(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Logging(t), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one'), (2, 'two'), (3, 'three')`, `UPDATE orders SET id = 4 WHERE id = 3`)
	apply := func(s capture.Asked, want int, keys ...string) {
		t.Helper()
		err := p.stream.Write(t.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error {
			found, err := capture.Uncaptured(t.Context(), tx, s, "orders", keys)
			if err != nil {
				return err
			}
			var all []capture.Entry
			for _, key := range keys {
				all = append(all, found[key]...)
			}
			if len(all) != want {
				t.Errorf("%v wait of %q", all, keys)
			}
			return s.Consume(t.Context(), tx, w, all)
		})
		if err != nil {
			t.Error(err)
		}
	}
	apply(s, 3, "1", "3")
	_ = s.Close()
	s, _ = p.source()
	apply(s, 0, "1", "3")
	apply(s, 1, "2") // which is in another transaction of apply
	_ = s.Close()
	s, _ = p.source()
	p.want("after two starts", p.record(s), "+4")
	// More than one batch.
	p.exec(`INSERT INTO orders SELECT 100 + a.n * 40 + b.n, '' FROM
		(WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 39) SELECT n FROM r) a,
		(WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 39) SELECT n FROM r) b`)
	waiting := func() int64 {
		n, err := s.Count(t.Context(), 10_000)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := waiting()
	b, err := s.Next(t.Context())
	if err == nil {
		err = p.stream.Write(t.Context(), p.db, nil, func(tx mysqldb.Tx, w *version.Writing) error { return b.Consume(t.Context(), tx, w) })
	}
	if err != nil {
		t.Fatal(err)
	}
	first, left := len(b.Entries()), waiting()
	_ = s.Close()
	s, _ = p.source()
	if after := waiting(); before != 1600 || first != 1000 || left != 600 || after != 600 {
		t.Errorf("of %d writes %d are recorded, then %d wait, and %d after a start", before, first, left, after)
	}
}
