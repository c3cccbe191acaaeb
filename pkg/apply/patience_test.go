package apply

import (
	"context"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestRefusedRowsTakeNoLongerThanAllowed: the remaining changes are handed back, and each call gets further.
func TestRefusedRowsTakeNoLongerThanAllowed(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{}, `CREATE TABLE items (id INT PRIMARY KEY, n INT, u VARCHAR(20), v INT DEFAULT 0, CHECK (n < 100))`)
	var list []Incoming
	for i := range 300 {
		n := i % 2 * 100 // every second row is refused
		list = append(list, r.row("items", i, n, "x", 0))
	}
	results, err := r.ApplyFor(t.Context(), list, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		if !results[i].Untried || results[i].Err != nil || results[i].Wrote {
			t.Fatalf("row %d of a transaction that failed: %+v", i, results[i])
		}
	}
	r.until(`SELECT COUNT(*) FROM items`, 0)
	if results, err = r.ApplyFor(t.Context(), list[:1], 0); err != nil || results[0].Untried || !results[0].Wrote {
		t.Errorf("one that can be written: %+v, %v", results[0], err)
	}
	refused, calls := 0, 0
	for left := list; len(left) > 0; calls++ {
		if calls > len(list) {
			t.Fatal("a call made no progress")
		}
		results, err := r.ApplyFor(t.Context(), left, time.Nanosecond)
		if err != nil {
			t.Fatal(err)
		}
		var rest []Incoming
		for i := range results {
			switch {
			case results[i].Untried:
				rest = append(rest, left[i])
			case results[i].Err != nil:
				refused++
			}
		}
		left = rest
	}
	if refused != 150 || calls < 10 {
		t.Errorf("%d rows are refused, in %d calls", refused, calls)
	}
	r.until(`SELECT COUNT(*) FROM items WHERE n = 0`, 150)
}

// writes counts the transactions that are tried.
type writes struct {
	Database
	tried int
}

func (w *writes) Write(ctx context.Context, rows []change.Row, f func(Tx, *version.Writing) error) error {
	w.tried++
	return w.Database.Write(ctx, rows, f)
}

// TestManyRefusedRowsTakeATransactionEach: once some were refused one after the other, a few more are not tried together first. Rows that
// can be written among them still are.
func TestManyRefusedRowsTakeATransactionEach(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, Config{}, `CREATE TABLE items (id INT PRIMARY KEY, n INT, CHECK (n < 100))`)
	tried := &writes{Database: r.Applier.db}
	r.Applier.db = tried
	const rows = 128
	list := make([]Incoming, 0, rows)
	for i := range rows {
		list = append(list, r.row("items", i, 100))
	}
	for i := rows / 2; i < rows/2+16; i++ {
		list[i] = r.row("items", i, 0)
	}
	results, err := r.ApplyFor(t.Context(), list, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range results {
		if results[i].Err != nil {
			refused++
		}
	}
	if refused != rows-16 {
		t.Errorf("%d rows are refused", refused)
	}
	r.until(`SELECT COUNT(*) FROM items`, 16)
	if tried.tried > rows*5/4 {
		t.Errorf("%d transactions for %d refused rows", tried.tried, refused)
	}
}
