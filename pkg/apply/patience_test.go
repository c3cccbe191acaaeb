package apply

import (
	"testing"
	"time"
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
